"""Hand frames from thread to thread without a queue, and keep time."""

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
    """A mailbox with one slot: a newer item replaces one that nobody has taken yet.

    One thread puts, one takes. Delay cannot build up in it: whoever is slow sees fewer
    items, never old ones.
    """

    def __init__(self) -> None:
        self._ready = threading.Condition()
        self._item: T | None = None
        self._is_closed = False
        self.num_dropped = 0
        """How many items were replaced before anybody took them."""

    def put(self, item: T) -> None:
        """Lay `item` into the slot; after `close` it is thrown away."""
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
            The newest item; None when the time is up, or it is closed and empty.
        """
        with self._ready:
            if self._item is None and not self._is_closed:
                self._ready.wait_for(
                    lambda: self._item is not None or self._is_closed, timeout_seconds
                )
            item, self._item = self._item, None
            return item

    def close(self, *, discard: bool = False) -> None:
        """Let no more in; an item in the slot can still be taken unless `discard`."""
        with self._ready:
            self._is_closed = True
            if discard:
                self._item = None
            self._ready.notify_all()

    @property
    def is_closed(self) -> bool:
        """Return whether nothing more will come than what may lie in the slot."""
        return self._is_closed

    def __iter__(self) -> Iterator[T]:
        """Give out items until the mailbox is closed and empty."""
        while (item := self.take()) is not None:
            yield item


class FrameClock:
    """Wakes up `rate` times a second, without drift.

    After a delay of more than one period it starts anew instead of hurrying after.
    """

    def __init__(self, rate: float) -> None:
        self._period = 1.0 / rate
        self._due: float | None = None

    def wait(self, stop: threading.Event | None = None) -> None:
        """Sleep until the next tick; the first one is now; `stop` ends the sleep."""
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
        """Note that something happened, now or at `now` seconds of `perf_counter`."""
        self._ticks.append(time.perf_counter() if now is None else now)

    def rate(self, now: float | None = None) -> float:
        """Return ticks per second; 0.0 when there were fewer than two lately."""
        now = time.perf_counter() if now is None else now
        recent = [tick for tick in list(self._ticks) if now - tick <= self._window]
        if len(recent) < 2 or recent[-1] <= recent[0]:
            return 0.0
        return (len(recent) - 1) / (recent[-1] - recent[0])


class FramePool:
    """Lends pixel buffers of one size and takes them back by itself.

    A buffer is free again when nothing refers to it or to a part of it any more, which
    the reference count tells: nobody has to give anything back.
    """

    def __init__(self, *, width: int, height: int, max_buffers: int = 12) -> None:
        self._shape = (height, width, 3)
        self._max_buffers = max_buffers
        self._buffers: list[Pixels] = []
        self._idle_count = 0

    def take(self) -> Pixels:
        """Return a buffer of shape ``(height, width, 3)``; its content is arbitrary."""
        for buffer in self._buffers:
            if sys.getrefcount(buffer) <= self._idle_count:
                return buffer
        fresh: Pixels = np.empty(self._shape, np.uint8)
        if len(self._buffers) < self._max_buffers:
            self._buffers.append(fresh)
            # The list, one name and the call hold it: the same three as in the loop.
            self._idle_count = sys.getrefcount(fresh)
        return fresh

    def __len__(self) -> int:
        """Return how many buffers were made."""
        return len(self._buffers)
