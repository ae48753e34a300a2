"""One file job: what `rtstyle video` and `rtstyle image` do, without the words."""

import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass

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
from rtstyle_streams.opening import open_sink, open_source
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
        open_source(job.source) as opened,
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
        )
        with sink:
            said: set[str] = set()
            _say_notices(opened, sink, said=said)
            with _stylizer(job, weighted_styles, mask, opened.info) as stylizer:
                session = stylizer.session
                log.info("style %s, %s", mixture_text(weighted_styles), stylizer.where)
                summary = _run(Pipeline(first or opened, stylizer, sink))
        _say_notices(opened, sink, said=said)
        num_errors = int(getattr(opened, "num_decode_errors", 0))
        if num_errors:
            log.warning("%s: %d errors while reading", job.source, num_errors)
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


def _run(pipeline: Pipeline) -> Summary:
    """Run with a progress bar on stderr: rate and remaining time."""
    total = pipeline.source.info.num_frames
    with tqdm(total=total, unit="frame", file=sys.stderr, mininterval=0.5) as bar:

        def on_frame(frame: Frame) -> None:
            bar.update()

        return pipeline.run(on_frame)


def _say_notices(source: Source, sink: Sink, *, said: set[str]) -> None:
    """Say what differs from the input and was not said yet."""
    for end in (source, sink):
        for line in getattr(end, "notices", ()):
            if line not in said:
                log.warning("%s", line)
                said.add(line)
