"""The command `rtstyle train text`, for the group in `cli.py`."""

from pathlib import Path

import click

from rtstyle.commands.options import Number
from rtstyle.process.terminal import echo
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

BANDS = click.Choice(["none", "c1", "c2", "c3"])


@click.command(name="text")
@click.argument("prompt")
@click.option("--content", type=FOLDER, help="Folder of photographs to learn on.")
@click.option(
    "--single",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="One photograph instead, CLIPstyler's way; OUT is a picture.",
)
@recipe_option
@setting("--clip", help="open_clip ViT by name, a config .json, or a folder.")
@setting("--clip-weights", help="open_clip's name of weights, or a local file.")
@setting("--band", type=BANDS, help="SpectralCLIP's band; none is plain CLIP.")
@network_option
@setting("--content-weight", type=Number(0), help="More keeps more of the photograph.")
@setting("--patch-weight", type=Number(0), help="More is more of the prompt.")
@start_options
@click.option("--truncate", is_flag=True, help="Cut a prompt that is too long.")
@click.option("--dry-run", is_flag=True, help="Print the plan and stop.")
@run_options
@click.pass_context
def train_text_command(
    context: click.Context,
    prompt: str,
    content: Path | None,
    single: Path | None,
    recipe: str | None,
    truncate: bool,
    dry_run: bool,
) -> None:
    """Learn the style that PROMPT describes, with CLIP as the judge."""
    from rtstyle_train.config.reading import recipe_path, recipe_table
    from rtstyle_train.config.text import make_text_config
    from rtstyle_train.jobs.text import TextJob, train_text
    from rtstyle_train.methods.single_image import SingleImageConfig

    job = TextJob(run_of(context), content, single, truncate=truncate)
    flags = settings_of(context) | {"prompt": prompt}
    where = str(recipe_path(recipe)) if recipe else "command line"
    config = make_text_config(
        recipe_table(recipe) if recipe else {}, flags, where=where
    )
    settings = SingleImageConfig.of(config, settings_of(context))
    if dry_run:
        from rtstyle_train.jobs.text_plan import describe_plan

        echo(*describe_plan(config, job, settings=settings))
    elif job.single:
        from rtstyle_train.jobs.single_image import stylize_single

        stylize_single(config, job, settings=settings)
        echo(f"{job.run.out}: written")
    else:
        train_text(config, job)
        tell_next(job.run)
