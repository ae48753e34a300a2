"""The command `rtstyle train image`, for the group in `cli.py`."""

from pathlib import Path

import click

from rtstyle.commands.options import Number
from rtstyle_train.commands.options import (
    FOLDER,
    network_option,
    recipe_option,
    run_of,
    run_options,
    setting,
    settings_of,
    start_options,
    tell_next,
)


@click.command(name="image")
@click.argument(
    "paintings", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True)
)
@click.option(
    "--content", required=True, type=FOLDER, help="Folder of photographs to learn on."
)
@recipe_option
@network_option
@setting("--style-weight", type=Number(0), help="More is more painterly.")
@start_options
@click.option(
    "--compile",
    "is_compiled",
    is_flag=True,
    help="Compile the network first: quicker steps on a CPU. Needs a C++ compiler.",
)
@run_options
@click.pass_context
def train_image_command(
    context: click.Context,
    paintings: tuple[Path, ...],
    content: Path,
    recipe: str | None,
    is_compiled: bool,
) -> None:
    """Learn the style of PAINTINGS (files, or one folder that holds the recipe's)."""
    from rtstyle_train.jobs.image import ImageJob, resolve, train_image

    run = run_of(context)
    config, files = resolve(recipe, paintings, settings_of(context), start=run.start)
    train_image(config, ImageJob(files, content, run, is_compiled=is_compiled))
    tell_next(run)
