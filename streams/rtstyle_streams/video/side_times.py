"""The times of packets beside the video: where they start over, they go on in step."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias, cast

import av
from av.audio.frame import AudioFrame
from av.stream import Stream

from rtstyle_streams.video.timing import LEAST_JUMP_SECONDS, Restart

Packet: TypeAlias = "av.Packet[Stream]"

_LEAST_STEP = Fraction(1, 1000)  # what every container can tell apart
_MOST_WAIT = 3  # seconds by which sound and picture of one part may end apart


def in_parts(packets: Iterable[Packet]) -> Iterator[tuple[Packet, int]]:
    """Give out all packets, each with how often the times of its stream started over.

    As for frames, one time alone that is far back or ahead is broken and starts no
    part.
    """
    streams: dict[int, _Part] = {}
    for packet in packets:
        stream = streams.setdefault(packet.stream.index, _Part())
        if packet.dts is None and packet.pts is None:
            yield packet, stream.number
        else:
            yield from stream.take(packet)
    for stream in streams.values():
        if stream.doubtful is not None:
            yield stream.doubtful, stream.number + 1


@dataclass(slots=True)
class _Part:
    """Where the reading of a stream is."""

    number: int = 0
    due: tuple[Fraction, ...] = ()
    """When the last two packets were, as far as is certain."""
    doubtful: "av.Packet[Stream] | None" = None
    """Far back; the next packet tells whether a new part begins with it."""

    def take(self, packet: Packet) -> Iterator[tuple[Packet, int]]:
        """Give out what is certain."""
        seconds = decode_seconds(packet)
        doubtful, self.doubtful = self.doubtful, None
        is_far_back = _is_far_back(seconds, behind=self.due)
        if doubtful is not None:
            first = decode_seconds(doubtful)
            if is_far_back and not _is_far_back(seconds, behind=(first,)):
                self.number, is_far_back = self.number + 1, False
                self.due = (first,)
            yield doubtful, self.number
        if is_far_back:
            self.doubtful = packet
            return
        self.due = (*self.due[-1:], seconds)
        yield packet, self.number


class SideTimes:
    """Moves packets whose times start over to where the video goes on.

    Args:
        restarts: where the times of the video have started over; grows meanwhile.
    """

    def __init__(self, restarts: Sequence[Restart]) -> None:
        self._restarts = restarts
        self._places: dict[int, _Place] = {}

    def is_in_order(self, stream: Stream) -> bool:
        """Return whether the last packet of a source's stream came after another."""
        steps = self._places[stream.index].steps
        return bool(steps) and steps[-1] > 0

    def seconds(
        self, packet: Packet, part: int, *, video: Fraction | None
    ) -> Fraction | None:
        """Return the decoding time to give `packet`; None: the video is not so far.

        When the video is over, a part that it does not have follows the one before;
        when it goes on without one, times were broken and are left as they are.

        Args:
            packet: The next of its stream.
            part: Of the stream, from `in_parts`.
            video: How far the video is, in seconds; None when it is over.
        """
        place = self._places.setdefault(packet.stream.index, _Place())
        if part > place.part:
            if part <= len(self._restarts):
                restart = self._restarts[part - 1]
                place.offset = restart.offset * restart.time_base
                place.is_moved = True
            elif video is None:
                place.offset = place.end - decode_seconds(packet)
                place.is_moved = True
            elif video < place.end + _MOST_WAIT:
                return None
            place.part = part
        return decode_seconds(packet) + place.offset

    def move(self, packet: Packet) -> None:
        """Give `packet` that time; what overlaps the part before is pushed together.

        Sound without a duration gets the time that the packets before it took: an mp4
        that is not told how long the last one sounds ends where it begins.
        """
        place = self._places[packet.stream.index]
        if place.is_moved:
            ticks = round(place.offset / packet.time_base)
            least = -(-(place.last + _LEAST_STEP) // packet.time_base)
            if packet.dts is not None:
                packet.dts = max(packet.dts + ticks, least)
            if packet.pts is not None:
                packet.pts = max(packet.pts + ticks, packet.dts or least)
        place.go_on(decode_seconds(packet))
        if packet.stream.type == "audio" and not packet.duration:
            seconds = place.step if place.steps else _sounding_seconds(packet)
            packet.duration = round(seconds / packet.time_base)
        duration = (packet.duration or 0) * packet.time_base
        place.end = place.last + max(duration, _LEAST_STEP)


@dataclass(slots=True)
class _Place:
    """Where the output of a stream is, in seconds."""

    part: int = 0
    is_moved: bool = False
    offset: Fraction = Fraction(0)
    last: Fraction = Fraction(0)
    end: Fraction = Fraction(0)
    steps: tuple[Fraction, ...] = ()
    """From the packets before to the last two; nothing of the first."""
    is_begun: bool = False

    @property
    def step(self) -> Fraction:
        """Return the shorter one of the last two steps, so that one gap is none."""
        return max(Fraction(0), min(self.steps, default=Fraction(0)))

    def go_on(self, seconds: Fraction) -> None:
        """Take note that a packet is due at `seconds`."""
        if self.is_begun:
            self.steps = (*self.steps[-1:], seconds - self.last)
        self.last, self.is_begun = seconds, True


def decode_seconds(packet: Packet) -> Fraction:
    """Return the decoding time of `packet`; 0 when it has none (cover art)."""
    ticks = packet.dts if packet.dts is not None else packet.pts
    return (ticks or 0) * packet.time_base


def _sounding_seconds(packet: Packet) -> Fraction:
    """Return for how long a packet sounds, as its decoder says; 0 if it cannot."""
    try:
        frames = cast("list[AudioFrame]", packet.decode())
    except av.error.FFmpegError:
        return Fraction(0)
    return sum((Fraction(f.samples, f.sample_rate) for f in frames), Fraction(0))


def _is_far_back(seconds: Fraction, *, behind: Sequence[Fraction]) -> bool:
    return bool(behind) and min(behind) - seconds > LEAST_JUMP_SECONDS
