"""A video file that grows in segments, each whole on the disk before the next."""

import hashlib
import io
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
from av.container import OutputContainer
from av.video.stream import VideoStream

from rtstyle_streams.errors import SinkError
from rtstyle_streams.part_file import cannot_write
from rtstyle_streams.protocols import Bits, StreamInfo
from rtstyle_streams.video.packets import (
    MARK,
    StoredPacket,
    decode_times,
    pack,
    read_packets,
    reorder_delay,
)
from rtstyle_streams.video.reader import VideoReader
from rtstyle_streams.video.writer import VideoWriter

MOST_HELD_BYTES: Final = 8 << 20
"""How much of a segment is held in memory before it is written out."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Frames in a row that are encoded, whole and on the disk."""

    number: int
    """Its place, from 0."""
    path: Path
    """Of its packets, see `rtstyle_streams.video.packets`."""
    num_frames: int
    """How many frames it holds."""
    sha256: str
    """Of the file, as hexadecimal digits."""


class SegmentedWriter(VideoWriter):
    """Encodes segments of closed groups of pictures, and joins them at the end.

    Every segment has an encoder of its own with the same settings, so it begins with a
    key frame and needs nothing of the others. A segment is reported when it is whole
    on the disk. `finish` writes the packets of all of them into the container, with
    everything else of the source beside them. A film shorter than one segment never
    touches the folder but for the unfinished file.

    Args:
        path: As for `VideoWriter`, and so the rest.
        info: See there.
        folder: Where segments and the unfinished file are kept; it exists.
        frames_per_segment: How many frames a segment holds.
        on_segment: Called with each segment when it is whole.

    Raises:
        SinkError: the file may not or cannot be written so.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        info: StreamInfo,
        *,
        folder: Path,
        frames_per_segment: int,
        on_segment: Callable[[Segment], None],
        template: VideoReader | None = None,
        codec: str | None = None,
        crf: int | None = None,
        preset: str | None = None,
        bits: Bits = "auto",
        overwrite: bool = False,
    ) -> None:
        self._folder = folder
        self._frames_per_segment = frames_per_segment
        self.on_segment = on_segment
        """Called with each segment when it is whole."""
        self._segments: list[Path] = []
        self._is_joining = False
        self._held: list[StoredPacket] = []
        self._file: _SegmentFile | None = None
        self._num_frames = 0  # of the segment that is written
        super().__init__(
            path,
            info,
            template=template,
            codec=codec,
            crf=crf,
            preset=preset,
            bits=bits,
            overwrite=overwrite,
            part_folder=folder,
        )
        self._encoder: VideoStream | None = self._stream  # of the first segment

    @property
    def header_sha256(self) -> str:
        """Return the SHA-256 of what the encoder writes before all frames."""
        return hashlib.sha256(_header(self._stream)).hexdigest()

    def go_on_behind(self, segments: Sequence[Path]) -> None:
        """Take segments that were written before as the film's beginning.

        Args:
            segments: Files of packets, in order, made with the same settings.

        Raises:
            SourceError: the last one cannot be read.
        """
        if segments:
            self._segments = list(segments)
            packets = read_packets(segments[-1])
            last = max(packet.pts * packet.time_base for packet in packets)
            self._last_pts = round(last / self._info.time_base)
            self._encoder = None

    def end_segment(self) -> None:
        """Report what was written so far as a segment, however short it is."""
        if self._num_frames:
            self._end_segment(is_last=False)

    def close(self) -> None:
        """Throw the unfinished file and segment away; whole segments stay."""
        if self._file is not None:
            self._file.discard()
            self._file = None
        super().close()

    def _encode(self, frame: av.VideoFrame | None) -> None:
        """Encode a frame into its segment; None joins all segments."""
        if frame is None:
            if self._num_frames:
                self._end_segment(is_last=True)
            self._join()
            return
        self._take(frame)
        self._num_frames += 1
        if self._num_frames == self._frames_per_segment:
            self._end_segment(is_last=False)

    def _copy_side_streams(self, until: Fraction | None) -> None:
        """Copy the other streams while the film is joined, not before."""
        if self._is_joining:
            super()._copy_side_streams(until)

    def _take(self, frame: av.VideoFrame | None) -> None:
        """Encode a frame, or None to flush, and hold the packets."""
        try:
            if self._encoder is None:
                self._encoder = self._new_encoder()
            packets = self._encoder.encode(frame)
            self._held += [StoredPacket.of(packet) for packet in packets]
            if sum(len(packet.data) for packet in self._held) > MOST_HELD_BYTES:
                self._write_held()
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise cannot_write(self.path, error) from error

    def _new_encoder(self) -> VideoStream:
        """Return an encoder like the first one; refuse one that would not join."""
        scratch: OutputContainer = av.open(
            io.BytesIO(), "w", format=self._container.format.name
        )
        encoder = self._add_stream(scratch)
        if _header(encoder) != _header(self._stream):
            raise SinkError(
                f"{self.path}: expected an encoder that begins every segment alike, "
                f"got {encoder.codec_context.name}; pass --no-resume"
            )
        return encoder

    def _end_segment(self, *, is_last: bool) -> None:
        self._take(None)
        self._encoder = None
        if is_last and not self._segments and self._file is None:
            return  # a short film: joined from memory
        number, num_frames = len(self._segments), self._num_frames
        try:
            self._write_held()
            assert self._file is not None
            path = self._file.commit()
        except OSError as error:
            raise cannot_write(self.path, error) from error
        sha256, self._file, self._num_frames = self._file.sha256, None, 0
        self._segments.append(path)
        self.on_segment(Segment(number, path, num_frames, sha256))

    def _write_held(self) -> None:
        if self._file is None:
            self._file = _SegmentFile(self._folder, len(self._segments))
        self._file.write(pack(self._held))
        self._held.clear()

    def _join(self) -> None:
        """Mux the packets of all segments, each with the time one encoder gives it."""
        self._is_joining = True
        delay, before = 0, list[int]()
        for number, packets in enumerate(self._all_packets()):
            if number == 0:
                delay = reorder_delay(packets)
                times = [packet.dts for packet in packets]
            else:
                times = decode_times(packets, before=before, delay=delay)
            shown = [*before, *sorted(packet.pts for packet in packets)]
            before = shown[len(shown) - delay :] if delay else []
            self._mux(packets, times)

    def _all_packets(self) -> Iterator[list[StoredPacket]]:
        yield from map(read_packets, self._segments)
        if self._held:
            yield self._held

    def _mux(self, packets: Sequence[StoredPacket], times: Sequence[int]) -> None:
        for packet, dts in zip(packets, times, strict=True):
            self._copy_side_streams(packet.pts * packet.time_base)
            try:
                self._container.mux_one(packet.as_packet(self._stream, dts=dts))
            except (av.error.FFmpegError, OSError) as error:
                raise cannot_write(self.path, error) from error


class _SegmentFile:
    """``segment-000003.part`` until it is whole, then ``segment-000003.packets``."""

    def __init__(self, folder: Path, number: int) -> None:
        self._path = folder / f"segment-{number:06}.part"
        self._file = self._path.open("wb")
        self._sha256 = hashlib.sha256()
        self.write(MARK)

    @property
    def sha256(self) -> str:
        return self._sha256.hexdigest()

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self._sha256.update(data)

    def commit(self) -> Path:
        """Wait until all of it is on the disk, and give it its name."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        path = self._path.with_suffix(".packets")
        os.replace(self._path, path)
        _folder_to_disk(path.parent)
        return path

    def discard(self) -> None:
        with suppress(OSError):
            self._file.close()
        self._path.unlink(missing_ok=True)


def _folder_to_disk(folder: Path) -> None:
    """Wait until new names in a folder are on the disk, where that can be asked for."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _header(stream: VideoStream) -> bytes:
    """Return what the encoder of `stream` writes before all frames; it is open."""
    return bytes(stream.codec_context.extradata or b"")
