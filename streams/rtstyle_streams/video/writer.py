"""Frames become a video file, with everything else of the source beside them."""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from rtstyle_streams.errors import NoFramesError, SinkError, StreamError
from rtstyle_streams.frame import Frame
from rtstyle_streams.managed import ManagedSink
from rtstyle_streams.part_file import PartFile, cannot_write, check_target
from rtstyle_streams.protocols import Bits, StreamInfo
from rtstyle_streams.sound.feed import SoundFeed
from rtstyle_streams.sound.live_sound import LiveSound
from rtstyle_streams.video.colour import Colour, default_colour
from rtstyle_streams.video.encoding import (
    EncoderSettings,
    add_video_stream,
    chosen_pixel_format,
    container_options,
    find_encoder,
    output_pixel_format,
)
from rtstyle_streams.video.formats import frame_time_base, output_format
from rtstyle_streams.video.hardware import AUTO, encoder_for
from rtstyle_streams.video.planes import from_rgb
from rtstyle_streams.video.reader import VideoReader
from rtstyle_streams.video.side_streams import SideStreams

_TOLERATED = Fraction(1, 100)  # seconds by which nobody sees a frame moved


class VideoWriter(ManagedSink):
    """Writes a video file beside its place and moves it there when it is whole.

    A recording of a live source (``info.is_live``) begins at 0, whenever its first
    frame came. It is written so that what stands in the ``.part`` file can be played at
    any moment, even after the process was killed: Matroska in clusters of a second, mp4
    in fragments of a second, each written out at once. Its `close` without `finish`
    keeps the ``.part`` file.

    Args:
        path: the file; its suffix says the container.
        info: size, time base and rate of the frames to come.
        template: the reader of the source file: its audio, subtitles, chapters,
            attachments, tags and colours are carried over. None: only the frames.
        codec: FFmpeg's name of an encoder; None for the container's, see `FORMATS`;
            ``auto-hw`` for the first in hardware that opens, else the container's.
        crf: constant rate factor, the encoder's scale; None for the default.
        preset: the encoder's preset; None for the default, a fast one.
        bits: of each colour, see `Bits`.
        overwrite: whether a file of this name may be replaced.
        part_folder: where the unfinished file is kept, on the same disk; None is
            beside its place.
        heard: sound that goes with live frames; None: none.

    Raises:
        SinkError: the file may not or cannot be written so.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        info: StreamInfo,
        *,
        template: VideoReader | None = None,
        codec: str | None = None,
        crf: int | None = None,
        preset: str | None = None,
        bits: Bits = "auto",
        overwrite: bool = False,
        part_folder: Path | None = None,
        heard: SoundFeed | None = None,
    ) -> None:
        self.path = Path(path)
        self._notices: list[str] = []
        self._info = info
        self._start_pts = 0  # of what is written as 0
        self._last_pts: int | None = None
        self._most_moved = Fraction(0)
        self._side: SideStreams | None = None
        self._heard: LiveSound | None = None
        self._colour = template.colour if template else _colour_of(info)
        self._is_done = False
        file_format = output_format(self.path)
        check_target(self.path, overwrite=overwrite)
        _refuse_same_file(self.path, template)
        name = codec or file_format.codec
        if name == AUTO:
            name, notice = encoder_for(file_format.name, file_format.codec)
            self.notices.append(notice)
        settings = EncoderSettings(name, crf=crf, preset=preset)
        self._codec = find_encoder(settings.codec, file_format, self.path)
        self._time_base = frame_time_base(
            file_format, self._codec.name, info.time_base, info.frame_rate
        )
        self._part = PartFile(self.path, overwrite=overwrite, folder=part_folder)
        self._container: OutputContainer = av.open(
            f"file:{self._part.path}",
            "w",
            format=file_format.name,
            container_options=container_options(file_format.name, info, template),
        )
        try:
            self._open(template, settings, bits)
            if heard is not None:
                self._open_sound(heard)
            self._container.start_encoding()
        except BaseException as error:
            self._throw_away()
            if isinstance(error, StreamError):
                raise
            if isinstance(error, (av.error.FFmpegError, OSError, ValueError)):
                raise cannot_write(self.path, error) from error
            raise

    def _open(
        self, template: VideoReader | None, settings: EncoderSettings, bits: Bits
    ) -> None:
        wanted, notice = output_pixel_format(self._info, template)
        self._pixel_format, said = chosen_pixel_format(
            self._codec, wanted, bits, template
        )
        if said:
            self.notices.append(f"{self.path.name}: {said}")
        if self._pixel_format.startswith("yuvj"):
            self._colour = replace(self._colour, full_range=True)
        if notice and self._pixel_format == wanted:
            self.notices.append(f"{self.path.name}: {notice}")

        def add_stream(container: OutputContainer) -> VideoStream:
            return add_video_stream(
                container,
                self._info,
                codec=self._codec,
                settings=settings,
                pixel_format=self._pixel_format,
                time_base=self._time_base,
                colour=self._colour,
                sample_aspect_ratio=template.sample_aspect_ratio if template else None,
            )

        self._add_stream = add_stream
        if template is None:
            self._stream = add_stream(self._container)
        else:
            self._side = SideStreams(
                template, self._container, lambda: add_stream(self._container)
            )
            self._notices += self._side.notices
            self._stream = self._side.main
        if template and template.is_stereo and not self._keeps_stereo():
            self.notices.append(
                f"{self.path.name}: what says that this is 3-D video is left out; "
                "players show both views"
            )

    def _open_sound(self, heard: SoundFeed) -> None:
        if LiveSound.fits(self._container):
            self._heard = LiveSound(self._container, heard)
        else:
            name = self._container.format.name
            self.notices.append(f"{self.path.name}: without sound; {name} holds none")

    def _keeps_stereo(self) -> bool:
        """Return whether a tag says how the two views lie; Matroska alone has it."""
        is_matroska = self._container.format.name in ("matroska", "webm")
        return is_matroska and "stereo_mode" in self._stream.metadata

    @property
    def notices(self) -> list[str]:
        """Return what the file does not hold as the source did, a line each."""
        return self._notices

    @property
    def num_decode_errors(self) -> int:
        """Return how many packets of the other streams were broken, so far."""
        return self._side.num_broken if self._side else 0

    def write(self, frame: Frame) -> None:
        """Take one frame; other streams are copied up to its time."""
        self._check_size(frame)
        self._part.check()
        time_base = self._time_base
        ticks = frame.pts * frame.time_base / time_base
        pts = round(ticks) - self._start_pts
        if self._last_pts is not None:
            pts = max(pts, self._last_pts + 1)
        elif self._info.is_live:
            self._start_pts, pts = pts, 0
        self._last_pts = pts
        moved = abs(pts + self._start_pts - ticks) * time_base
        self._most_moved = max(self._most_moved, moved)
        encoded = from_rgb(
            frame.pixels,
            self._colour,
            pixel_format=self._pixel_format,
            pts=pts,
            time_base=time_base,
            rest=frame.rest,
        )
        if self._info.frame_rate:
            encoded.duration = round(1 / (self._info.frame_rate * time_base))
        self._copy_side_streams(pts * time_base)
        self._encode(encoded)
        if self._heard is not None:
            self._mux_sound(self._heard.until(frame))

    def _mux_sound(self, packets: "Sequence[Packet[AudioStream]]") -> None:
        try:
            self._container.mux(packets)
        except (av.error.FFmpegError, OSError) as error:
            raise cannot_write(self.path, error) from error

    def finish(self) -> None:
        """Flush, copy what is left of the other streams, move into place."""
        if self._is_done:
            return
        try:
            if self._last_pts is None:
                raise NoFramesError(
                    f"{self.path}: expected at least one frame, got none"
                )
            self._encode(None)
            self._copy_side_streams(None)
            self._close_container()
            self._part.commit()
            self._notice_moved()
        except BaseException:
            self.close()
            raise
        self._is_done = True

    def close(self) -> None:
        """Throw the unfinished file away (a live recording is kept as ``.part``)."""
        if self._is_done:
            return
        self._is_done = True
        if self._info.is_live:
            self._keep_part()
        else:
            self._throw_away()

    def _notice_moved(self) -> None:
        """Say that a container cannot tell the times of the frames apart."""
        if self._most_moved > max(_TOLERATED, self._time_base * Fraction(3, 4)):
            self.notices.append(
                f"{self.path.name}: {self._container.format.name} keeps times only in "
                f"steps of {float(self._time_base):.3g} s; frames are shown up to "
                f"{float(self._most_moved):.2g} s off"
            )

    def _check_size(self, frame: Frame) -> None:
        if (frame.width, frame.height) != (self._info.width, self._info.height):
            raise SinkError(
                f"{self.path}: expected frames of {self._info.width}x"
                f"{self._info.height}, got {frame.width}x{frame.height}"
            )

    def _encode(self, frame: av.VideoFrame | None) -> None:
        """Encode and mux a frame; None flushes the encoder."""
        try:
            self._container.mux(self._stream.encode(frame))
        except (av.error.FFmpegError, OSError) as error:
            raise cannot_write(self.path, error) from error

    def _copy_side_streams(self, until: Fraction | None) -> None:
        """Mux the packets of the other streams up to a time; None: all."""
        if self._side is None:
            return
        for packet in self._side.until(until):
            try:
                self._side.copy(packet)
            except (av.error.FFmpegError, OSError) as error:
                raise cannot_write(self.path, error) from error

    def _close_container(self) -> None:
        if self._heard is not None:
            heard, self._heard = self._heard, None
            self._mux_sound(heard.rest())
        if self._side is not None:
            self._notices += self._side.closing_notices()
            self._side.close()
        try:
            self._container.close()
            if self._side is not None:
                self._side.put_right(self._part.path)
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise cannot_write(self.path, error) from error

    def _throw_away(self) -> None:
        if self._heard is not None:
            self._heard.close()
        if self._side is not None:
            self._side.close()
        with suppress(av.error.FFmpegError, OSError):  # a full disk, for example
            self._container.close()
        self._part.discard()

    def _keep_part(self) -> None:
        if self._last_pts is None:
            self._throw_away()
            return
        with suppress(SinkError):  # what made it break off is told by another
            self._encode(None)
            self._close_container()
        self.notices.append(
            f"{self.path.name}: the recording broke off; what was written stays in "
            f"{self._part.path}"
        )


def _colour_of(info: StreamInfo) -> Colour:
    if info.matrix == "bt2020":
        return Colour(colorspace=9)
    return default_colour(width=info.width, height=info.height)


def _refuse_same_file(path: Path, template: VideoReader | None) -> None:
    if template and path.exists() and path.samefile(template.path):
        raise SinkError(
            f"{path}: expected an output other than the input, got the same file"
        )
