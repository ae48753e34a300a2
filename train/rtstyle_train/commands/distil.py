"""The command `rtstyle train distil`, for the group in `cli.py`."""

from pathlib import Path

import click

from rtstyle.commands.options import Number
from rtstyle_train.commands.options import (
    FILE,
    FOLDER,
    PICTURE,
    network_option,
    recipe_option,
    run_of,
    run_options,
    settings_of,
    start_options,
    tell_next,
)


@click.command(name="distil")
@click.option(
    "--content", required=True, type=FOLDER, help="Folder of photographs to learn on."
)
@click.option(
    "--teacher",
    metavar="STYLE",
    help="A style, a checkpoint of others, or gatys, wct or style-swap.",
)
@click.option(
    "--teacher-command",
    "command",
    metavar="COMMAND",
    help="Instead: a program with {in} and {out}, folders of pictures. No shell.",
)
@click.option("--painting", type=PICTURE, help="Of gatys, wct and style-swap.")
@click.option("--style-size", type=click.IntRange(16), help="Short side of PAINTING.")
@click.option(
    "--networks", type=FILE, help="Of wct and style-swap: encoders and decoders."
)
@click.option(
    "--alpha", type=Number(0), default=0.6, show_default=True, help="Of wct, 0..1."
)
@click.option(
    "--teacher-steps",
    type=click.IntRange(1),
    default=60,
    show_default=True,
    help="Iterations of gatys.",
)
@click.option(
    "--pictures",
    type=click.IntRange(1),
    help="How many photographs the teacher paints (default: all).",
)
@click.option(
    "--pairs",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where they are kept for another training (default: beside OUT).",
)
@recipe_option
@network_option
@start_options
@run_options
@click.pass_context
def train_distil_command(
    context: click.Context,
    content: Path,
    teacher: str | None,
    command: str | None,
    painting: Path | None,
    style_size: int | None,
    networks: Path | None,
    alpha: float,
    teacher_steps: int,
    pictures: int | None,
    pairs: Path | None,
    recipe: str | None,
) -> None:
    """Teach a small network what a slow painter does.

    The painter paints the photographs once; the network learns from the pairs.
    """
    from rtstyle_train.jobs.distil import StudentJob, resolve_distil, train_distil
    from rtstyle_train.jobs.teachers import TeacherOptions

    run = run_of(context)
    options = TeacherOptions(
        teacher, command, painting, networks, alpha, style_size, teacher_steps
    )
    config = resolve_distil(recipe, settings_of(context), start=run.start)
    train_distil(config, StudentJob(content, options, run, pictures, pairs))
    tell_next(run)
