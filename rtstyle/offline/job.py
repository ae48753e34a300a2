"""One file job: what `rtstyle video` and `rtstyle image` do, without the words."""

import json
import logging
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from itertools import count

from tqdm import tqdm

from rtstyle.gallery.find import DEFAULT_STYLE
from rtstyle.gallery.mixture import (
    WeightedStyle,
    check_look,
    load_mixture,
    mixture_text,
)
from rtstyle.gallery.spec import parse_style
from rtstyle.look import Look
from rtstyle.masks import Mask, mask_of
from rtstyle.offline.painted import check_painted_job, painted_steps
from rtstyle.offline.pipeline import Pipeline, Summary
from rtstyle.offline.resume import ResumableJob, can_resume, open_work_folder
from rtstyle.smoothing import SmootherByMode, SmoothMode
from rtstyle.stylizer.controls import controls_of
from rtstyle.stylizer.stylizer import Stylizer
from rtstyle_streams.first_frame import PeekedSource
from rtstyle_streams.opening import Kind, open_sink, open_source
from rtstyle_streams.pictures.images import ImageSource
from rtstyle_streams.protocols import Bits, Sink, Source, StreamInfo, ToneMap
from rtstyle_streams.video.reader import VideoReader
from rtstyle_streams.video.segmented_writer import SegmentedWriter

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FileJob:
    """From which file to which, and how."""

    source: str
    """A video, a picture, a folder of pictures, or ``sample:``."""
    target: str
    """Where the result goes, of the same sort."""
    style: str | None = None
    """As for `parse_style`; None is the gallery's first."""
    look: Look = Look()
    """How it is stylized."""
    smooth: SmoothMode = "flow"
    """See `Controls.smooth`."""
    every: int = 1
    """See `Controls.every`."""
    runtime: str = "auto"
    """See `Stylizer`."""
    device: str = "auto"
    """See `Stylizer`."""
    precision: str = "auto"
    """See `Stylizer`."""
    codec: str | None = None
    """FFmpeg's name of the video encoder; None is the target's."""
    crf: int | None = None
    """Constant rate factor; None is the writer's default."""
    preset: str | None = None
    """Encoder preset; None is the writer's default."""
    bits: Bits = "auto"
    """Of each colour of a film that is written; see `Bits`."""
    overwrite: bool = False
    """Whether the target may exist."""
    kind: Kind = "any"
    """What pictures are taken for, see `open_source`."""
    rate: Fraction | None = None
    """Pictures a second, of a film that lies in pictures."""
    tone_map: ToneMap | None = None
    """What makes SDR of HDR films; None refuses those."""
    suffix: str | None = None
    """Of a target that is standard output."""
    is_quiet: bool = False
    """Whether neither progress nor notices are shown."""
    resume: bool = True
    """Whether a video goes on where an earlier run of the same job ended."""
    segment_seconds: float | None = None
    """Of film, after which what is done is kept; None is the default, ten at most."""
    painted: tuple[str, ...] | None = None
    """Painted frames of a film, picture files: their paint is carried along the motion
    and takes the network's place where it can be relied on."""
    painted_at: tuple[float, ...] | None = None
    """When those frames are shown, in seconds; None: found by name or by look."""
    cluster: str | None = None
    """Address of the Ray cluster that makes the frames of a video; ``auto`` is one
    that runs here, or a new one; None is this process."""
    ship: bool = False
    """Whether the cluster's machines are sent the input, not only its path."""


@dataclass(frozen=True, slots=True)
class JobResult:
    """What a file job did."""

    summary: Summary
    """Frames and time."""
    width: int
    """Of the output, in pixels."""
    height: int
    """Of the output, in lines."""
    style: str
    """Name of the style."""
    runtime: str
    """Library that ran the network."""
    device: str
    """Where it ran."""
    target: str
    """Where the result is."""
    num_decode_errors: int
    """What could not be read of the input."""
    num_kept: int = 0
    """Frames that an earlier run had made; not in `summary`."""

    def as_json(self) -> str:
        """Return the figures as one JSON object."""
        row = {
            "frames": self.summary.num_frames + self.num_kept,
            "seconds": round(self.summary.seconds, 3),
            "fps": round(self.summary.frames_per_second, 2),
            "width": self.width,
            "height": self.height,
            "style": self.style,
            "runtime": self.runtime,
            "device": self.device,
        }
        return json.dumps(row | ({"kept": self.num_kept} if self.num_kept else {}))

    def as_text(self) -> str:
        """Return one line for people."""
        summary = self.summary
        kept = f", {self.num_kept} of an earlier run" if self.num_kept else ""
        num_frames = summary.num_frames + self.num_kept
        return (
            f"{self.target}: {num_frames} frames of {self.width}x{self.height} "
            f"in {summary.seconds:.1f} s ({summary.frames_per_second:.1f} a second"
            f"{kept})"
        )


def run_file_job(
    job: FileJob, *, on_frame: Callable[[int, int | None], None] | None = None
) -> JobResult:
    """Stylize one file or folder; the target appears only when it is whole.

    Args:
        job: What is asked for.
        on_frame: Called with the number of frames that are done and that of all (None
            when unknown); None shows a progress bar.

    Raises:
        StreamError: the source or the target cannot be used.
        StyleFileError: no such style, or no model for the mask.
        RuntimeUnavailableError: the runtime or device does not work here.
        UsageError: a control that means nothing for this style.
    """
    if job.painted:
        check_painted_job(job)
    if job.cluster is not None:
        from rtstyle.offline.cluster import run_cluster_job

        return run_cluster_job(job, on_frame=on_frame)
    spec = parse_style(job.style or DEFAULT_STYLE)
    check_look(job.look, [spec])
    say = log.debug if job.is_quiet else log.warning
    with ExitStack() as stack:
        opened = stack.enter_context(
            open_source(
                job.source,
                kind=job.kind,
                rate=job.rate,
                tone_map=job.tone_map,
                bits=job.bits,
            )
        )
        is_for_stills = isinstance(opened, ImageSource)
        mask = stack.enter_context(mask_of(job.look, is_for_stills=is_for_stills))
        first = PeekedSource(opened) if job.look.wants_content else None
        weighted_styles = load_mixture(
            spec, job.look, content=first.pixels if first else None
        )
        resumable = None
        if can_resume(job, opened):
            assert isinstance(opened, VideoReader)
            folder = stack.enter_context(open_work_folder(job, opened))
            resumable = ResumableJob(job, opened, folder)
        sink = stack.enter_context(_sink(job, opened, resumable))
        said: set[str] = set()
        _say_notices(opened, sink, said=said, say=say)
        keeps_state = resumable is not None
        stylizer = stack.enter_context(
            _stylizer(job, weighted_styles, mask, opened.info, keeps_state=keeps_state)
        )
        if not job.is_quiet:
            log.info("style %s, %s", mixture_text(weighted_styles), stylizer.where)
        source, num_kept = first or opened, 0
        if resumable is not None:
            assert isinstance(sink, SegmentedWriter)
            source, num_kept = resumable.go_on(source, stylizer, sink)
        steps = stack.enter_context(painted_steps(job, stylizer))
        pipeline = Pipeline(source, steps, sink)
        summary = _run(pipeline, num_kept, on_frame, is_quiet=job.is_quiet)
        session = stylizer.session
    _say_notices(opened, sink, said=said, say=say)
    num_errors = opened.num_decode_errors + sink.num_decode_errors
    if num_errors:
        say("%s: %d errors while reading", job.source, num_errors)
    return JobResult(
        summary=summary,
        width=opened.info.width,
        height=opened.info.height,
        style=spec.title if len(weighted_styles) > 1 else weighted_styles[0].style.name,
        runtime=session.runtime,
        device=session.device,
        target=job.target,
        num_decode_errors=num_errors,
        num_kept=num_kept,
    )


def _sink(job: FileJob, opened: Source, resumable: ResumableJob | None) -> Sink:
    if resumable is not None:
        return resumable.open_sink()
    return open_sink(
        job.target,
        opened.info,
        template=opened,
        codec=job.codec,
        crf=job.crf,
        preset=job.preset,
        bits=job.bits,
        overwrite=job.overwrite,
        suffix=job.suffix,
    )


def _stylizer(
    job: FileJob,
    weighted_styles: Sequence[WeightedStyle],
    mask: Mask | None,
    info: StreamInfo,
    *,
    keeps_state: bool,
) -> Stylizer:
    """Load the styles; for a job that keeps its state, no device smooths."""
    return Stylizer(
        weighted_styles,
        controls=controls_of(job.look, smooth=job.smooth, every=job.every),
        runtime=job.runtime,
        device=job.device,
        precision=job.precision,
        matrix=info.matrix,
        workers=0,
        mask=mask,
        smoother=SmootherByMode() if keeps_state else None,
    )


def _run(
    pipeline: Pipeline,
    num_kept: int,
    on_frame: Callable[[int, int | None], None] | None,
    *,
    is_quiet: bool,
) -> Summary:
    """Run with a progress bar on stderr: rate and remaining time."""
    total = pipeline.source.info.num_frames
    if on_frame is not None:
        numbers = count(num_kept + 1)
        report = on_frame
        return pipeline.run(lambda _: report(next(numbers), total))
    if is_quiet:
        return pipeline.run()
    with tqdm(
        total=total, initial=num_kept, unit="frame", file=sys.stderr, mininterval=0.5
    ) as bar:
        return pipeline.run(lambda _: bar.update())


def _say_notices(
    source: Source, sink: Sink, *, said: set[str], say: Callable[..., None]
) -> None:
    """Say what differs from the input and was not said yet."""
    for line in (*source.notices, *sink.notices):
        if line not in said:
            say("%s", line)
            said.add(line)
