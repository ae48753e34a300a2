"""Makes one segment of a film by itself, with the frames of a run in one piece.

What the smoothing remembers at a segment's first frame is either handed over by the
segment before, or found by warming up: from the last scene cut before the segment on,
where the smoothing starts afresh in any run. Both give the same frames bit for bit; a
warm-up of a fixed length would not.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from rtstyle.gallery.mixture import WeightedStyle
from rtstyle.masks import mask_of
from rtstyle.offline.identity import identity_of
from rtstyle.offline.job import FileJob
from rtstyle.offline.journal import Identity
from rtstyle.offline.pipeline import Pipeline
from rtstyle.smoothing import SceneCutDetector, SmootherByMode
from rtstyle.smoothing.protocol import State
from rtstyle.stylizer.blending import shrink
from rtstyle.stylizer.controls import controls_of
from rtstyle.stylizer.stylizer import Stylizer
from rtstyle_streams.frame import Frame
from rtstyle_streams.managed import ManagedSink, ManagedSource
from rtstyle_streams.video.read_mark import FRAMES_PER_MARK, ReadMark
from rtstyle_streams.video.reader import VideoReader
from rtstyle_streams.video.segmented_writer import Segment, SegmentedWriter


@dataclass(frozen=True, slots=True)
class Part:
    """Which frames of a film make one segment."""

    number: int
    """Of the segment, from 0."""
    first: int
    """Index of its first frame."""
    num_frames: int
    """How many frames it has."""
    pts_before: tuple[int, ...]
    """When the frames before `first` are shown, the last one last, in ticks: as many
    as are looked through for a scene cut, and a few more."""

    def mark(self, index: int) -> ReadMark | None:
        """Return the place before frame `index`; None for the film's beginning."""
        end = len(self.pts_before) - (self.first - index)
        pts = self.pts_before[max(0, end - FRAMES_PER_MARK) : end]
        return ReadMark(index - 1, pts) if index else None


@dataclass(frozen=True, slots=True)
class MadePart:
    """One segment, encoded."""

    number: int
    """See `Part`."""
    data: bytes
    """Its packets, see `rtstyle_streams.video.packets`."""
    sha256: str
    """Of them."""
    num_frames: int
    """How many frames it has."""
    pts: tuple[int, int]
    """When its first and last frame are shown, in ticks."""
    num_warm_up: int
    """Frames that were stylized to warm up, and thrown away."""
    is_plain: bool
    """Whether nothing was broken, interlaced or out of order."""


def parts_of(
    times: Sequence[int], *, frames_per_segment: int, look_back: int
) -> list[Part]:
    """Cut a film into segments.

    Args:
        times: When its frames are shown, in ticks.
        frames_per_segment: Of all but the last one.
        look_back: How many frames before a segment a scene cut is looked for.
    """
    return [
        Part(
            number=number,
            first=first,
            num_frames=min(frames_per_segment, len(times) - first),
            pts_before=tuple(
                times[max(0, first - look_back - FRAMES_PER_MARK) : first]
            ),
        )
        for number, first in enumerate(range(0, len(times), frames_per_segment))
    ]


class SegmentMaker:
    """Holds the networks of a job, and makes segments of its film.

    Args:
        job: What is asked for.
        weighted_styles: Its styles, loaded.
        path: Of its input, here.
        frames_per_segment: Where the film is cut.
        workers: Threads that run the network on a CPU, a frame on one core each, as in
            a run on one machine.
    """

    def __init__(
        self,
        job: FileJob,
        weighted_styles: Sequence[WeightedStyle],
        path: Path,
        *,
        frames_per_segment: int,
        workers: int,
    ) -> None:
        self._job, self._path = job, path
        self._frames_per_segment = frames_per_segment
        with self._open() as reader:
            self._info = reader.info
        self._masks = mask_of(job.look)
        self._stylizer = Stylizer(
            weighted_styles,
            controls=controls_of(job.look, smooth=job.smooth, every=job.every),
            runtime=job.runtime,
            device=job.device,
            precision=job.precision,
            matrix=self._info.matrix,
            workers=max(2, workers) if job.device == "cpu" else 0,
            mask=self._masks.__enter__(),
            smoother=SmootherByMode(),
        )
        if job.device == "cpu":
            self._stylizer.workers = workers

    def _open(self) -> VideoReader:
        return VideoReader(
            self._path,
            tone_map=self._job.tone_map,
            is_deep=self._job.bits != "8",
        )

    def identity(self) -> Identity:
        """Return what the frames depend on here; see `identity_of`."""
        with tempfile.TemporaryDirectory() as folder, self._open() as reader:
            sink = self._sink(reader, Path(folder), lambda _: None)
            header_sha256 = sink.header_sha256
            sink.close()
        return identity_of(
            self._job,
            self._path,
            self._stylizer,
            header_sha256=header_sha256,
            frames_per_segment=self._frames_per_segment,
        )

    def make(self, part: Part, state: State | None) -> tuple[MadePart, State] | None:
        """Make one segment; None when it cannot be made without a state.

        Args:
            part: Which one.
            state: What the stylizer remembers behind the segment before; None looks
                for a scene cut to begin at.

        Returns:
            The segment, and what the stylizer remembers behind it.
        """
        begin: int | None = part.first
        if state is None and self._remembers:
            begin = self._last_cut(part)
        if begin is None:
            return None
        self._stylizer.restore(state or {})
        segments: list[Segment] = []
        with tempfile.TemporaryDirectory() as name, self._open() as reader:
            sink = self._sink(reader, Path(name), segments.append)
            try:
                own = _Only(sink, first=part.first)
                end = part.first + part.num_frames
                source = _Between(reader, part.mark(begin), end)
                Pipeline(source, self._stylizer, own).run()
                sink.end_segment()
            finally:
                sink.close()
            made = MadePart(
                number=part.number,
                data=segments[0].path.read_bytes(),
                sha256=segments[0].sha256,
                num_frames=segments[0].num_frames,
                pts=(own.pts[0], own.pts[-1]),
                num_warm_up=part.first - begin,
                is_plain=reader.is_plain,
            )
        return made, self._stylizer.state()

    def close(self) -> None:
        """Let go of the networks; may be called twice."""
        self._stylizer.close()

    @property
    def _remembers(self) -> bool:
        """Tell whether a frame depends on the frames before it."""
        controls = self._stylizer.controls
        is_smoothed = controls.smooth != "off" or self._stylizer.mask is not None
        is_carried = controls.every > 1
        return (is_smoothed or is_carried) and controls.strength > 0.0

    def _last_cut(self, part: Part) -> int | None:
        """Return the last frame up to the segment's first where all starts afresh."""
        if self._stylizer.mask is not None:  # has cuts of its own, at another size
            return 0 if part.first == 0 else None
        begin = max(0, part.first - len(part.pts_before) + FRAMES_PER_MARK)
        begin = 0 if len(part.pts_before) >= part.first else begin
        found = 0 if begin == 0 else None
        detector = SceneCutDetector()
        lines = self._stylizer.controls.lines_seen(self._info.height)
        with self._open() as reader:
            for frame in _Between(reader, part.mark(begin), part.first + 1):
                pixels = frame.pixels
                if lines != pixels.shape[0]:
                    pixels = shrink(pixels, height=lines)
                if detector(pixels):
                    found = frame.index
        return found

    def _sink(
        self, reader: VideoReader, folder: Path, on_segment: Callable[[Segment], None]
    ) -> SegmentedWriter:
        """Return an encoder of one segment, as the film's own would be."""
        return SegmentedWriter(
            folder / f"part{Path(self._job.target).suffix}",
            reader.info,
            folder=folder,
            frames_per_segment=self._frames_per_segment + 1,
            on_segment=on_segment,
            template=reader,
            codec=self._job.codec,
            crf=self._job.crf,
            preset=self._job.preset,
            bits=self._job.bits,
        )


class _Between(ManagedSource):
    """The frames of a reader behind a place, up to another one."""

    def __init__(self, reader: VideoReader, mark: ReadMark | None, end: int) -> None:
        self.info = reader.info
        self._reader, self._end = reader, end
        if mark is not None:
            reader.go_on_behind(mark)

    def __iter__(self) -> Iterator[Frame]:
        """Give out the frames before `end`."""
        return takewhile(lambda frame: frame.index < self._end, iter(self._reader))


class _Only(ManagedSink):
    """Throws away the frames before the first one of a segment."""

    def __init__(self, sink: SegmentedWriter, *, first: int) -> None:
        self._sink, self._first = sink, first
        self.pts: list[int] = []

    def write(self, frame: Frame) -> None:
        """Encode `frame`, or pass it over."""
        if frame.index >= self._first:
            self.pts.append(frame.pts)
            self._sink.write(frame)
