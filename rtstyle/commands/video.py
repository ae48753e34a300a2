"""`rtstyle video`: a video file in, a stylized one out, everything else kept."""

import sys
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rtstyle.choices import SmoothMode
from rtstyle.commands.inputs import inputs_options, planned_of, run_planned
from rtstyle.commands.options import (
    DurationType,
    json_option,
    look_of,
    look_options,
    overwrite_option,
    precision_option,
    quiet_option,
    rate_of,
    runtime_options,
    seconds_of,
    smooth_option,
    style_option,
)

if TYPE_CHECKING:
    from rtstyle_streams.protocols import Bits, ToneMap


@click.command()
@inputs_options
@style_option
@click.option(
    "--learn",
    "minutes",
    type=DurationType(),
    help="Learn the painting of --style on this film first, or --painted: 5m, 90s …",
)
@look_options
@smooth_option("flow")
@click.option(
    "--every",
    type=click.IntRange(1, 3),
    default=1,
    show_default=True,
    help="Let the network paint every Nth frame; motion carries its pictures to those "
    "between.",
)
@runtime_options
@precision_option
@click.option(
    "--painted",
    multiple=True,
    metavar="PICTURE",
    help="A painted frame of IN: its paint is carried along the motion as far as it "
    "can be relied on, and STYLE does the rest.  May be given several times.",
)
@click.option(
    "--at",
    "painted_at",
    multiple=True,
    metavar="SECONDS",
    callback=seconds_of,
    help="When that frame is shown (12.4s).  [default: by its name or its look]",
)
@click.option(
    "--codec",
    metavar="NAME",
    help="FFmpeg's name of an encoder (h264_nvenc, libx265 …), or auto-hw: in hardware "
    "if one opens.  [default: libx264, or what OUT needs]",
)
@click.option("--crf", type=click.IntRange(0, 63), help="Quality; lower is better.")
@click.option("--preset", help="Of the encoder, for example ultrafast or medium.")
@click.option(
    "--bits",
    type=click.Choice(("8", "10", "auto")),
    default="auto",
    show_default=True,
    help="Of each colour of OUT; auto keeps 10 where IN has more than 8 and the "
    "encoder takes them.",
)
@click.option(
    "--tone-map",
    type=click.Choice(("bt2390",)),
    help="Make SDR of an HDR film (PQ, HLG), which is refused otherwise.",
)
@click.option(
    "--fps",
    metavar="RATE",
    callback=rate_of,
    help="Pictures a second, when IN is a folder of them or frames/%05d.png.",
)
@click.option(
    "--format",
    "suffix",
    type=click.Choice(("mkv", "mp4", "mov", "webm", "ts", "avi", "gif")),
    default="mkv",
    show_default=True,
    help="Of the film, when OUT is - (standard output).",
)
@overwrite_option
@quiet_option
@click.option(
    "--resume/--no-resume",
    default=True,
    show_default=True,
    help="Go on where the same command ended before.",
)
@click.option(
    "--segment-seconds",
    type=click.FloatRange(0.04, 3600.0),
    help="Of film, after which what is done is kept.  [default: 10 at most]",
)
@click.option(
    "--cluster",
    metavar="ADDRESS",
    help="Share the work among the machines of a Ray cluster; auto finds one.",
)
@click.option("--ship", is_flag=True, help="With --cluster: send the input along.")
@json_option
@click.pass_context
def video(
    context: click.Context,
    names: tuple[str, ...],
    out_dir: Path | None,
    recursive: bool,
    name_template: str,
    dry_run: bool,
    style: str | None,
    minutes: float | None,
    smooth: SmoothMode,
    every: int,
    runtime: str,
    device: str,
    precision: str,
    painted: tuple[str, ...],
    painted_at: tuple[float, ...],
    codec: str | None,
    crf: int | None,
    preset: str | None,
    bits: "Bits",
    tone_map: "ToneMap | None",
    fps: Fraction | None,
    suffix: str,
    overwrite: bool,
    quiet: bool,
    resume: bool,
    segment_seconds: float | None,
    cluster: str | None,
    ship: bool,
    as_json: bool,
) -> None:
    """Stylize the film IN into OUT: every frame, with its sound and the rest.

    IN and OUT may be folders of pictures, frames/%05d.png, or - for a pipe.
    """
    from rtstyle.offline.job import FileJob

    if minutes is not None:
        style = _learned(context, names, style, minutes)
    elif painted and style is None:
        style = str(Path(painted[0]).absolute())  # as any painting
    job = FileJob(
        source="",
        target="",
        style=style,
        look=look_of(context),
        smooth=smooth,
        every=every,
        runtime=runtime,
        device=device,
        precision=precision,
        painted=painted or None,
        painted_at=painted_at or None,
        codec=codec,
        crf=crf,
        preset=preset,
        bits=bits,
        tone_map=tone_map,
        overwrite=overwrite,
        kind="film",
        rate=fps,
        suffix=f".{suffix}",
        is_quiet=quiet,
        resume=resume,
        segment_seconds=segment_seconds,
        cluster=cluster,
        ship=ship,
    )
    planned = planned_of(context, names, job, "video")
    run_planned(context, planned, as_json=as_json)


def _learned(
    context: click.Context, names: tuple[str, ...], style: str | None, minutes: float
) -> str:
    """Learn the painting, or painted frames, and return the style file's name."""
    from rtstyle.learning.film import learned_style
    from rtstyle.learning.painted import learned_frames

    if len(names) != 2 or context.params["out_dir"] is not None:
        raise click.UsageError("--learn needs one film: IN OUT", ctx=context)
    painted: tuple[str, ...] = context.params["painted"]
    if painted and style is not None:
        raise click.UsageError(
            "--learn: expected --painted or --style, got both", ctx=context
        )
    if painted:
        times = context.params["painted_at"]
        path, status = learned_frames(
            painted, names[0], minutes=minutes, at_seconds=times
        )
    else:
        path, status = learned_style(style, names[0], minutes=minutes)
    if status:
        sys.exit(status)
    return str(path)
