"""The time of every frame, carried as it stands in the file."""

from fractions import Fraction

import av
from av.container import InputContainer
from av.video.stream import VideoStream

_MICROSECOND = Fraction(1, 1_000_000)


class Timing:
    """Gives each decoded frame its time, strictly later than the one before."""

    def __init__(self, stream: VideoStream) -> None:
        self._stream = stream
        self.time_base = stream.time_base or _MICROSECOND
        """Seconds per tick."""
        rate = stream.average_rate or stream.guessed_rate
        self.frame_rate = rate or None
        """Nominal frames per second; None when unknown."""
        self._last: int | None = None
        self._index = -1

    def next(self, frame: av.VideoFrame) -> tuple[int, int]:
        """Return pts and index of the next frame.

        A frame without a time (AVI, raw streams) gets its decoding time, or follows
        the last one by a nominal frame.
        """
        self._index += 1
        ticks = frame.pts if frame.pts is not None else frame.dts
        if ticks is None:
            step = 1 / ((self.frame_rate or 25) * self.time_base)
            pts = 0 if self._last is None else self._last + max(1, round(step))
        else:
            pts = round(ticks * (frame.time_base or self.time_base) / self.time_base)
        if self._last is not None:
            pts = max(pts, self._last + 1)
        self._last = pts
        return pts, self._index

    def num_frames(self, container: InputContainer) -> int | None:
        """Return how many frames to expect, for progress; None when unknown."""
        if self._stream.frames:
            return self._stream.frames
        seconds: Fraction | None = None
        if self._stream.duration:
            seconds = self._stream.duration * self.time_base
        elif container.duration:
            seconds = container.duration * _MICROSECOND
        if seconds is None or not self.frame_rate:
            return None
        return max(1, round(seconds * self.frame_rate))
