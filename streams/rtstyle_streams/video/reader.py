"""Video files become frames: each once, in order, upright, with its own time."""

import os
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import chain
from pathlib import Path
from threading import Lock

import av
import cv2
import numpy as np

from rtstyle_streams.errors import SourceError
from rtstyle_streams.frame import Frame, Pixels, Rest
from rtstyle_streams.managed import ManagedSource
from rtstyle_streams.protocols import StreamInfo, ToneMap
from rtstyle_streams.video.colour import HDR_TRANSFERS, Colour, read_colour
from rtstyle_streams.video.damage import Damage, LogLine
from rtstyle_streams.video.decoding import Decoding
from rtstyle_streams.video.deep import num_bits, rest_of
from rtstyle_streams.video.deinterlace import Deinterlacer
from rtstyle_streams.video.opening import (
    main_video_stream,
    open_video,
    said_in_one_line,
)
from rtstyle_streams.video.planes import to_rgb, to_rgb_floats
from rtstyle_streams.video.read_mark import ReadMark, checksum
from rtstyle_streams.video.rotation import Orientation, read_display_matrix
from rtstyle_streams.video.side_data import is_stereo, left_out, side_data
from rtstyle_streams.video.timing import Restart, Timing
from rtstyle_streams.video.tone_map import SDR, to_sdr, to_sdr_floats

SEEK_MARGINS_SECONDS = (1, 10)
"""How long before a place the key frame is looked for, at first and then."""


class VideoReader(ManagedSource):
    """Reads a video file once, from its first frame to its last.

    Args:
        path: the file.
        tone_map: what makes SDR of HDR, see `tone_map`; None refuses HDR.
        is_deep: whether frames of more than 8 bits bring their `rest`.

    Raises:
        SourceError: it is no video file, or no frame of it can be decoded.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        tone_map: ToneMap | None = None,
        is_deep: bool = False,
    ) -> None:
        self.path = Path(path)
        self._tone_map, self._wants_rest = tone_map, is_deep
        self._notices: list[str] = []
        self._is_closed = False
        self._is_interlaced = False
        self._lock = Lock()  # FFmpeg crashes when a file is closed while it is read
        self._damage = Damage(self.path.name)
        heard: list[LogLine] = []
        self._container = open_video(self.path, heard=heard)
        try:
            self._stream = main_video_stream(self._container, self.path)
            self._begin(heard)
        except BaseException:
            self.close()
            raise

    def _decode(
        self, *, num_before: int = 0, said_at_opening: Sequence[LogLine] = ()
    ) -> None:
        """Begin to decode where the container is now.

        Args:
            num_before: How many frames of the film come before.
            said_at_opening: What FFmpeg logged while the file was opened.
        """
        self._timing = Timing(self._stream, num_before=num_before)
        self._decoding = Decoding(
            self._container,
            self._stream,
            self._timing,
            self._damage,
            said_at_opening=said_at_opening,
        )
        self._decoded = self._deinterlaced(self._decoding.frames())

    def _begin(self, said_at_opening: Sequence[LogLine]) -> None:
        """Decode the first frame, which tells what the header may not."""
        self._stream.thread_type = "SLICE"
        self._decode(said_at_opening=said_at_opening)
        with said_in_one_line(self.path):
            first = next(self._decoded, None)
        if first is None:
            raise SourceError(
                f"{self.path}: expected video, got no frame that can be decoded"
            )
        self._decoded = chain([first], self._decoded)
        self.stream_index = self._stream.index
        self.pixel_format = first.format.name
        """FFmpeg's name of the pixel format the file holds."""
        self.num_bits = num_bits(self.pixel_format)
        """Of each colour in the file."""
        found = self._read_colour(first)
        is_hdr = found.transfer in HDR_TRANSFERS
        if is_hdr:
            self._notice(
                f"{self.path.name}: HDR ({HDR_TRANSFERS[found.transfer]}) is written "
                f"as SDR, by the tone curve {self._tone_map}"
            )
        self.colour: Colour = SDR if is_hdr else found
        """Of the first frame; what the copy is written with."""
        self.is_stereo = is_stereo(first)
        """Whether frames hold two views, for the left and the right eye."""
        self._orientation = self._read_orientation(first)
        for line in left_out(first, self._stream):
            self._notice(f"{self.path.name}: {line}")
        height, width = first.height, first.width
        if self._orientation.transpose:
            height, width = width, height
        self.info = StreamInfo(
            width=width,
            height=height,
            time_base=self._timing.time_base,
            frame_rate=self._timing.frame_rate,
            num_frames=self._timing.num_frames(self._container),
            matrix=self.colour.matrix,
        )

    @property
    def sample_aspect_ratio(self) -> Fraction | None:
        """Return the width of a pixel over its height, upright; None if unknown."""
        ratio = self._stream.sample_aspect_ratio
        if not ratio:
            return None
        return 1 / ratio if self._orientation.transpose else ratio

    @property
    def tags(self) -> dict[str, str]:
        """Return the tags of the whole file."""
        return dict(self._container.metadata)

    @property
    def has_cover(self) -> bool:
        """Return whether the file holds cover art."""
        attached = av.stream.Disposition.attached_pic
        return any(s.disposition & attached for s in self._container.streams.video)

    @property
    def notices(self) -> list[str]:
        """Return what differs between the file and what is given out, a line each."""
        return self._notices

    @property
    def num_decode_errors(self) -> int:
        """Return how many packets and frames were broken, so far."""
        return self._damage.num_broken

    @property
    def restarts(self) -> Sequence[Restart]:
        """Return where the times have started over so far; see `Timing`."""
        return self._timing.restarts

    def __iter__(self) -> Iterator[Frame]:
        """Give out the frames that are left."""
        while (decoded := self._next()) is not None:
            yield self._frame(decoded)
        if not self._is_closed:
            self._notice_early_end()
            self._notices += self._damage.notices()
            if self._decoding.has_late_streams:
                self._notice(
                    f"{self.path.name}: a stream that begins later in the file is left "
                    "out"
                )

    @property
    def is_plain(self) -> bool:
        """Return whether nothing so far was broken, interlaced or out of order."""
        is_whole = not self.num_decode_errors and not self._is_interlaced
        return is_whole and not self.restarts

    def go_on_behind(self, mark: ReadMark) -> None:
        """Give out the frames behind `mark` next, as if all before had been read.

        Reading begins at a key frame where the frames of the mark are found again;
        else everything before is decoded once more.

        Raises:
            SourceError: the file ends before the mark, or cannot be read.
        """
        with self._lock, said_in_one_line(self.path):
            margins = SEEK_MARGINS_SECONDS if mark.is_plain else ()
            if not any(self._seek(mark, margin) for margin in margins):
                self._read_through(mark.index)

    def go_near(self, seconds: float) -> bool:
        """Give out the frames from the last key frame before a time next.

        For a look into the film: the frames' numbers begin anew.

        Args:
            seconds: From the film's first frame.

        Returns:
            Whether the file can be opened at a place; if not, nothing has changed.
        """
        with self._lock, said_in_one_line(self.path):
            target = round(seconds / self._timing.time_base)
            try:
                self._container.seek(
                    target + (self._stream.start_time or 0), stream=self._stream
                )
            except av.error.FFmpegError:
                return False
            self._decode()
            self._damage.forget()
            return True

    def _seek(self, mark: ReadMark, margin_seconds: int) -> bool:
        """Begin at a key frame; return whether the frames of `mark` are there."""
        margin = round(margin_seconds / self._timing.time_base)
        target = max(mark.pts[0] - margin, self._stream.start_time or 0)
        try:
            self._container.seek(target, stream=self._stream, backward=True)
        except av.error.FFmpegError:
            return False
        self._decode(num_before=mark.index + 1 - len(mark.pts))
        for decoded in self._decoded:
            ticks = self._timing.ticks(decoded)
            if ticks is None or ticks > mark.pts[0]:
                return False
            if ticks == mark.pts[0]:
                self._decoded = chain([decoded], self._decoded)
                break
        is_found = self._gives(mark)
        self._damage.forget()  # of pictures that refer to some before the key frame
        return is_found

    def _gives(self, mark: ReadMark) -> bool:
        """Read the frames of `mark`; return whether they are what they were."""
        for number, pts in enumerate(mark.pts):
            decoded = next(self._decoded, None)
            if decoded is None:
                return False
            frame = self._frame(decoded)
            is_same = not mark.checksums or (
                checksum(frame.pixels) == mark.checksums[number]
            )
            if frame.pts != pts or not is_same:
                return False
        return True

    def _read_through(self, index: int) -> None:
        """Begin again, and decode up to frame `index`."""
        self._container.close()
        self._container = open_video(self.path)
        self._stream = main_video_stream(self._container, self.path)
        self._stream.thread_type = "SLICE"
        self._is_interlaced = False
        self._damage.forget()
        self._decode()
        for number in range(index + 1):
            decoded = next(self._decoded, None)
            if decoded is None:
                raise SourceError(
                    f"{self.path}: expected the {index + 1} frames that were read "
                    f"before, got {number}"
                )
            self._time(decoded)

    def close(self) -> None:
        """Close the file; may be called twice, and while another thread reads."""
        with self._lock:
            self._is_closed = True
            self._container.close()

    def _next(self) -> av.VideoFrame | None:
        with self._lock, said_in_one_line(self.path):
            return None if self._is_closed else next(self._decoded, None)

    def _frame(self, decoded: av.VideoFrame) -> Frame:
        colour = self._read_colour(decoded)
        pixels, rest = self._levels(decoded, colour)
        pts, index = self._time(decoded)
        turned = self._of_first_size(self._orientation.apply(pixels))
        if rest is not None:
            rest = self._orientation.apply(rest)
        return Frame(
            pixels=turned,
            pts=pts,
            time_base=self._timing.time_base,
            index=index,
            rest=rest if rest is not None and rest.shape == turned.shape else None,
        )

    def _levels(
        self, decoded: av.VideoFrame, colour: Colour
    ) -> tuple[Pixels, Rest | None]:
        """Return a frame as it lies in the file, and its rest if that is wanted."""
        is_hdr = colour.transfer in HDR_TRANSFERS
        pixels = (to_sdr if is_hdr else to_rgb)(decoded, colour)
        if not self._wants_rest or not _is_deep(decoded.format):
            return pixels, None
        levels = (to_sdr_floats if is_hdr else to_rgb_floats)(decoded, colour)
        return pixels, rest_of(levels, pixels)

    def _time(self, decoded: av.VideoFrame) -> tuple[int, int]:
        """Return pts and index of the next frame; say where times start over."""
        num_restarts = len(self.restarts)
        self._decoding.judge_gap(decoded)
        pts, index = self._timing.next(decoded)
        if len(self.restarts) > num_restarts:
            self._notice_restart()
        return pts, index

    def _read_colour(self, decoded: av.VideoFrame) -> Colour:
        return read_colour(
            decoded,
            pixel_format=decoded.format.name,
            width=decoded.width,
            height=decoded.height,
            what=str(self.path),
            may_be_hdr=self._tone_map is not None,
        )

    def _of_first_size(self, pixels: Pixels) -> Pixels:
        height, width = pixels.shape[:2]
        size = (self.info.width, self.info.height)
        if (width, height) == size:
            return pixels
        self._notice(
            f"{self.path.name}: the size changes from {size[0]}x{size[1]} to "
            f"{width}x{height} within the file; scaled to the first"
        )
        return np.asarray(cv2.resize(pixels, size), dtype=np.uint8)

    def _notice_restart(self) -> None:
        restart = self.restarts[-1]
        self._notice(
            f"{self.path.name}: the times start over at "
            f"{float(restart.pts * restart.time_base):.2f} s, as in joined files; "
            "they go on there"
        )

    def _notice_early_end(self) -> None:
        """Count and say what a demuxer passes over in silence."""
        if missing := self._timing.missing_seconds():
            self._damage.count(self._timing.seconds)
            self._notice(
                f"{self.path.name}: the video ends {missing:.1f} s before the file "
                "says it does; the rest is missing or broken"
            )

    def _deinterlaced(self, frames: Iterator[av.VideoFrame]) -> Iterator[av.VideoFrame]:
        """Put a deinterlacer between from the first interlaced frame on."""
        deinterlacer: Deinterlacer | None = None
        for frame in frames:
            if deinterlacer is None and frame.interlaced_frame:
                self._notice(f"{self.path.name}: interlaced; deinterlaced with bwdif")
                deinterlacer = Deinterlacer(frame)
                self._is_interlaced = True
            if deinterlacer is not None and not deinterlacer.takes(frame):
                yield from deinterlacer.push(None)
                deinterlacer = Deinterlacer(frame)
            if deinterlacer is None:
                yield frame
            else:
                yield from deinterlacer.push(frame)
        if deinterlacer is not None:
            yield from deinterlacer.push(None)

    def _read_orientation(self, first: av.VideoFrame) -> Orientation:
        data = side_data(first, "DISPLAYMATRIX")
        orientation = Orientation() if data is None else read_display_matrix(data)
        if orientation is None:
            self._notice(
                f"{self.path.name}: expected a rotation by a multiple of 90 degrees, "
                f"got {first.rotation}; left as it is"
            )
        return orientation or Orientation()

    def _notice(self, line: str) -> None:
        if line not in self.notices:
            self.notices.append(line)


def _is_deep(kind: av.VideoFormat) -> bool:
    """Return whether frames have more than 8 bits, and are no RGB."""
    is_rgb = kind.is_rgb or kind.has_palette
    return num_bits(kind.name) > 8 and not is_rgb
