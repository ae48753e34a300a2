"""`rtstyle train wct` and `rtstyle train style-swap`: painters that learn nothing."""

from pathlib import Path

import click

from rtstyle.commands.options import Number
from rtstyle.process.terminal import echo
from rtstyle_train.commands.options import FILE, picture_options, style_size_option

networks_option = click.option(
    "--networks",
    type=FILE,
    required=True,
    help="Encoders and decoders (.safetensors); see the page of train.",
)


@click.command(name="wct")
@picture_options
@networks_option
@click.option(
    "--alpha",
    type=Number(0),
    default=0.6,
    show_default=True,
    help="How far from PHOTO (0) to PAINTING (1), at every level.",
)
@style_size_option
def wct_command(
    photo: Path,
    painting: Path,
    out: Path,
    networks: Path,
    alpha: float,
    style_size: int | None,
    size: int,
    overwrite: bool,
) -> None:
    """Paint PHOTO (or a folder) by whitening and colouring features."""
    from rtstyle_train.jobs.closed_form import (
        ClosedForm,
        ClosedFormJob,
        run_closed_form,
    )

    painter = ClosedForm("wct", painting, networks, alpha, style_size)
    for line in run_closed_form(ClosedFormJob(photo, out, painter, size, overwrite)):
        echo(line)


@click.command(name="style-swap")
@picture_options
@networks_option
@style_size_option
def style_swap_command(
    photo: Path,
    painting: Path,
    out: Path,
    networks: Path,
    style_size: int | None,
    size: int,
    overwrite: bool,
) -> None:
    """Paint PHOTO (or a folder) with PAINTING's patches of features."""
    from rtstyle_train.jobs.closed_form import (
        ClosedForm,
        ClosedFormJob,
        run_closed_form,
    )

    painter = ClosedForm("style-swap", painting, networks, style_size=style_size)
    for line in run_closed_form(ClosedFormJob(photo, out, painter, size, overwrite)):
        echo(line)
