"""The command `rtstyle train frames`, for the group in `rtstyle_train.cli`."""

from pathlib import Path

import click

from rtstyle.commands.options import seconds_of
from rtstyle_train.commands.options import (
    FOLDER,
    network_option,
    recipe_option,
    run_of,
    run_options,
    settings_of,
    start_options,
    tell_next,
)

PICTURES = click.Path(path_type=Path, exists=True)


@click.command(name="frames")
@click.argument("film", required=False)
@click.option(
    "--painted",
    multiple=True,
    type=PICTURES,
    help="A painted frame of FILM, or a folder of them; may be given several times.",
)
@click.option(
    "--at",
    multiple=True,
    metavar="SECONDS",
    callback=seconds_of,
    help="When that frame is shown (12.4s).  [default: by its name or its look]",
)
@click.option(
    "--mask",
    "masks",
    multiple=True,
    type=PICTURES,
    help="A picture that is black where that painting does not count.",
)
@click.option(
    "--pairs",
    nargs=2,
    type=FOLDER,
    metavar="BEFORE AFTER",
    help="Folders of frames and of their paintings, paired by name.",
)
@click.option(
    "--clip",
    nargs=2,
    metavar="BEFORE AFTER",
    help="A film, and the same film painted.",
)
@click.option(
    "--every",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="With --clip: take one frame of so many.",
)
@recipe_option
@network_option
@start_options
@run_options
@click.pass_context
def frames_command(
    context: click.Context,
    film: str | None,
    painted: tuple[Path, ...],
    at: tuple[float, ...],
    masks: tuple[Path, ...],
    pairs: tuple[Path, Path] | None,
    clip: tuple[str, str] | None,
    every: int,
    recipe: str | None,
) -> None:
    """Learn to paint FILM from one or a few painted frames of it."""
    from rtstyle.untrusted.names import style_name
    from rtstyle_train.config.frames import make_frames_config
    from rtstyle_train.config.reading import recipe_table
    from rtstyle_train.jobs.frames import FramesJob, quick_formats, train_frames

    run = run_of(context)
    name = {"name": style_name(run.out.stem, default="painted")}
    table = recipe_table(recipe) if recipe else {}
    where = f"recipe {recipe}" if recipe else "command line"
    config = make_frames_config(
        name, quick_formats(), table, settings_of(context), where=where
    )
    job = FramesJob(run, film, painted, at, masks, pairs, clip, every)
    train_frames(config, job)
    tell_next(run)
