"""`rtstyle train gatys`: a still picture by optimisation, without any network."""

from typing import Any

import click

from rtstyle.commands.options import Number
from rtstyle.process.terminal import echo
from rtstyle_train.commands.options import (
    loss_weights_option,
    picture_options,
    recipe_option,
    style_size_option,
)


@click.command(name="gatys")
@picture_options
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
@loss_weights_option
@recipe_option
@click.option("--style-weight", type=Number(0), help="More is more painterly.")
@style_size_option
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
def gatys_command(**job: Any) -> None:
    """Paint PHOTO (or every photo of a folder) in the style of PAINTING into OUT."""
    from rtstyle_train.jobs.gatys import GatysJob, run_gatys

    for line in run_gatys(GatysJob(**job)):
        echo(line)
