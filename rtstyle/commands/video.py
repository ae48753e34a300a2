"""`rtstyle video`: a video file in, a stylized one out, everything else kept."""

import sys
from fractions import Fraction

import click

from rtstyle.choices import SmoothMode
from rtstyle.commands.options import (
    json_option,
    look_of,
    look_options,
    overwrite_option,
    precision_option,
    quiet_option,
    rate_of,
    runtime_options,
    show_result,
    smooth_option,
    style_option,
)

EXIT_DAMAGED = 3
"""Exit status when the input had errors; the output holds all that could be read."""


@click.command()
@click.argument("source", metavar="IN")
@click.argument("target", metavar="OUT")
@style_option
@look_options
@smooth_option("flow")
@runtime_options
@precision_option
@click.option(
    "--codec",
    metavar="NAME",
    help="FFmpeg's name of an encoder.  [default: libx264, or what OUT needs]",
)
@click.option("--crf", type=click.IntRange(0, 63), help="Quality; lower is better.")
@click.option("--preset", help="Of the encoder, for example ultrafast or medium.")
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
@json_option
@click.pass_context
def video(
    context: click.Context,
    source: str,
    target: str,
    style: str | None,
    smooth: SmoothMode,
    runtime: str,
    device: str,
    precision: str,
    codec: str | None,
    crf: int | None,
    preset: str | None,
    fps: Fraction | None,
    suffix: str,
    overwrite: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Stylize the film IN into OUT: every frame, with its sound and the rest.

    IN and OUT may be folders of pictures, frames/%05d.png, or - for a pipe.
    """
    from rtstyle.offline.job import FileJob, run_file_job

    job = FileJob(
        source=source,
        target=target,
        style=style,
        look=look_of(context),
        smooth=smooth,
        runtime=runtime,
        device=device,
        precision=precision,
        codec=codec,
        crf=crf,
        preset=preset,
        overwrite=overwrite,
        kind="film",
        rate=fps,
        suffix=f".{suffix}",
        is_quiet=quiet,
    )
    result = run_file_job(job)
    text = result.as_json() if as_json else result.as_text()
    show_result(text, target=target, is_quiet=quiet, as_json=as_json)
    if result.num_decode_errors:
        sys.exit(EXIT_DAMAGED)
