"""One file job: what `rtstyle video` and `rtstyle image` do, without the words."""

import json
import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

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
from rtstyle.offline.pipeline import Pipeline, Summary
from rtstyle.smoothing import SmoothMode
from rtstyle.stylizer.controls import controls_of
from rtstyle.stylizer.stylizer import Stylizer
from rtstyle_streams.first_frame import PeekedSource
from rtstyle_streams.frame import Frame
from rtstyle_streams.opening import Kind, open_sink, open_source
from rtstyle_streams.pictures.images import ImageSource
from rtstyle_streams.protocols import Sink, Source, StreamInfo

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
    overwrite: bool = False
    """Whether the target may exist."""
    kind: Kind = "any"
    """What pictures are taken for, see `open_source`."""
    rate: Fraction | None = None
    """Pictures a second, of a film that lies in pictures."""
    suffix: str | None = None
    """Of a target that is standard output."""
    is_quiet: bool = False
    """Whether neither progress nor notices are shown."""


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

    def as_json(self) -> str:
        """Return the figures as one JSON object."""
        return json.dumps(
            {
                "frames": self.summary.num_frames,
                "seconds": round(self.summary.seconds, 3),
                "fps": round(self.summary.frames_per_second, 2),
                "width": self.width,
                "height": self.height,
                "style": self.style,
                "runtime": self.runtime,
                "device": self.device,
            }
        )

    def as_text(self) -> str:
        """Return one line for people."""
        summary = self.summary
        return (
            f"{self.target}: {summary.num_frames} frames of {self.width}x{self.height} "
            f"in {summary.seconds:.1f} s ({summary.frames_per_second:.1f} a second)"
        )


def run_file_job(job: FileJob) -> JobResult:
    """Stylize one file or folder; the target appears only when it is whole.

    Raises:
        StreamError: the source or the target cannot be used.
        StyleFileError: no such style, or no model for the mask.
        RuntimeUnavailableError: the runtime or device does not work here.
        UsageError: a control that means nothing for this style.
    """
    spec = parse_style(job.style or DEFAULT_STYLE)
    check_look(job.look, [spec])
    with (
        open_source(job.source, kind=job.kind, rate=job.rate) as opened,
        mask_of(job.look, is_for_stills=isinstance(opened, ImageSource)) as mask,
    ):
        first = PeekedSource(opened) if job.look.wants_content else None
        weighted_styles = load_mixture(
            spec, job.look, content=first.pixels if first else None
        )
        sink = open_sink(
            job.target,
            opened.info,
            template=opened,
            codec=job.codec,
            crf=job.crf,
            preset=job.preset,
            overwrite=job.overwrite,
            suffix=job.suffix,
        )
        say = log.debug if job.is_quiet else log.warning
        with sink:
            said: set[str] = set()
            _say_notices(opened, sink, said=said, say=say)
            with _stylizer(job, weighted_styles, mask, opened.info) as stylizer:
                session = stylizer.session
                if not job.is_quiet:
                    log.info(
                        "style %s, %s", mixture_text(weighted_styles), stylizer.where
                    )
                pipeline = Pipeline(first or opened, stylizer, sink)
                summary = _run(pipeline, is_quiet=job.is_quiet)
        _say_notices(opened, sink, said=said, say=say)
        num_errors = opened.num_decode_errors + sink.num_decode_errors
        if num_errors:
            say("%s: %d errors while reading", job.source, num_errors)
        return JobResult(
            summary=summary,
            width=opened.info.width,
            height=opened.info.height,
            style=spec.title
            if len(weighted_styles) > 1
            else weighted_styles[0].style.name,
            runtime=session.runtime,
            device=session.device,
            target=job.target,
            num_decode_errors=num_errors,
        )


def _stylizer(
    job: FileJob,
    weighted_styles: Sequence[WeightedStyle],
    mask: Mask | None,
    info: StreamInfo,
) -> Stylizer:
    return Stylizer(
        weighted_styles,
        controls=controls_of(job.look, smooth=job.smooth),
        runtime=job.runtime,
        device=job.device,
        precision=job.precision,
        matrix=info.matrix,
        workers=0,
        mask=mask,
    )


def _run(pipeline: Pipeline, *, is_quiet: bool) -> Summary:
    """Run with a progress bar on stderr: rate and remaining time."""
    if is_quiet:
        return pipeline.run()
    total = pipeline.source.info.num_frames
    with tqdm(total=total, unit="frame", file=sys.stderr, mininterval=0.5) as bar:

        def on_frame(frame: Frame) -> None:
            bar.update()

        return pipeline.run(on_frame)


def _say_notices(
    source: Source, sink: Sink, *, said: set[str], say: Callable[..., None]
) -> None:
    """Say what differs from the input and was not said yet."""
    for line in (*source.notices, *sink.notices):
        if line not in said:
            say("%s", line)
            said.add(line)
