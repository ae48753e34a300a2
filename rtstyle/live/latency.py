"""How old a frame is when it arrives, and how long a stage takes: measured, in ms."""

from dataclasses import dataclass
from typing import Final

import numpy as np

NS_PER_MS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Latency:
    """Percentiles of measured times."""

    num_samples: int
    """How many times they were taken from."""
    p50_ms: float
    """Half of the times were at most this."""
    p95_ms: float
    """95 of 100 were at most this."""
    p99_ms: float
    """99 of 100 were at most this."""
    max_ms: float
    """The longest."""

    def __str__(self) -> str:
        """Return the three percentiles in one short phrase."""
        if not self.num_samples:
            return "nothing measured"
        return f"p50 {self.p50_ms:.1f}, p95 {self.p95_ms:.1f}, p99 {self.p99_ms:.1f} ms"


class LatencyMeter:
    """Collects times in a ring of fixed size: hours of running need no more memory.

    One thread adds; others may read at any time.
    """

    def __init__(self, *, capacity: int = 65536) -> None:
        self._ring = np.zeros(capacity, np.int64)
        self._num_added = 0

    def add_ns(self, duration_ns: int) -> None:
        """Note one time, in nanoseconds; the oldest falls out of a full ring."""
        self._ring[self._num_added % len(self._ring)] = duration_ns
        self._num_added += 1

    @property
    def num_added(self) -> int:
        """Return how many times were noted, those that fell out included."""
        return self._num_added

    def summary(self, *, last: int | None = None) -> Latency:
        """Return the percentiles of everything in the ring, or of the `last` times.

        A percentile is a time that occurred: no interpolation, rounded up.
        """
        held = min(self._num_added, len(self._ring))
        count = held if last is None else min(held, last)
        if not count:
            return Latency(0, 0.0, 0.0, 0.0, 0.0)
        places = (self._num_added - 1 - np.arange(count)) % len(self._ring)
        times_ms = self._ring[places] / NS_PER_MS
        p50, p95, p99 = np.percentile(times_ms, (50, 95, 99), method="higher")
        return Latency(count, float(p50), float(p95), float(p99), float(times_ms.max()))


def audio_offset_ms(picture: Latency) -> int:
    """Return the delay to set for the microphone so that voice and picture meet.

    The typical age of a frame at the sink, rounded to 10 ms; the camera's own
    exposure and transfer, which no program sees, are not in it.
    """
    return round(picture.p50_ms / 10) * 10
