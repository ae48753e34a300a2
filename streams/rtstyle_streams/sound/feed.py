"""Pieces of sound on their way from one source to all sinks that write sound."""

import threading
from collections import deque
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]
"""Left and right, shape ``(N, 2)``, int16."""
SOUND_RATE: Final = 48_000
"""Samples a second of all sound in here."""
MOST_PIECES: Final = 1500
"""That wait for a sink, half a minute of them; then the oldest are forgotten."""


@dataclass(frozen=True, slots=True)
class Sound:
    """A piece of sound and the moment at which it began."""

    samples: Samples
    """Shape ``(N, 2)``, int16, `SOUND_RATE` a second."""
    captured_ns: int
    """When its first sample was taken, on the monotonic clock."""


class Listener:
    """One sink's place in a `SoundFeed`."""

    def __init__(self) -> None:
        self._pieces: deque[Sound] = deque(maxlen=MOST_PIECES)

    def put(self, piece: Sound) -> None:
        """Lay a piece behind those that wait; from any thread."""
        self._pieces.append(piece)

    def take(self) -> list[Sound]:
        """Return what has come since the last call, in order."""
        return [self._pieces.popleft() for _ in range(len(self._pieces))]


class SoundFeed:
    """Hands each piece to all that listen; from any thread to any thread."""

    def __init__(self) -> None:
        self.is_expected = False
        """Whether sound has come, or may still come."""
        self._listeners: list[Listener] = []
        self._lock = threading.Lock()

    def put(self, piece: Sound) -> None:
        """Give out a piece."""
        self.is_expected = True
        with self._lock:
            for listener in self._listeners:
                listener.put(piece)

    def join(self) -> Listener:
        """Return a place that hears all that comes from now on."""
        listener = Listener()
        with self._lock:
            self._listeners.append(listener)
        return listener

    def leave(self, listener: Listener) -> None:
        """Give a place up; may be called twice."""
        with self._lock:
            if listener in self._listeners:
                self._listeners.remove(listener)
