"""Signals that end a run: each is a normal end, with everything cleaned up."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

ENDING: Final = tuple(
    number
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    if (number := getattr(signal, name, None)) is not None
)
"""What ends a run: Ctrl-C, a shutdown, a closed terminal, Ctrl-Break."""
PATIENCE_SECONDS: Final = 2.0
"""A closed terminal sends several signals; those that come so soon do nothing more."""
EXIT_SIGNAL: Final = 128
"""The exit status after a signal is this and its number, as shells have it."""

RETRY_SECONDS: Final = 0.02
"""How long a signal waits for the end of an import, again and again."""

_stops: list[Callable[[], None]] = []
_came = threading.Event()


class Stopped(KeyboardInterrupt):
    """A signal that ends the run came; is caught and cleaned up after like Ctrl-C."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number
        """Of the signal."""


class _OnSignal:
    """Calls back at the first signal, ignores what comes with it, then ends hard."""

    def __init__(self, call: Callable[[int], None]) -> None:
        self._call = call
        self.first: float | None = None
        """When the first signal came, monotonic clock; None before."""

    def __call__(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self.first is None and _is_importing(frame):
            _later(number)
        elif self.first is None:
            self.first = now
            _came.set()
            self._call(number)
        elif now - self.first > PATIENCE_SECONDS:
            os._exit(EXIT_SIGNAL + number)


def has_come() -> bool:
    """Tell whether a signal has asked this process to end."""
    return _came.is_set()


def call_at_stop(call: Callable[[], None]) -> None:
    """Have `call` called when a signal ends the run, before `Stopped` is raised.

    For work inside a library that no exception reaches; called in the main thread.
    """
    _stops.append(call)


class StopEvent(threading.Event):
    """Set by the signal that asks a run to end."""

    number: int = signal.SIGINT
    """Of the signal that came."""

    def set_by(self, number: int) -> None:
        """Set the event."""
        self.number = number
        self.set()


@contextmanager
def stopped_by_signals() -> Iterator[StopEvent]:
    """Raise `Stopped` in the main thread at the first signal that ends a run.

    One that is ignored already, by nohup for example, stays ignored.

    Yields:
        An event that the signal has set: a library may turn `Stopped` into an error
        of its own.
    """
    event = StopEvent()

    def stop(number: int) -> None:
        event.set_by(number)
        for call in _stops:
            call()
        raise Stopped(number)

    with _handled_by(_OnSignal(stop)):
        yield event


@contextmanager
def graceful_stop() -> Iterator[StopEvent]:
    """Give out an event that the first signal sets; one 2 s later ends hard."""
    event = StopEvent()
    with _handled_by(_OnSignal(event.set_by)):
        yield event


@contextmanager
def _handled_by(handler: _OnSignal) -> Iterator[None]:
    """Have `handler` called for the signals of `ENDING` that are not ignored."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in ENDING}
    chosen = [n for n, found in before.items() if found is not signal.SIG_IGN]
    for number in chosen:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number in chosen:
            outer = before[number]
            if isinstance(outer, _OnSignal) and outer.first is None:
                outer.first = handler.first  # what comes late is no new signal
            signal.signal(number, outer or signal.SIG_DFL)


def _is_importing(frame: FrameType | None) -> bool:
    """Tell whether a module is being imported: what is raised there may get lost."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _later(number: int) -> None:
    """Send the signal to the main thread again in a moment."""
    timer = threading.Timer(RETRY_SECONDS, _send_to_main, [number])
    timer.daemon = True
    timer.start()


def _send_to_main(number: int) -> None:
    main = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and main is not None:
        signal.pthread_kill(main, number)  # wakes it if it waits
    else:
        signal.raise_signal(number)
