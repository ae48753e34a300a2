"""What a container can hold, asked of its muxer by writing a little and reading it."""

import io
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from fractions import Fraction
from functools import lru_cache
from typing import Any

import av
from av.container import OutputContainer
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

_SIDE = 32
"""Of the pictures in a trial, in pixels."""
_SILENCE = {"libx265": {"x265-params": "log-level=error"}}
"""Options of encoders that write to stderr by themselves."""
_FAMILIES = {"mp1": "mp3", "mp2": "mp3", "eac3": "ac3"}
"""Codecs that one decoder reads; which one it is can be told only by the packets."""
_TRIAL_LENGTH = 2000
"""Packets after which a trial begins again, so that its index does not grow."""
_REFUSALS = (ValueError, OSError, av.error.FFmpegError)
BROKEN_PACKET = (av.error.ArgumentError, av.error.InvalidDataError)
"""What a muxer says of a packet that makes no sense, its times or what it holds."""


def can_hold(
    format_name: str, stream: Stream, first_packets: Callable[[], Sequence[bytes]]
) -> bool:
    """Return whether a file of this format gives back `stream` as what it is.

    Some muxers refuse what they cannot hold. Others have no table of codecs and take
    all; for those a file is written and read: if the stream comes back as something
    else, as ``bin_data`` for example, no player would know it either. Those that know
    the codec write a file too: some find out only at its end that they cannot.

    Args:
        format_name: FFmpeg's name of the container.
        stream: Of the source.
        first_packets: Returns some; none if they come late. Called when needed.
    """
    if stream.codec_context is None and stream.type not in ("attachment", "data"):
        return False  # of a codec that FFmpeg does not know
    scratch = io.BytesIO()
    try:
        with av.open(scratch, "w", format=format_name) as container:
            copy = container.add_stream_from_template(stream, opaque=True)
            copy.disposition = stream.disposition
            container.start_encoding()
            is_told = _is_told_by_muxer(container, stream)
    except _REFUSALS:
        return False
    packets = _whole(format_name, stream, first_packets())
    if is_told:
        return not packets or _written(format_name, stream, packets) is not None
    return _comes_back(format_name, stream, packets or [bytes(64)])


def _whole(
    format_name: str, stream: Stream, packets: Sequence[bytes]
) -> Sequence[bytes]:
    """Return the packets that make sense to the muxer; broken ones tell nothing."""
    with closing(PacketTrial(format_name, stream)) as trial:
        return [packet for packet in packets if trial.takes(packet)]


class PacketTrial:
    """Tells at once whether a muxer takes a packet, by a file that is thrown away.

    With several streams a muxer holds packets back to put them in order, and says of
    one that is broken only while it takes another, or at the end, where the packets
    that it still holds are lost. With one stream it says so at once.

    Args:
        format_name: FFmpeg's name of the container.
        stream: Of the source.
    """

    def __init__(self, format_name: str, stream: Stream) -> None:
        self._format_name, self._stream = format_name, stream
        self._file: OutputContainer | None = None
        self._copy: Stream | None = None
        self._num_packets = 0

    def takes(self, packet: bytes, *, is_keyframe: bool = True) -> bool:
        """Return whether what is in the packet makes sense to the muxer."""
        if self._num_packets % _TRIAL_LENGTH == 0:
            self.close()
            self._file = av.open(_Nowhere(), "w", format=self._format_name)
            self._copy = self._file.add_stream_from_template(self._stream, opaque=True)
        self._num_packets += 1
        assert self._file is not None and self._copy is not None
        data = _as_packet_of(self._copy, packet, self._num_packets)
        data.is_keyframe = is_keyframe
        try:
            self._file.mux_one(data)
        except av.error.InvalidDataError:
            return False
        except _REFUSALS:  # the film itself finds out about those
            return True
        return True

    def close(self) -> None:
        """Close the file; may be called twice."""
        if self._file is not None:
            with suppress(*_REFUSALS):
                self._file.close()
        self._file = self._copy = None


class _Nowhere(io.RawIOBase):
    """A file that keeps nothing of what is written."""

    def __init__(self) -> None:
        self._at = self._end = 0

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._at += len(data)
        self._end = max(self._end, self._at)
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + (0, self._at, self._end)[whence]
        return self._at

    def tell(self) -> int:
        return self._at


def can_hold_time_code(format_name: str, time_code: str, rate: Fraction) -> bool:
    """Return whether a time code at this frame rate comes back from this format."""
    scratch = io.BytesIO()
    try:
        with av.open(scratch, "w", format=format_name) as container:
            video = _add_picture_stream(container, rate)
            video.metadata["timecode"] = time_code
            _write_picture(container, video)
        scratch.seek(0)
        with av.open(scratch, format=format_name, metadata_errors="replace") as file:
            tags = [file.metadata, *(stream.metadata for stream in file.streams)]
            return any(_lower(row).get("timecode") == time_code for row in tags)
    except _REFUSALS:
        return False


def _lower(tags: Mapping[str, str]) -> dict[str, str]:
    return {key.lower(): value for key, value in tags.items()}


@lru_cache
def can_hold_codec(format_name: str, encoder: str) -> bool:
    """Return whether a film of this format and encoder is read as what it is."""
    scratch = io.BytesIO()
    try:
        with av.open(scratch, "w", format=format_name) as container:
            stream = container.add_stream(encoder, rate=25, width=64, height=64)
            assert isinstance(stream, VideoStream)
            codec = stream.codec_context.codec
            stream.pix_fmt = next(
                (f.name for f in codec.video_formats or ()), "yuv420p"
            )
            if encoder in _SILENCE:
                stream.codec_context.options = _SILENCE[encoder]
            try:
                stream.codec_context.open()
            except _REFUSALS:  # not at this size; what it takes is told later
                return encoder in codecs_of(format_name)
            _write_picture(container, stream)
        if encoder in codecs_of(format_name):
            return True
        scratch.seek(0)
        with av.open(scratch, format=format_name) as file:
            back = file.streams.video[0].codec_context.codec
            return back.canonical_name == codec.canonical_name
    except (*_REFUSALS, IndexError, AttributeError):
        return False


@lru_cache
def codecs_of(format_name: str) -> frozenset[str]:
    """Return FFmpeg's names of the encoders and decoders that a format is sure of."""
    with av.open(io.BytesIO(), "w", format=format_name) as container:
        return frozenset(container.supported_codecs)


def _is_told_by_muxer(container: OutputContainer, stream: Stream) -> bool:
    """Return whether the muxer knows the stream's codec, rather than anything."""
    if stream.disposition & Disposition.attached_pic:
        return False
    if stream.codec_context is None:
        return False
    return stream.codec_context.codec.name in codecs_of(container.format.name)


def _written(
    format_name: str, stream: Stream, packets: Sequence[bytes]
) -> io.BytesIO | None:
    """Return a file of a picture and packets of `stream`; None: it is refused."""
    scratch = io.BytesIO()
    try:
        with av.open(scratch, "w", format=format_name) as container:
            video = _add_picture_stream(container, Fraction(25))
            copy = container.add_stream_from_template(stream, opaque=True)
            copy.disposition = stream.disposition
            _write_picture(container, video)
            if stream.type != "attachment":
                for number, packet in enumerate(packets):
                    with suppress(*BROKEN_PACKET):
                        container.mux_one(_as_packet_of(copy, packet, number))
    except _REFUSALS:
        return None
    return scratch


def _comes_back(format_name: str, stream: Stream, packets: Sequence[bytes]) -> bool:
    """Write a picture and packets of `stream`; return whether both can be read."""
    scratch = _written(format_name, stream, packets)
    if scratch is None:
        return False
    scratch.seek(0)
    try:
        with av.open(scratch, format=format_name, metadata_errors="replace") as file:
            return any(_is_alike(stream, back) for back in file.streams)
    except _REFUSALS:
        return False


def _as_packet_of(stream: Stream, data: bytes, number: int) -> "av.Packet[Stream]":
    packet = av.Packet(data)
    packet.stream = stream
    packet.pts = packet.dts = number
    packet.duration = 1
    packet.is_keyframe = True
    return packet


def _is_alike(stream: Stream, back: Stream) -> bool:
    """Return whether `back` is what `stream` is."""
    names = [
        _FAMILIES.get(name := context.codec.canonical_name, name)
        if (context := s.codec_context)
        else getattr(s, "name", None)
        for s in (stream, back)
    ]
    attached = Disposition.attached_pic
    return (
        stream.type == back.type
        and names[0] == names[1]
        and stream.disposition & attached == back.disposition & attached
        and (back.index > 0 or stream.type != "video")
    )


def _add_picture_stream(container: OutputContainer, rate: Fraction) -> VideoStream:
    stream = container.add_stream("mpeg4", rate=rate, width=_SIDE, height=_SIDE)
    assert isinstance(stream, VideoStream)
    return stream


def _write_picture(container: OutputContainer, stream: VideoStream) -> None:
    frame = av.VideoFrame(stream.width, stream.height, stream.pix_fmt or "yuv420p")
    for plane in frame.planes:
        plane.update(bytes(plane.buffer_size))
    frame.pts = 0
    container.mux(stream.encode(frame))
    container.mux(stream.encode())
