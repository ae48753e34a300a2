"""`rtstyle image`: a picture or a folder of them in, stylized ones out."""

import sys

import click

from rtstyle.commands.options import (
    json_option,
    look_of,
    look_options,
    overwrite_option,
    precision_option,
    quiet_option,
    runtime_options,
    show_result,
    style_option,
)
from rtstyle.commands.video import EXIT_DAMAGED


@click.command()
@click.argument("source", metavar="IN")
@click.argument("target", metavar="OUT")
@style_option
@look_options
@runtime_options
@precision_option
@overwrite_option
@quiet_option
@json_option
@click.pass_context
def image(
    context: click.Context,
    source: str,
    target: str,
    style: str | None,
    runtime: str,
    device: str,
    precision: str,
    overwrite: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Stylize the picture or folder of pictures IN into OUT; - is a pipe."""
    from rtstyle.offline.job import FileJob, run_file_job

    job = FileJob(
        source=source,
        target=target,
        style=style,
        look=look_of(context),
        smooth="off",
        runtime=runtime,
        device=device,
        precision=precision,
        overwrite=overwrite,
        kind="pictures",
        is_quiet=quiet,
    )
    result = run_file_job(job)
    text = result.as_json() if as_json else result.as_text()
    show_result(text, target=target, is_quiet=quiet, as_json=as_json)
    if result.num_decode_errors:
        sys.exit(EXIT_DAMAGED)
