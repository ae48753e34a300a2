"""A video job that goes on where an earlier run of it ended."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rtstyle.offline.identity import identity_of
from rtstyle.offline.work_folder import WorkFolder
from rtstyle.stylizer.stylizer import Stylizer
from rtstyle_streams.errors import SinkError
from rtstyle_streams.part_file import cannot_write, check_target
from rtstyle_streams.protocols import Source, StreamInfo
from rtstyle_streams.video.formats import output_format
from rtstyle_streams.video.read_mark import MarkedSource
from rtstyle_streams.video.reader import VideoReader
from rtstyle_streams.video.segmented_writer import Segment, SegmentedWriter

if TYPE_CHECKING:
    from rtstyle.offline.job import FileJob

log = logging.getLogger(__name__)

SEGMENT_SECONDS: Final = 10.0
"""Of film, that are lost at most."""
FEWEST_FRAMES, MOST_FRAMES = 100, 250
"""Of a segment whose length nobody chose: encoders set a key frame every 250 frames
anyway, and many more would make the file larger."""

CONTAINERS: Final = ("mp4", "mov", "matroska", "webm", "mpegts")
"""Whose films can be joined of packets; a moving picture is made in one go."""


def frames_per_segment(info: StreamInfo, seconds: float | None) -> int:
    """Return how many frames a segment holds.

    Args:
        info: Of the film.
        seconds: How long a segment is to be; None for the default.
    """
    frames = round((seconds or SEGMENT_SECONDS) * float(info.frame_rate or 25))
    if seconds is not None:
        return max(1, frames)
    return min(MOST_FRAMES, max(FEWEST_FRAMES, frames))


def can_resume(job: "FileJob", source: Source) -> bool:
    """Return whether a job is one from a video file to a video file that may resume."""
    if not job.resume or job.painted or job.target == "-":
        return False
    if not isinstance(source, VideoReader):
        return False
    if not source.path.is_file():
        return False
    try:
        file_format = output_format(Path(job.target))
    except SinkError:
        return False
    return file_format.name in CONTAINERS


class ResumableJob:
    """The parts of a file job that know of its earlier runs.

    Args:
        job: What is asked for; `can_resume` says that it can be.
        reader: Of its input, nothing read yet but the first frame at most.
        folder: Where the film grows.
    """

    def __init__(self, job: "FileJob", reader: VideoReader, folder: WorkFolder) -> None:
        self._job, self._reader, self._folder = job, reader, folder
        self._num_frames = 0
        self._stylizer: Stylizer | None = None
        self._marked: MarkedSource | None = None
        self._frames_per_segment = frames_per_segment(reader.info, job.segment_seconds)

    def open_sink(self) -> SegmentedWriter:
        """Open the output.

        Raises:
            SinkError: as for `VideoWriter`.
        """
        job = self._job
        return SegmentedWriter(
            Path(job.target),
            self._reader.info,
            folder=self._folder.path,
            frames_per_segment=self._frames_per_segment,
            on_segment=self._add,
            template=self._reader,
            codec=job.codec,
            crf=job.crf,
            preset=job.preset,
            bits=job.bits,
            overwrite=job.overwrite,
        )

    def go_on(
        self, source: Source, stylizer: Stylizer, sink: SegmentedWriter
    ) -> tuple[Source, int]:
        """Bring reader, stylizer and sink to where an earlier run ended.

        Args:
            source: The reader, or the reader with its first frame looked at.
            stylizer: New.
            sink: New, of `open_sink`.

        Returns:
            What gives the frames that are left, and how many there are already.
        """
        progress = self._folder.begin(self._identity(stylizer, sink))
        if progress.mark is not None and progress.state is not None:
            self._reader.go_on_behind(progress.mark)
            stylizer.restore(progress.state)
            sink.go_on_behind(progress.segments)
            source = self._reader
            log.info(
                "%s: going on behind %d frames of an earlier run",
                self._job.target,
                progress.num_frames,
            )
        self._num_frames = progress.num_frames
        self._stylizer, self._marked = stylizer, MarkedSource(source)
        return self._marked, progress.num_frames

    def _identity(self, stylizer: Stylizer, sink: SegmentedWriter) -> dict[str, str]:
        try:
            return identity_of(
                self._job,
                self._reader.path,
                stylizer,
                header_sha256=sink.header_sha256,
                frames_per_segment=self._frames_per_segment,
            )
        except OSError as error:
            raise cannot_write(Path(self._job.target), error) from error

    def _add(self, segment: Segment) -> None:
        """Note a whole segment; the sink calls it behind the segment's last frame."""
        assert self._stylizer is not None and self._marked is not None
        self._num_frames += segment.num_frames
        mark = self._marked.mark(self._num_frames - 1, is_plain=self._reader.is_plain)
        self._folder.add(segment, mark, self._stylizer.state())


def open_work_folder(job: "FileJob", reader: VideoReader) -> WorkFolder:
    """Open the folder in which the output of `job` grows.

    Raises:
        SinkError: the output may not be written, or another run writes it.
    """
    target = Path(job.target)
    check_target(target, overwrite=job.overwrite)
    if target.exists() and target.samefile(reader.path):
        raise SinkError(
            f"{target}: expected an output other than the input, got the same file"
        )
    return WorkFolder(target)
