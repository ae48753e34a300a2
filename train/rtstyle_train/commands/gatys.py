"""`rtstyle train gatys`: a still picture by optimisation, without any network."""

from pathlib import Path
from typing import Any

import click

from rtstyle.commands.options import Number
from rtstyle.process.terminal import echo

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(name="gatys")
@click.argument("photo", type=click.Path(path_type=Path, exists=True))
@click.argument(
    "painting", type=click.Path(path_type=Path, exists=True, dir_okay=False)
)
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--steps",
    type=click.IntRange(1),
    default=200,
    show_default=True,
    help="Iterations.",
)
@click.option(
    "--optimizer",
    type=click.Choice(("lbfgs", "adam")),
    default="lbfgs",
    show_default=True,
    help="L-BFGS gets further in as many steps.",
)
@click.option(
    "--losses",
    type=click.Choice(("training", "gatys")),
    default="training",
    show_default=True,
    help="Those that networks are trained with, or the original ones.",
)
@click.option("--loss-weights", type=FILE, help="Local VGG, instead of a download.")
@click.option("--recipe", help="Bundled recipe's name, or a TOML file.")
@click.option("--style-weight", type=Number(0), help="More is more painterly.")
@click.option("--style-size", type=click.IntRange(16), help="Short side of PAINTING.")
@click.option(
    "--size",
    type=click.IntRange(32),
    default=512,
    show_default=True,
    help="Long side of the picture, in pixels.",
)
@click.option(
    "--start",
    type=click.Choice(("content", "noise")),
    default="content",
    show_default=True,
    help="What the optimisation begins with.",
)
@click.option("--seed", type=int, default=1234, show_default=True, help="Of the noise.")
@click.option(
    "--compare",
    "style",
    metavar="STYLE",
    help="Say after how many iterations this network is equalled.",
)
@click.option("--overwrite", is_flag=True, help="Replace OUT.")
def gatys_command(**job: Any) -> None:
    """Paint PHOTO (or every photo of a folder) in the style of PAINTING into OUT."""
    from rtstyle_train.jobs.gatys import GatysJob, run_gatys

    for line in run_gatys(GatysJob(**job)):
        echo(line)
