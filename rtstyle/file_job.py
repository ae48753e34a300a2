"""One file job: what `rtstyle video` and `rtstyle image` do, without the words."""

import json
import logging
import sys
from dataclasses import dataclass

from tqdm import tqdm

from rtstyle.gallery import DEFAULT_STYLE, load_style
from rtstyle.pipeline import Pipeline, Summary
from rtstyle.smoothing import SmoothMode
from rtstyle.stylizer import Controls, Stylizer
from rtstyle_streams.frame import Frame
from rtstyle_streams.opening import open_sink, open_source
from rtstyle_streams.protocols import Sink, Source

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FileJob:
    """From which file to which, and how."""

    source: str
    """A video, a picture, a folder of pictures, or ``sample:``."""
    target: str
    """Where the result goes, of the same sort."""
    style: str | None = None
    """Name or path; None is the gallery's first."""
    strength: float = 1.0
    """See `Controls.strength`."""
    keep_colors: bool = False
    """See `Controls.keep_colors`."""
    height: int | None = None
    """See `Controls.height`."""
    smooth: SmoothMode = "flow"
    """See `Controls.smooth`."""
    runtime: str = "auto"
    """See `Stylizer`."""
    device: str = "auto"
    """See `Stylizer`."""
    precision: str = "auto"
    """See `Stylizer`."""
    codec: str = "libx264"
    """FFmpeg's name of the video encoder."""
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
        StyleFileError: no such style.
        RuntimeUnavailableError: the runtime or device does not work here.
    """
    style = load_style(job.style or DEFAULT_STYLE)
    with open_source(job.source) as source:
        sink = open_sink(
            job.target,
            source.info,
            template=source,
            codec=job.codec,
            crf=job.crf,
            preset=job.preset,
            overwrite=job.overwrite,
        )
        controls = Controls(job.strength, job.keep_colors, job.smooth, job.height)
        with sink:
            said: set[str] = set()
            _say_notices(source, sink, said=said)
            with Stylizer(
                style,
                controls=controls,
                runtime=job.runtime,
                device=job.device,
                precision=job.precision,
                matrix=source.info.matrix,
                workers=0,
            ) as stylizer:
                session = stylizer.session
                log.info("style %s, %s", style.name, stylizer.where)
                summary = _run(Pipeline(source, stylizer, sink))
        _say_notices(source, sink, said=said)
        num_errors = int(getattr(source, "num_decode_errors", 0))
        if num_errors:
            log.warning("%s: %d errors while reading", job.source, num_errors)
        return JobResult(
            summary=summary,
            width=source.info.width,
            height=source.info.height,
            style=style.name,
            runtime=session.runtime,
            device=session.device,
            target=job.target,
            num_decode_errors=num_errors,
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
