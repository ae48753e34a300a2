"""A file's way: every frame once, in order, with all cores at work.

source -> [read ahead] -> network (one thread for each core) -> finish -> sink
"""

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

from rtstyle.painted_frames.painted_stylizer import TwoSteps
from rtstyle.stylizer.network_output import NetworkOutput
from rtstyle_streams.frame import Frame
from rtstyle_streams.protocols import Sink, Source

READ_AHEAD: Final = 4
"""Frames that are decoded before they are needed."""
POLL_SECONDS: Final = 0.1
"""How often a waiting reader looks whether it is still wanted."""

PendingOutput = Future[NetworkOutput]
"""What `Stylizer.network` will return."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run did."""

    num_frames: int
    """Frames written."""
    seconds: float
    """Wall time from the first read to the last write."""

    @property
    def frames_per_second(self) -> float:
        """Return the mean rate, 0 when nothing was written."""
        return self.num_frames / self.seconds if self.seconds else 0.0


class Pipeline:
    """Carries all frames of a source through a stylizer into a sink."""

    def __init__(self, source: Source, stylizer: TwoSteps, sink: Sink) -> None:
        self.source = source
        self.stylizer = stylizer
        self.sink = sink

    def run(self, on_frame: Callable[[Frame], None] | None = None) -> Summary:
        """Carry every frame; the sink is left to its owner to finish.

        Args:
            on_frame: Called with each frame after it was written, for progress.

        Raises:
            StreamError: the source or the sink broke; the first error is the one
                that is raised, and all threads have ended.
        """
        began = time.perf_counter()
        at_once = self.stylizer.frames_at_once
        num_frames = 0
        pool = ThreadPoolExecutor(at_once, thread_name_prefix="network")
        try:
            with read_ahead(self.source) as frames:
                for frame in self._stylized(frames, pool, depth=at_once + 1):
                    self.sink.write(frame)
                    num_frames += 1
                    if on_frame is not None:
                        on_frame(frame)
        finally:
            pool.shutdown(cancel_futures=True)
        return Summary(num_frames, time.perf_counter() - began)

    def _stylized(
        self, frames: Iterator[Frame], pool: ThreadPoolExecutor, *, depth: int
    ) -> Iterator[Frame]:
        """Give out stylized frames in order, with `depth` of them on their way."""
        pending: deque[tuple[Frame, PendingOutput]] = deque()
        for frame in frames:
            pending.append((frame, self.stylizer.submit(pool, frame.pixels)))
            if len(pending) > depth:
                yield self._finished(*pending.popleft())
        while pending:
            yield self._finished(*pending.popleft())

    def _finished(self, frame: Frame, output: PendingOutput) -> Frame:
        return replace(frame, pixels=self.stylizer.finish(output.result()))


@contextmanager
def read_ahead(source: Source) -> Iterator[Iterator[Frame]]:
    """Read `source` in a thread of its own, at most `READ_AHEAD` frames early.

    Yields:
        The frames in order; an error of the source is raised where its frame would
        have been.
    """
    box: queue.Queue[Frame | BaseException | None] = queue.Queue(READ_AHEAD)
    stop = threading.Event()

    def put(entry: Frame | BaseException | None) -> None:
        while not stop.is_set():
            try:
                return box.put(entry, timeout=POLL_SECONDS)
            except queue.Full:
                continue

    def read() -> None:
        try:
            for frame in source:
                put(frame)
                if stop.is_set():
                    return
            put(None)
        except BaseException as error:  # carried to the thread that reads the box
            put(error)

    def given() -> Iterator[Frame]:
        while (entry := box.get()) is not None:
            if isinstance(entry, BaseException):
                raise entry
            yield entry

    thread = threading.Thread(target=read, name="source", daemon=True)
    thread.start()
    try:
        yield given()
    finally:
        stop.set()
        thread.join(timeout=5.0)
