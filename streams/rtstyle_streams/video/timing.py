"""The time of every frame, carried as it stands in the file."""

import re
from dataclasses import dataclass
from fractions import Fraction

import av
from av.container import InputContainer
from av.video.stream import VideoStream

_MICROSECOND = Fraction(1, 1_000_000)
_TOLERATED_SECONDS = 0.5
_MOST_SECONDS = 10**11  # three thousand years; what is later is no time
_HIGHEST_RATE = 2000  # frames a second; slow motion of telephones is 960

LEAST_JUMP_SECONDS = 1
"""How far times must go back to be taken for starting over, not for disorder."""


@dataclass(frozen=True, slots=True)
class Restart:
    """A place where the times of a file start over, as in joined files."""

    pts: int
    """When its first frame is shown, one frame after the last; ticks of `time_base`."""
    offset: int
    """What is added to all times behind it, so that they go on there; in ticks too."""
    time_base: Fraction
    """Seconds per tick."""


class Timing:
    """Gives each decoded frame its time, strictly later than the one before."""

    def __init__(self, stream: VideoStream, *, num_before: int = 0) -> None:
        """Begin at the first frame, or behind so many that are passed over."""
        self._stream = stream
        self.time_base = stream.time_base or _MICROSECOND
        """Seconds per tick."""
        self.frame_rate = _sensible_rate(stream)
        """Nominal frames per second; None when unknown."""
        self._start = stream.start_time  # before FFmpeg overwrites it while reading
        self._first: int | None = None
        self.restarts: list[Restart] = []
        """Where the times have started over so far, in order."""
        self._last: int | None = None
        self._last_ticks = 0  # for how long that frame is shown
        self._due: tuple[int, ...] = ()  # when the last two were, as far as is certain
        self._doubtful: Restart | None = None
        self._index = num_before - 1

    def next(self, frame: av.VideoFrame) -> tuple[int, int]:
        """Return pts and index of the next frame.

        A frame without a time (AVI, raw streams, a cut Ogg) gets its decoding time, or
        follows the last one by a nominal frame. Where times jump back they go on, see
        `restarts`; after a little disorder a frame comes one tick after the last.
        """
        self._index += 1
        ticks = frame.pts if frame.pts is not None else frame.dts
        if ticks is None or abs(ticks * self.time_base) > _MOST_SECONDS:
            pts = 0 if self._last is None else self._last + self._nominal_ticks()
        else:
            pts = self._continued(self._own_ticks(ticks, frame))
        if self._last is not None:
            pts = max(pts, self._last + 1)
        if self._first is None:
            self._first = pts
        self._last = pts
        self._last_ticks = self._own_ticks(frame.duration or 0, frame)
        return pts, self._index

    def ticks(self, frame: av.VideoFrame) -> int | None:
        """Return the time that a frame itself has; None when it has none."""
        return None if frame.pts is None else self._own_ticks(frame.pts, frame)

    def _own_ticks(self, ticks: int, frame: av.VideoFrame) -> int:
        return round(ticks * (frame.time_base or self.time_base) / self.time_base)

    def _nominal_ticks(self) -> int:
        return max(1, round(1 / ((self.frame_rate or 25) * self.time_base)))

    def _continued(self, ticks: int) -> int:
        """Return `ticks` as they are when times that start over go on.

        One frame alone with a time far back or ahead is a broken one: the times start
        over when the next one stays there.
        """
        offset = self.restarts[-1].offset if self.restarts else 0
        if not self._is_far_back(ticks + offset):
            self._doubtful = None
            return self._certain(ticks + offset)
        if self._doubtful is None or self._is_far_back(ticks + self._doubtful.offset):
            assert self._last is not None
            pts = self._last + (self._last_ticks or self._nominal_ticks())
            self._doubtful = Restart(pts, pts - ticks, self.time_base)
            return pts
        restart, self._doubtful = self._doubtful, None
        self.restarts.append(restart)
        self._due = ()
        return self._certain(ticks + restart.offset)

    def _certain(self, pts: int) -> int:
        self._due = (*self._due[-1:], pts)
        return pts

    def _is_far_back(self, pts: int) -> bool:
        """Tell whether `pts` is far behind both frames before.

        Where only the last one is far ahead, that one is the broken one.
        """
        least = min(self._due, default=pts)
        return (least - pts) * self.time_base > LEAST_JUMP_SECONDS

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

    @property
    def seconds(self) -> float:
        """Return when the last frame so far is shown, 0 before the first."""
        return float((self._last or 0) * self.time_base)

    def gap_before(self, frame: av.VideoFrame) -> tuple[float, float] | None:
        """Return from when to when a frame is missing before `frame`, in seconds.

        A little earlier than that, so that times which are rounded fall into it. None
        when it follows the last frame, or when that cannot be known.
        """
        ticks = frame.pts if frame.pts is not None else frame.dts
        if ticks is None or self._last is None or not self.frame_rate:
            return None
        offset = self.restarts[-1].offset if self.restarts else 0
        due = self._last + max(self._last_ticks, self._nominal_ticks())
        start = self._own_ticks(ticks, frame) + offset
        tolerated = max(1, self._nominal_ticks() / 2)
        if start - due < tolerated:
            return None
        early = float((due - tolerated / 2) * self.time_base)
        return early, float((start - tolerated / 2) * self.time_base)

    def missing_seconds(self) -> float:
        """Return by how much the last frame so far ends before the stream should.

        0 when the file does not say how long its video is, or the gap is below half a
        second.
        """
        stream = self._stream
        if self._last is None:
            return 0.0
        last = self._last + (self._last_ticks or self._nominal_ticks())
        if stream.duration:
            start = self._start if self._start is not None else self._first
            end = (start or 0) + stream.duration
            gap = float((end - last) * self.time_base)
        else:
            text = stream.metadata.get("DURATION", "")
            gap = _seconds_of(text) - float(last * self.time_base)
        return gap if gap > _TOLERATED_SECONDS else 0.0


def _sensible_rate(stream: VideoStream) -> Fraction | None:
    """Return frames per second; None when FFmpeg knows no rate that can be one.

    The average is what the file holds, but FFmpeg takes a time base for it where there
    are few frames (raw DV: 60000 a second). No film has more frames than its base rate,
    and none is faster than `_HIGHEST_RATE`.
    """
    average, guessed = stream.average_rate, stream.guessed_rate
    fastest = max(guessed or 0, stream.base_rate or 0) or average
    for rate in (average, guessed, stream.base_rate):
        if rate and fastest and rate <= min(fastest * 2, _HIGHEST_RATE):
            return rate
    return None


def _seconds_of(text: str) -> float:
    """Read Matroska's ``00:01:02.500000000``; 0 when it is something else."""
    match = re.fullmatch(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)", text)
    if match is None:
        return 0.0
    return int(match[1]) * 3600 + int(match[2]) * 60 + float(match[3])
