"""The live loop: camera, stages, sinks; one thread each, and the newest frame wins.

    camera -> [latest] -> stylize -+-> [latest] -> sink
                                   +-> [latest] -> sink

Nothing queues up: whoever is slow sees fewer frames, and delays nobody else.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from rtstyle.live.latency import Latency
from rtstyle.live.meters import LiveMeters
from rtstyle.live.outlets import FanOut, Inlet, Outlet, Preview
from rtstyle.live.stage_threads import Stage, StageThreads
from rtstyle_streams.frame import Frame
from rtstyle_streams.live_frame import LiveFrame, as_live
from rtstyle_streams.pacing import Latest
from rtstyle_streams.protocols import Sink

Process = Callable[[LiveFrame], LiveFrame]
"""What a stage does with a frame: returns another one, and keeps its `content`."""
HANG_SECONDS: Final = 30.0
"""A stage that needs longer than this for one frame is taken to hang."""
POLL_SECONDS: Final = 0.01
"""How often the main thread looks whether the run is over."""


@dataclass(frozen=True, slots=True)
class LiveReport:
    """What a live run measured; the names are those of the stages and sinks."""

    seconds: float
    """How long it ran."""
    num_captured: int
    """Frames that the camera gave."""
    num_finished: int
    """Frames that came through all stages."""
    num_dropped: dict[str, int]
    """Frames that a stage or sink did not see because a newer one came."""
    age: dict[str, Latency]
    """Frame age at each sink: from the camera's time stamp until it was taken."""
    work: dict[str, Latency]
    """Time per frame in each stage; for the camera, the wait for the next frame."""


class Live:
    """Carries frames from a camera through stages to sinks until it is told to stop."""

    def __init__(
        self,
        source: Iterable[Frame],
        stages: Mapping[str, Process],
        sinks: Mapping[str, Sink],
        *,
        preview: Preview | None = None,
        hang_seconds: float = HANG_SECONDS,
        meters: LiveMeters | None = None,
    ) -> None:
        """Lay out the mailboxes.

        Args:
            source: The camera's frames; the caller's to close.
            stages: What is done to each frame, by name and in order.
            sinks: Where finished frames go, by name; finished and closed by `run`.
            preview: A window, served by the thread that calls `run`.
            hang_seconds: How long a stage may take for one frame.
            meters: Filled with what is measured, for whoever shows it.
        """
        self.threads = StageThreads(hang_seconds=hang_seconds)
        """The threads; each stage knows its times."""
        self.inboxes: dict[str, Latest[LiveFrame]] = {name: Latest() for name in stages}
        """Where each stage finds its frames."""
        self.outlets = [Outlet(name) for name in sinks]
        """One for each sink, the window last."""
        if preview is not None:
            self.outlets.append(Outlet("window"))
        self.finished = FanOut(self.outlets)
        """Where the last stage puts its frames."""
        if meters is not None:
            meters.stages, meters.inboxes = self.threads.stages, self.inboxes
            meters.outlets, meters.finished = self.outlets, self.finished
        self._source, self._stages, self._sinks = source, stages, sinks
        self._preview = preview

    def run(
        self, *, seconds: float | None = None, stop: threading.Event | None = None
    ) -> LiveReport:
        """Run until the source ends, the window says so, or one of the arguments.

        Ctrl-C is a normal end too. Sinks are finished and closed, whatever the reason;
        the source is the caller's to close.

        Args:
            seconds: How long to run; None for as long as the source gives frames.
            stop: Ends the run when set, from any thread or a signal handler.

        Raises:
            Exception: the first error of any stage; all others have been stopped.
        """
        start = time.monotonic()
        try:
            self._start_threads()
            with contextlib.suppress(KeyboardInterrupt):
                while self.threads.is_working() and not (stop and stop.is_set()):
                    if seconds is not None and time.monotonic() - start >= seconds:
                        break
                    if not self._serve_window():
                        break
                    self.threads.check()
        finally:
            self.threads.stop()
            self.threads.join()
        if self.threads.error is not None:
            raise self.threads.error
        return self.report(seconds=time.monotonic() - start)

    def report(self, *, seconds: float) -> LiveReport:
        """Return what was measured so far."""
        boxes = self.inboxes | {out.name: out.mailbox for out in self.outlets}
        return LiveReport(
            seconds=seconds,
            num_captured=self.threads.stages[0].times.num_added,
            num_finished=self.finished.num_frames,
            num_dropped={name: box.num_dropped for name, box in boxes.items()},
            age={out.name: out.age.summary() for out in self.outlets},
            work={stage.name: stage.times.summary() for stage in self.threads.stages},
        )

    def _start_threads(self) -> None:
        """Start the camera, the stages and the sinks, in this order."""
        outboxes: list[Inlet] = [*self.inboxes.values(), self.finished]
        for outbox in outboxes:
            self.threads.on_stop(outbox.close)
        self.threads.start("camera", partial(_capture, self._source, outboxes[0]))
        for place, (name, process) in enumerate(self._stages.items(), start=1):
            work = partial(_process, self.inboxes[name], process, outboxes[place])
            self.threads.start(name, work)
        for outlet, sink in zip(self.outlets, self._sinks.values(), strict=False):
            self.threads.start(outlet.name, partial(outlet.write_all, sink))

    def _serve_window(self) -> bool:
        """Show the newest frame, if there is a window; False ends the run."""
        if self._preview is None:
            return not self.threads.stopping.wait(POLL_SECONDS)
        outlet = self.outlets[-1]
        frame = outlet.mailbox.take(POLL_SECONDS)
        if frame is not None:
            self._preview.write(frame)
            outlet.note_age(frame)
        return self._preview.pump() and not self.threads.stopping.is_set()


def _capture(source: Iterable[Frame], outbox: Inlet, stage: Stage) -> None:
    """Give every frame of `source` on, until it ends or nobody wants more."""
    frames = iter(source)
    while not outbox.is_closed:
        try:
            with stage.busy():
                frame = next(frames)
        except StopIteration:
            break
        outbox.put(as_live(frame))
    outbox.close()


def _process(
    inbox: Latest[LiveFrame],
    process: Process,
    outbox: Inlet,
    stage: Stage,
) -> None:
    """Turn each frame into a finished one; a notice passes untouched."""
    for frame in inbox:
        if not frame.notice:
            with stage.busy():
                frame = process(frame)
        outbox.put(frame)
    outbox.close()
