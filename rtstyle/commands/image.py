"""`rtstyle image`: a picture or a folder of them in, stylized ones out."""

from pathlib import Path

import click

from rtstyle.commands.inputs import inputs_options, planned_of, run_planned
from rtstyle.commands.options import (
    json_option,
    look_of,
    look_options,
    overwrite_option,
    precision_option,
    quiet_option,
    runtime_options,
    style_option,
)


@click.command()
@inputs_options
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
    names: tuple[str, ...],
    out_dir: Path | None,
    recursive: bool,
    name_template: str,
    dry_run: bool,
    style: str | None,
    runtime: str,
    device: str,
    precision: str,
    overwrite: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Stylize the picture or folder of pictures IN into OUT; - is a pipe."""
    from rtstyle.offline.job import FileJob

    job = FileJob(
        source="",
        target="",
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
    planned = planned_of(context, names, job, "image")
    run_planned(context, planned, as_json=as_json)
