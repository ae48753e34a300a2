"""Pass frames between threads without a queue, and keep time."""

import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar

import numpy as np

from rtstyle_streams.frame import Pixels

T = TypeVar("T")


class Latest(Generic[T]):
    """A mailbox with one slot: a new item replaces one that has not been taken yet.

    One thread puts, one takes. Delay cannot build up: a slow reader gets fewer items,
    never old ones.
    """

    def __init__(self) -> None:
        self._ready = threading.Condition()
        self._item: T | None = None
        self._is_closed = False
        self.num_dropped = 0
        """Number of items replaced before they were taken."""

    def put(self, item: T) -> None:
        """Put `item` into the slot; after `close` it is discarded."""
        with self._ready:
            if self._is_closed:
                return
            if self._item is not None:
                self.num_dropped += 1
            self._item = item
            self._ready.notify()

    def take(self, timeout_seconds: float | None = None) -> T | None:
        """Wait for an item and empty the slot.

        Returns:
            The newest item; None after the timeout, or if it is closed and empty.
        """
        with self._ready:
            if self._item is None and not self._is_closed:
                self._ready.wait_for(
                    lambda: self._item is not None or self._is_closed, timeout_seconds
                )
            item, self._item = self._item, None
            return item

    def close(self, *, discard: bool = False) -> None:
        """Accept no more items; one in the slot can still be taken unless `discard`."""
        with self._ready:
            self._is_closed = True
            if discard:
                self._item = None
            self._ready.notify_all()

    @property
    def is_closed(self) -> bool:
        """Return whether it is closed; one last item may still be in the slot."""
        return self._is_closed

    def __iter__(self) -> Iterator[T]:
        """Yield items until the mailbox is closed and empty."""
        while (item := self.take()) is not None:
            yield item


class FrameClock:
    """Wakes up `rate` times per second, without drift.

    After a delay of more than one period it restarts instead of catching up.
    """

    def __init__(self, rate: float) -> None:
        self._period = 1.0 / rate
        self._due: float | None = None

    def wait(self, stop: threading.Event | None = None) -> None:
        """Sleep until the next tick (the first is now), or until `stop` is set."""
        now = time.perf_counter()
        due = now if self._due is None else self._due + self._period
        self._due = now if now - due > self._period else due
        pause = self._due - now
        if pause <= 0:
            return
        if stop is None:
            time.sleep(pause)
        else:
            stop.wait(pause)


class RateMeter:
    """Counts ticks per second over the last few seconds."""

    def __init__(self, window_seconds: float = 2.0) -> None:
        self._window = window_seconds
        self._ticks: deque[float] = deque(maxlen=1000)

    def tick(self, now: float | None = None) -> None:
        """Count one tick, now or at `now` seconds of `perf_counter`."""
        self._ticks.append(time.perf_counter() if now is None else now)

    def rate(self, now: float | None = None) -> float:
        """Return ticks per second; 0.0 if there were fewer than two recently."""
        now = time.perf_counter() if now is None else now
        recent = [tick for tick in list(self._ticks) if now - tick <= self._window]
        if len(recent) < 2 or recent[-1] <= recent[0]:
            return 0.0
        return (len(recent) - 1) / (recent[-1] - recent[0])


class FramePool:
    """Provides pixel buffers of one size and reuses them automatically.

    A buffer is free again once nothing refers to it or to a view of it, according to
    its reference count, so callers do not have to return buffers.
    """

    def __init__(self, *, width: int, height: int, max_buffers: int = 12) -> None:
        self._shape = (height, width, 3)
        self._max_buffers = max_buffers
        self._buffers: list[Pixels] = []
        self._idle_count = 0

    def take(self) -> Pixels:
        """Return a buffer of shape ``(height, width, 3)`` with arbitrary content."""
        for buffer in self._buffers:
            if sys.getrefcount(buffer) <= self._idle_count:
                return buffer
        fresh: Pixels = np.empty(self._shape, np.uint8)
        if len(self._buffers) < self._max_buffers:
            self._buffers.append(fresh)
            # three references: the list, one name and the call, as in the loop
            self._idle_count = sys.getrefcount(fresh)
        return fresh

    def __len__(self) -> int:
        """Return the number of buffers allocated."""
        return len(self._buffers)
