"""Everything in a file that is not the stylized video, copied packet for packet."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
from av.container import InputContainer, OutputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from rtstyle_streams.errors import printable
from rtstyle_streams.video.acm_in_matroska import (
    open_stand_in,
    put_names_right,
    wave_header,
)
from rtstyle_streams.video.muxer import (
    BROKEN_PACKET,
    PacketTrial,
    can_hold,
    can_hold_time_code,
)
from rtstyle_streams.video.opening import demux_on, open_video
from rtstyle_streams.video.reader import VideoReader
from rtstyle_streams.video.side_times import SideTimes, in_parts
from rtstyle_streams.video.tags import CONTAINER_TAGS, kept_video_tags, lost_tags

_ATTACHED = av.stream.Disposition.attached_pic
_TRIAL_PACKETS = 500
"""How many packets of a file are looked at for the first ones of a stream."""
_MOST_FIRST = 4
"""How many of them a muxer is tried with."""


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
        self._trials: dict[int, PacketTrial] = {}  # by output stream
        self._wave_headers: list[bytes] = []
        self._stand_ins: list[InputContainer] = []
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
                self._copy_main_tags(stream)
                stream.discard = av.stream.Discard.all
            elif not _is_made_by_muxer(stream, self._input):
                self._add(stream)
        self._times = SideTimes(reader.restarts)
        self._packets = in_parts(self._demux())
        self._next = next(self._packets, None)
        self._is_in_order = False
        self._last_dts: dict[int, Fraction] = {}  # in seconds, by output stream

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
            self._is_in_order = self._times.is_in_order(packet.stream)
            packet.stream = self._copies[packet.stream.index]
            yield packet

    def copy(self, packet: "av.Packet[Stream]") -> None:
        """Mux a packet from `until`; count one that the muxer says is broken.

        Raises:
            FFmpegError, OSError: the file cannot be written.
        """
        trial = self._trials.get(packet.stream_index)
        if trial and not trial.takes(bytes(packet), is_keyframe=packet.is_keyframe):
            self.num_broken += 1
            return
        try:
            self._mux_in_order(packet)
        except BROKEN_PACKET:
            self.num_broken += 1

    def _mux_in_order(self, packet: "av.Packet[Stream]") -> None:
        """Mux a packet; push it behind the one before if ticks are too coarse for it.

        A muxer may take other ticks than the source's (AVI: by the bit rate), in which
        two packets in a row can have one time.
        """
        last = self._last_dts.get(packet.stream_index)
        try:
            self._output.mux_one(packet)
        except av.error.ArgumentError:
            if last is None or packet.dts is None or not self._is_in_order:
                raise
            packet.dts = max(packet.dts, last // packet.time_base + 1)
            packet.pts = max(packet.pts or 0, packet.dts)
            self._output.mux_one(packet)
        if packet.dts is not None:
            self._last_dts[packet.stream_index] = packet.dts * packet.time_base

    def closing_notices(self) -> list[str]:
        """Return what is known only at the end: how many packets were broken."""
        if not self.num_broken:
            return []
        return [
            f"{self._path.name}: {self.num_broken} packets of the other streams are "
            "broken; they are copied as far as a muxer takes them"
        ]

    def put_right(self, path: Path) -> None:
        """Name in the finished file what its muxer was told by another name."""
        if self._wave_headers:
            put_names_right(path, self._wave_headers)

    def close(self) -> None:
        """Close the second demuxer; may be called twice."""
        self._input.close()
        for stand_in in self._stand_ins:
            stand_in.close()
        for trial in self._trials.values():
            trial.close()

    def _copy_header(self) -> None:
        tags = self._input.metadata
        for key, value in tags.items():
            if key.lower() not in CONTAINER_TAGS:
                self._output.metadata[key] = value
        self._output.set_chapters(self._input.chapters())

    def _copy_main_tags(self, stream: Stream) -> None:
        """Give the stylized stream the tags that are still true of it."""
        self.main.disposition = stream.disposition
        self.main.metadata.update(kept_video_tags(stream.metadata))
        for tags in (self.main.metadata, self._output.metadata):
            for key in [key for key in tags if key.lower() == "timecode"]:
                self._keep_time_code(tags, key)

    def _keep_time_code(self, tags: dict[str, str], key: str) -> None:
        """Keep a time code under the name that muxers know, or leave it out."""
        time_code = tags.pop(key)
        name, rate = self._output.format.name, self.main.average_rate
        if can_hold_time_code(name, time_code, rate or Fraction(25)):
            tags["timecode"] = time_code
        else:
            self._notice(f"the time code {time_code}", "cannot write it")

    def _notice(self, what: str, why: str = "cannot hold it") -> None:
        what = printable(what)
        line = (
            f"{self._path.name}: {what} is left out: {self._output.format.name} {why}"
        )
        if line not in self.notices:
            self.notices.append(line)

    def _demux(self) -> Iterator["av.Packet[Stream]"]:
        streams = [self._input.streams[index] for index in self._copies]
        if not streams:
            return
        for packet in demux_on(self._input, streams, _counted_by_reader):
            if packet.size and not _is_pause(packet):
                self.num_broken += int(packet.is_corrupt)
                yield packet

    def _add(self, stream: Stream) -> None:
        """Add a copy of `stream`, or a notice that names it."""
        if stream.disposition & _ATTACHED and "matroska" in self._output.format.name:
            self._attach_picture(stream)
            return
        name = self._output.format.name
        if can_hold(name, stream, lambda: _first_packets(self._path, stream.index)):
            copy = self._output.add_stream_from_template(stream, opaque=True)
            if stream.type != "attachment":
                self._trials[copy.index] = PacketTrial(name, stream)
        elif name == "matroska" and (header := wave_header(stream)):
            copy = self._add_wave(header)
        else:
            self._notice(_describe(stream))
            return
        _copy_tags(stream, copy)
        if stream.type != "attachment":
            self._copies[stream.index] = copy

    def _add_wave(self, header: bytes) -> Stream:
        """Add sound that Matroska holds by its wave header, see `acm_in_matroska`."""
        stand_in = open_stand_in(header)
        self._stand_ins.append(stand_in)
        self._wave_headers.append(header)
        return self._output.add_stream_from_template(stand_in.streams[0], opaque=True)

    def _attach_picture(self, stream: Stream) -> None:
        """Matroska keeps cover art as an attached file, not as a stream."""
        picture = next(iter(_first_packets(self._path, stream.index)), bytes(64))
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


def _copy_tags(source: Stream, copy: Stream) -> None:
    copy.disposition = source.disposition
    copy.metadata.update(source.metadata)


def _counted_by_reader() -> None:
    """Do nothing: the reader of the video meets the same broken places."""


def _is_made_by_muxer(stream: Stream, container: InputContainer) -> bool:
    """Return whether the muxer writes this track itself: chapters, time code."""
    if stream.type != "data":
        return False
    if "timecode" in stream.metadata:
        return True
    # FFmpeg's demuxer switches off the track whose texts it gave out as chapters.
    return bool(container.chapters()) and stream.discard == av.stream.Discard.all


def _first_packets(path: Path, index: int) -> list[bytes]:
    """Return the first packets of a stream; none if they do not come soon."""
    found: list[bytes] = []
    with open_video(path) as source:
        packets = demux_on(source, list(source.streams), _counted_by_reader)
        for packet in islice(packets, _TRIAL_PACKETS):
            if packet.stream_index == index and packet.size:
                found.append(bytes(packet))
                if len(found) == _MOST_FIRST:
                    break
    return found


def _describe(stream: Stream) -> str:
    context = stream.codec_context
    codec = context.name if context else getattr(stream, "name", None)
    language = stream.metadata.get("language")
    extra = f", {language}" if language else ""
    what = f"stream {stream.index} ({stream.type}, {codec or 'unknown codec'}{extra})"
    return what
