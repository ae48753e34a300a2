"""Draw one of the style pictures, always the same."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Final

import numpy as np

from rtstyle_streams.frame import Frame, Pixels
from rtstyle_streams.pictures.images import ImageSink
from rtstyle_streams.sample.source import SampleSource
from rtstyle_train.drawings import colours, lines, pieces
from rtstyle_train.drawings.parts import Colours

SIZE: Final = (768, 576)
"""Width and height of a drawing, in pixels."""
DRAWINGS: Final[dict[str, Callable[[Pixels], Colours]]] = {
    "pencil_sketch": lines.pencil_sketch,
    "ink_wash": lines.ink_wash,
    "woodcut": lines.woodcut,
    "blueprint": lines.blueprint,
    "comic": pieces.comic,
    "pop_art": pieces.pop_art,
    "pixel_art": pieces.pixel_art,
    "mosaic": pieces.mosaic,
    "stained_glass": pieces.stained_glass,
    "low_poly": pieces.low_poly,
    "paper_cut": pieces.paper_cut,
    "watercolour": colours.watercolour,
    "pastel": colours.pastel,
    "neon": colours.neon,
}
"""By name: from the scene, RGB ``(H, W, 3)`` uint8, to a drawing of it, 0..1."""


def draw_picture(name: str) -> Pixels:
    """Return a style picture, RGB, shape ``(576, 768, 3)``, uint8.

    Raises:
        KeyError: there is none of that name.
    """
    draw = DRAWINGS[name]
    width, height = SIZE
    with SampleSource(width=width, height=height, num_frames=1) as source:
        scene = next(iter(source)).pixels
    return np.asarray(np.clip(draw(scene) * 255.0 + 0.5, 0, 255), np.uint8)


def write_drawing(name: str, path: Path, *, overwrite: bool = False) -> None:
    """Draw a style picture into a file.

    Raises:
        StreamError: the file exists already, or cannot be written.
    """
    with ImageSink(path, overwrite=overwrite) as sink:
        sink.write(Frame(draw_picture(name), pts=0, time_base=Fraction(1), index=0))
