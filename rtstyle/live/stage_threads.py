"""Threads that stop together: the first error of any of them is the one that counts."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rtstyle.errors import RtstyleError
from rtstyle.live.latency import LatencyMeter

log = logging.getLogger(__name__)

STOP_SECONDS: Final = 1.0
"""How long stages are waited for when all must stop."""
FINISH_SECONDS: Final = 10.0
"""How long a sink may take to complete its file after the last frame."""


class StageHungError(RtstyleError, TimeoutError):
    """A stage did not come back from one frame."""


class Stage:
    """One thread's work, its times, and since when it has been at its present frame."""

    def __init__(self, name: str) -> None:
        self.name = name
        """What the user calls it: "camera", "stylize", "window"."""
        self.times = LatencyMeter()
        """How long each frame took in this stage."""
        self.is_finishing = False
        """Whether it is past its last frame and only completes its result."""
        self.is_hung = False
        """Whether it was given up; nobody waits for it any more."""
        self._since_ns: int | None = None

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Time one frame, which `StageThreads.check` watches; errors are not timed."""
        start = time.monotonic_ns()
        self._since_ns = start
        try:
            yield
        finally:
            self._since_ns = None
        self.times.add_ns(time.monotonic_ns() - start)

    def busy_seconds(self) -> float:
        """Return for how long it has been at the present frame; 0.0 when it waits."""
        since = self._since_ns
        return 0.0 if since is None else (time.monotonic_ns() - since) / 1e9


class StageThreads:
    """Runs stages on threads, stops them together and keeps the first error."""

    def __init__(self, *, hang_seconds: float) -> None:
        self.stages: list[Stage] = []
        """In the order in which they were started."""
        self.error: BaseException | None = None
        """The first thing that went wrong in any stage."""
        self.stopping = threading.Event()
        """Set when all stages must end."""
        self._hang_seconds = hang_seconds
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._on_stop: list[Callable[[], None]] = []

    def on_stop(self, action: Callable[[], None]) -> None:
        """Run `action` (such as closing a mailbox) once, when all must stop."""
        self._on_stop.append(action)

    def start(self, name: str, work: Callable[[Stage], None]) -> Stage:
        """Start a thread that runs ``work(stage)``; an exception in it stops all."""
        stage = Stage(name)
        self.stages.append(stage)

        def guarded() -> None:
            try:
                work(stage)
            except BaseException as error:
                self.fail(error)

        thread = threading.Thread(target=guarded, name=f"rtstyle-{name}", daemon=True)
        self._threads.append(thread)
        thread.start()
        return stage

    def fail(self, error: BaseException) -> None:
        """Keep `error` if it is the first, and stop all."""
        with self._lock:
            if self.error is None:
                self.error = error
            else:
                log.debug("a later error, after %r", self.error, exc_info=error)
        self.stop()

    def stop(self) -> None:
        """Tell all stages to end; returns at once; may be called again."""
        with self._lock:
            if self.stopping.is_set():
                return
            self.stopping.set()
        for action in self._on_stop:
            action()

    def is_working(self) -> bool:
        """Return whether any thread still runs."""
        return any(thread.is_alive() for thread in self._threads)

    def check(self) -> None:
        """Stop all when a stage has been at one frame for too long."""
        for stage in self.stages:
            if not stage.is_finishing and stage.busy_seconds() > self._hang_seconds:
                stage.is_hung = True
                self.fail(
                    StageHungError(
                        f"{stage.name}: expected one frame to take less than "
                        f"{self._hang_seconds:g} s, got no answer; it hangs, or this "
                        "machine is far too slow for it"
                    )
                )

    def join(self) -> None:
        """Wait for the threads: a second for work, longer for sinks that finish.

        A thread that hangs is left behind (it is a daemon). Raises nothing.
        """
        start = time.monotonic()
        for thread, stage in zip(self._threads, self.stages, strict=True):
            while thread.is_alive() and not stage.is_hung:
                limit = FINISH_SECONDS if stage.is_finishing else STOP_SECONDS
                if time.monotonic() - start > limit:
                    log.warning("%s did not stop and is left behind", stage.name)
                    break
                thread.join(0.01)
