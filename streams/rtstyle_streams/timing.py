"""The time of every frame, carried as it stands in the file."""

import re
from fractions import Fraction

import av
from av.container import InputContainer
from av.video.stream import VideoStream

_MICROSECOND = Fraction(1, 1_000_000)
_TOLERATED_SECONDS = 0.5  # a last frame may well be shown that long


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

    def missing_seconds(self) -> float:
        """Return by how much the last frame so far ends before the stream should.

        0 when the file does not say how long its video is, or the gap is below half a
        second.
        """
        stream, last = self._stream, self._last
        if last is None:
            return 0.0
        if stream.duration:
            end = (stream.start_time or 0) + stream.duration
            gap = float((end - last) * self.time_base)
        else:
            text = stream.metadata.get("DURATION", "")
            gap = _seconds_of(text) - float(last * self.time_base)
        return gap if gap > _TOLERATED_SECONDS else 0.0


def _seconds_of(text: str) -> float:
    """Read Matroska's ``00:01:02.500000000``; 0 when it is something else."""
    match = re.fullmatch(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)", text)
    if match is None:
        return 0.0
    return int(match[1]) * 3600 + int(match[2]) * 60 + float(match[3])
