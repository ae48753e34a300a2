"""A style seen in a terminal: half blocks in 24-bit colour."""

import cv2
import numpy as np

from rtstyle.style_file import Style
from rtstyle.stylizer.stylizer import Stylizer
from rtstyle_streams.frame import Pixels
from rtstyle_streams.sample.source import SampleSource

COLUMNS = 64
"""Width of a thumbnail, in characters; each is one pixel wide and two high."""


def thumbnail_text(style: Style) -> str:
    """Return a frame of the sample scene in `style`, as text with colour codes."""
    with SampleSource(width=640, height=360, num_frames=1) as source:
        frame = next(iter(source))
    with Stylizer(style, device="cpu") as stylizer:
        return half_blocks(stylizer(frame.pixels), columns=COLUMNS)


def half_blocks(pixels: Pixels, *, columns: int) -> str:
    """Return the picture as lines of upper half blocks.

    Args:
        pixels: RGB, shape ``(H, W, 3)``, uint8.
        columns: Characters in a line.
    """
    lines = max(2, round(pixels.shape[0] * columns / pixels.shape[1] / 2) * 2)
    small = cv2.resize(pixels, (columns, lines), interpolation=cv2.INTER_AREA)
    pairs = np.asarray(small).reshape(lines // 2, 2, columns, 3)
    rows = []
    for upper, lower in pairs:
        cells = (
            "\x1b[38;2;{};{};{}m\x1b[48;2;{};{};{}m▀".format(*top, *bottom)
            for top, bottom in zip(upper, lower, strict=True)
        )
        rows.append("".join(cells) + "\x1b[0m")
    return "\n".join(rows)
