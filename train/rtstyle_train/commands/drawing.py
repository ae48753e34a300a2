"""The command `rtstyle train drawing`, for the group in `cli.py`."""

from pathlib import Path

import click

from rtstyle.commands.options import overwrite_option
from rtstyle.process.terminal import echo
from rtstyle_train.commands.options import FILE

NAMES = (
    *("blueprint", "comic", "ink_wash", "low_poly", "mosaic", "neon", "paper_cut"),
    *("pastel", "pencil_sketch", "pixel_art", "pop_art", "stained_glass"),
    *("watercolour", "woodcut"),
)
"""Of the drawings."""


@click.command(name="drawing")
@click.argument("name", type=click.Choice(NAMES), metavar="NAME")
@click.argument("out", metavar="OUT.png", type=FILE)
@overwrite_option
def drawing_command(name: str, out: Path, overwrite: bool) -> None:
    r"""Draw a style picture that no museum owns, to learn from.

    \b
    NAME is blueprint, comic, ink_wash, low_poly, mosaic, neon, paper_cut, pastel,
    pencil_sketch, pixel_art, pop_art, stained_glass, watercolour or woodcut.
    """
    from rtstyle_train.drawings import write_drawing

    write_drawing(name, out, overwrite=overwrite)
    echo(f"{out}: drawn; try: rtstyle learn {out} --minutes 15")
