"""Encoded packets in a file of their own: exact times, nothing of a container."""

import io
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, Self

import av
from av.stream import Stream
from av.video.stream import VideoStream

from rtstyle_streams.errors import SourceError

MARK = b"rtstyle packets 1\n"
"""First bytes of every file."""
_HEAD = struct.Struct("<qqqIIBI")  # pts, dts, duration, time base, key frame, bytes


@dataclass(frozen=True, slots=True)
class StoredPacket:
    """One encoded frame and its times."""

    data: bytes
    """What the encoder made."""
    pts: int
    """When it is shown, in ticks of `time_base`."""
    dts: int
    """When it is decoded, in ticks too."""
    duration: int
    """For how long it is shown, in ticks; 0 when unknown."""
    time_base: Fraction
    """Seconds per tick."""
    is_keyframe: bool
    """Whether decoding can begin here."""

    @classmethod
    def of(cls, packet: "av.Packet[VideoStream]") -> Self:
        """Return a copy of what an encoder gave out.

        Raises:
            ValueError: it has no presentation time.
        """
        if packet.pts is None:
            raise ValueError("packet: expected a presentation time, got none")
        dts = packet.pts if packet.dts is None else packet.dts
        return cls(
            data=bytes(packet),
            pts=packet.pts,
            dts=dts,
            duration=packet.duration or 0,
            time_base=packet.time_base,
            is_keyframe=packet.is_keyframe,
        )

    def as_packet(self, stream: Stream, *, dts: int) -> "av.Packet[Stream]":
        """Return a packet for the muxer, decoded at `dts` (ticks)."""
        packet: av.Packet[Stream] = av.Packet(self.data)
        packet.stream = stream
        packet.time_base = self.time_base
        packet.pts, packet.dts = self.pts, dts
        packet.duration = self.duration
        packet.is_keyframe = self.is_keyframe
        return packet


def pack(packets: Iterable[StoredPacket]) -> bytes:
    """Return packets as bytes, without the file's mark."""
    parts: list[bytes] = []
    for packet in packets:
        ticks = packet.time_base
        head = _HEAD.pack(
            packet.pts,
            packet.dts,
            packet.duration,
            ticks.numerator,
            ticks.denominator,
            packet.is_keyframe,
            len(packet.data),
        )
        parts += (head, packet.data)
    return b"".join(parts)


def read_packets(path: Path) -> list[StoredPacket]:
    """Return all packets of a file.

    Raises:
        SourceError: it cannot be read, or is not whole.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SourceError(
            f"{path}: expected encoded packets, got: {error.strerror}"
        ) from error
    return unpack(data, what=str(path))


def unpack(data: bytes, *, what: str) -> list[StoredPacket]:
    """Return the packets in a file's bytes, its mark included.

    Raises:
        SourceError: they are not whole.
    """
    if not data.startswith(MARK):
        raise SourceError(f"{what}: expected encoded packets, got another file")
    file = io.BytesIO(data)
    file.seek(len(MARK))
    return list(_unpacked(file, what))


def decode_times(
    packets: Sequence[StoredPacket], *, before: Sequence[int], delay: int
) -> list[int]:
    """Return when the packets of a segment are decoded behind the segments before.

    The k-th packet of a film is decoded when the (k - `delay`)-th frame is shown, as
    one encoder would have it; an encoder that begins anew does not know those before.

    Args:
        packets: Of one segment, in order of decoding.
        before: When the last `delay` frames before are shown, in order, in ticks.
        delay: By how many frames decoding runs ahead.
    """
    shown = [*before, *sorted(packet.pts for packet in packets)]
    if len(before) < delay or len(set(shown)) < len(shown):
        return [packet.dts for packet in packets]
    return shown[: len(packets)]


def reorder_delay(packets: Sequence[StoredPacket]) -> int:
    """Return by how many frames decoding runs ahead of showing, for a first segment."""
    first = min(packet.pts for packet in packets)
    return sum(packet.dts < first for packet in packets)


def _unpacked(file: BinaryIO, what: str) -> Iterator[StoredPacket]:
    while head := file.read(_HEAD.size):
        if len(head) < _HEAD.size:
            raise SourceError(f"{what}: expected whole packets, got half of one")
        pts, dts, duration, above, below, is_key, size = _HEAD.unpack(head)
        data = file.read(size)
        if len(data) < size or not below:
            raise SourceError(f"{what}: expected whole packets, got half of one")
        ticks = Fraction(above, below)
        yield StoredPacket(data, pts, dts, duration, ticks, bool(is_key))
