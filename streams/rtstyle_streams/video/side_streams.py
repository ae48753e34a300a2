"""Everything in a file that is not the stylized video, copied packet for packet."""

import io
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer, OutputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from rtstyle_streams.video.opening import demux_on, open_video
from rtstyle_streams.video.reader import VideoReader
from rtstyle_streams.video.side_times import SideTimes, in_parts
from rtstyle_streams.video.tags import CONTAINER_TAGS, lost_tags

_ATTACHED = av.stream.Disposition.attached_pic
# Written by the muxer itself from what it is given.
_STALE_VIDEO_TAGS = {"encoder", "duration", "bps", "rotate", "number_of_frames"}


class SideStreams:
    """A second demuxer over the source file, read no faster than the video.

    Args:
        reader: the source whose main stream is stylized.
        output: the container to copy to; its header is not written yet.
        add_main: adds the stylized stream; called in its turn, so that the order of
            streams stays.
    """

    def __init__(
        self,
        reader: VideoReader,
        output: OutputContainer,
        add_main: Callable[[], VideoStream],
    ) -> None:
        self.notices: list[str] = []
        """A line for each stream that the container cannot hold."""
        self.num_broken = 0
        """Packets that could not be read or written, so far."""
        self._path = reader.path
        self._input = open_video(reader.path)
        self._output = output
        self._copies: dict[int, Stream] = {}
        self._copy_header()
        if lost := lost_tags(output.format.name, reader):
            self.notices.append(
                f"{self._path.name}: {output.format.name} cannot hold a cover and the "
                f"tags {', '.join(lost)}; the tags are left out"
            )
        for stream in self._input.streams:
            if stream.index == reader.stream_index:
                self.main = add_main()
                """The stylized stream."""
                _copy_tags(stream, self.main, leave_out=_STALE_VIDEO_TAGS)
                stream.discard = av.stream.Discard.all
            elif not _is_made_by_muxer(stream, self._input):
                self._add(stream)
        self._times = SideTimes(reader.restarts)
        self._packets = in_parts(self._demux())
        self._next = next(self._packets, None)

    def until(self, seconds: Fraction | None) -> Iterator["av.Packet[Stream]"]:
        """Give out the packets up to a time, in order; all that are left for None.

        Where times start over, nothing is given out before the video is so far.
        """
        while self._next is not None:
            packet, part = self._next
            due = self._times.seconds(packet, part, video=seconds)
            if due is None or (seconds is not None and due > seconds):
                return
            self._next = next(self._packets, None)
            self._times.move(packet)
            packet.stream = self._copies[packet.stream.index]
            yield packet

    def closing_notices(self) -> list[str]:
        """Return what is known only at the end: how many packets were broken."""
        if not self.num_broken:
            return []
        return [
            f"{self._path.name}: {self.num_broken} broken packets of the other streams "
            "are left out"
        ]

    def close(self) -> None:
        """Close the second demuxer; may be called twice."""
        self._input.close()

    def _copy_header(self) -> None:
        tags = self._input.metadata
        for key, value in tags.items():
            if key.lower() not in CONTAINER_TAGS:
                self._output.metadata[key] = value
        self._output.set_chapters(self._input.chapters())

    def _demux(self) -> Iterator["av.Packet[Stream]"]:
        streams = [self._input.streams[index] for index in self._copies]
        if not streams:
            return
        for packet in demux_on(self._input, streams, self._count_broken):
            if packet.size and not _is_pause(packet):
                yield packet

    def _count_broken(self) -> None:
        self.num_broken += 1

    def _add(self, stream: Stream) -> None:
        """Add a copy of `stream`, or a notice that names it."""
        if stream.disposition & _ATTACHED and "matroska" in self._output.format.name:
            self._attach_picture(stream)
            return
        if not _can_hold(self._output.format.name, stream):
            self.notices.append(
                f"{self._path.name}: {_describe(stream)} is left out: "
                f"{self._output.format.name} cannot hold it"
            )
            return
        copy = self._output.add_stream_from_template(stream, opaque=True)
        _copy_tags(stream, copy, leave_out=set())
        if stream.type != "attachment":
            self._copies[stream.index] = copy

    def _attach_picture(self, stream: Stream) -> None:
        """Matroska keeps cover art as an attached file, not as a stream."""
        picture = _first_packet(self._path, stream.index)
        kind = {"mjpeg": "jpeg"}.get(stream.codec_context.name)
        kind = kind or stream.codec_context.name
        name = stream.metadata.get("filename", f"cover.{kind.replace('jpeg', 'jpg')}")
        mimetype = stream.metadata.get("mimetype", f"image/{kind}")
        self._output.add_attachment(name, mimetype, picture)


def _is_pause(packet: "av.Packet[Stream]") -> bool:
    """Return whether it is an mp4 subtitle without text: the muxer adds those."""
    context = packet.stream.codec_context
    is_text = context is not None and context.name == "mov_text"
    return is_text and packet.size == 2 and bytes(packet) == b"\0\0"


def _copy_tags(source: Stream, copy: Stream, *, leave_out: set[str]) -> None:
    copy.disposition = source.disposition
    for key, value in source.metadata.items():
        if key.lower() not in leave_out:
            copy.metadata[key] = value


def _is_made_by_muxer(stream: Stream, container: InputContainer) -> bool:
    """Return whether the muxer writes this track itself: chapters, time code."""
    if stream.type != "data":
        return False
    if "timecode" in stream.metadata:
        return True
    # FFmpeg's demuxer switches off the track whose texts it gave out as chapters.
    return bool(container.chapters()) and stream.discard == av.stream.Discard.all


def _first_packet(path: Path, index: int) -> bytes:
    with open_video(path) as source:
        for packet in source.demux(source.streams[index]):
            return bytes(packet)
    return b""


def _can_hold(format_name: str, stream: Stream) -> bool:
    """Return whether a file of this format can hold `stream`, by trying it."""
    scratch = av.open(io.BytesIO(), "w", format=format_name)
    try:
        scratch.add_stream_from_template(stream, opaque=True)
        scratch.start_encoding()
    except (ValueError, av.error.FFmpegError):
        return False
    return True


def _describe(stream: Stream) -> str:
    codec = stream.codec_context.name if stream.codec_context else stream.name
    language = stream.metadata.get("language")
    extra = f", {language}" if language else ""
    return f"stream {stream.index} ({stream.type}, {codec or '-'}{extra})"
