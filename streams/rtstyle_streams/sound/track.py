"""The sound of one recording or stream: without gaps, from its first frame on."""

import time
from typing import Final

import numpy as np

from rtstyle_streams.frame import Frame
from rtstyle_streams.sound.feed import SOUND_RATE, Samples, Sound, SoundFeed

TOLERATED_SECONDS: Final = 0.08
"""By which a piece may be off without being moved: clocks differ, networks shake."""
LATE_SECONDS: Final = 0.3
"""How long sound is waited for before silence is written in its place."""


class SoundTrack:
    """Turns the pieces of a feed into samples that follow each other.

    Where nothing was heard there is silence; what was heard twice is cut.

    Args:
        feed: Where the pieces come from.
    """

    def __init__(self, feed: SoundFeed) -> None:
        self._feed, self._listener = feed, feed.join()
        self._origin_ns: int | None = None  # when the source's time was 0
        self._start_ns = 0  # on the source's clock, of the first frame
        self.num_samples = 0
        """Samples given out so far."""

    def take(self, frame: Frame) -> Samples:
        """Return what follows on the samples given out before; `frame` is written now.

        Args:
            frame: With the time that the sink gives it; of the first one the track's
                time is 0.

        Returns:
            Shape ``(N, 2)``; may be a little ahead of the frame, and is behind it by
            `LATE_SECONDS` at most.
        """
        shown_ns = round(frame.pts * frame.time_base * 1_000_000_000)
        is_first = self._origin_ns is None
        if frame.captured_ns is not None:
            self._origin_ns = frame.captured_ns - shown_ns
        elif self._origin_ns is None:  # a placeholder
            self._origin_ns = time.monotonic_ns() - shown_ns
        if is_first:
            self._start_ns = shown_ns
        parts = [
            part for piece in self._listener.take() for part in self._placed(piece)
        ]
        due = _samples(shown_ns - self._start_ns) - round(LATE_SECONDS * SOUND_RATE)
        if due > self.num_samples:
            parts.append(self._silence(due - self.num_samples))
        return np.concatenate(parts) if parts else np.zeros((0, 2), np.int16)

    def _placed(self, piece: Sound) -> list[Samples]:
        """Return silence, if some is missing before a piece, and what is new of it."""
        assert self._origin_ns is not None
        begin = _samples(piece.captured_ns - self._origin_ns - self._start_ns)
        gap = begin - self.num_samples
        samples, parts = piece.samples, []
        tolerated = round(TOLERATED_SECONDS * SOUND_RATE)
        if gap > tolerated or (gap > 0 and self.num_samples == 0):
            parts.append(self._silence(gap))
        elif gap < -tolerated or (gap < 0 and self.num_samples == 0):
            samples = samples[-gap:]
        self.num_samples += len(samples)
        return [*parts, samples]

    def _silence(self, num_samples: int) -> Samples:
        self.num_samples += num_samples
        return np.zeros((num_samples, 2), np.int16)

    def close(self) -> None:
        """Hear no more; may be called twice."""
        self._feed.leave(self._listener)


def _samples(duration_ns: int) -> int:
    return duration_ns * SOUND_RATE // 1_000_000_000
