"""`rtstyle image`: a picture or a folder of them in, stylized ones out."""

import sys

import click

from rtstyle.commands.options import (
    control_options,
    json_option,
    overwrite_option,
    precision_option,
    runtime_options,
    style_option,
)
from rtstyle.commands.video import EXIT_DAMAGED


@click.command()
@click.argument("source", metavar="IN")
@click.argument("target", metavar="OUT")
@style_option
@control_options
@runtime_options
@precision_option
@overwrite_option
@json_option
def image(
    source: str,
    target: str,
    style: str | None,
    strength: float,
    keep_colors: bool,
    height: int | None,
    runtime: str,
    device: str,
    precision: str,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Stylize the picture or folder of pictures IN into OUT."""
    from rtstyle.file_job import FileJob, run_file_job

    job = FileJob(
        source=source,
        target=target,
        style=style,
        strength=strength,
        keep_colors=keep_colors,
        height=height,
        smooth="off",
        runtime=runtime,
        device=device,
        precision=precision,
        overwrite=overwrite,
    )
    result = run_file_job(job)
    click.echo(result.as_json() if as_json else result.as_text())
    if result.num_decode_errors:
        sys.exit(EXIT_DAMAGED)
