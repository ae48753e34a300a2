"""Draw line plots as pictures, with OpenCV alone."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from rtstyle.errors import RtstyleError
from rtstyle_streams.frame import Pixels

WIDTH, HEIGHT = 960, 540
LEFT, RIGHT, TOP, BOTTOM = 90, 24, 56, 60
COLOURS = (
    (31, 119, 180),
    (214, 39, 40),
    (44, 160, 44),
    (148, 103, 189),
    (127, 127, 127),
)
INK, PALE = (40, 40, 40), (225, 225, 225)
NUM_TICKS = 5


def plot_lines(
    series: Mapping[str, Sequence[float]], *, title: str, x_label: str
) -> Pixels:
    """Plot values over their index, on an axis from zero up, with a legend.

    Args:
        series: Values for each name of the legend; NaN leaves a gap.
        title: Text above the plot; state the unit of the values here.
        x_label: Text below the plot.

    Returns:
        RGB, shape ``(540, 960, 3)``, uint8.
    """
    canvas = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    finite = [v for values in series.values() for v in values if math.isfinite(v)]
    top = _round_up(max(finite, default=1.0))
    longest = max((len(values) for values in series.values()), default=0)
    _axes(canvas, top=top, longest=longest)
    _text(canvas, title, x=LEFT, y=28, scale=0.6)
    _text(canvas, x_label, x=WIDTH // 2 - 40, y=HEIGHT - 14, scale=0.5)
    for number, (name, values) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        _line(canvas, values, colour=colour, top=top, longest=longest)
        x = LEFT + 10 + 170 * (number % 5)
        y = TOP - 8 + 16 * (number // 5)
        cv2.line(canvas, (x, y - 4), (x + 18, y - 4), colour, 2)
        _text(canvas, name, x=x + 24, y=y, scale=0.42)
    return canvas


def write_png(pixels: Pixels, path: Path) -> None:
    """Write a picture.

    Raises:
        RtstyleError: the file cannot be written.
    """
    _, encoded = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    try:
        path.write_bytes(encoded.tobytes())
    except OSError as error:
        raise RtstyleError(
            f"{path}: could not be written ({error.strerror})"
        ) from error


def _round_up(value: float) -> float:
    """Return the next of 1, 2, 2.5, 5 times a power of ten."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(s * power for s in (1.0, 2.0, 2.5, 5.0, 10.0) if s * power >= value)


def _place(index: float, value: float, *, top: float, longest: int) -> tuple[int, int]:
    x = LEFT + index / max(1, longest - 1) * (WIDTH - LEFT - RIGHT)
    y = HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM)
    return round(x), round(y)


def _axes(canvas: Pixels, *, top: float, longest: int) -> None:
    for tick in range(NUM_TICKS + 1):
        value = top * tick / NUM_TICKS
        index = (longest - 1) * tick / NUM_TICKS
        _, y = _place(0, value, top=top, longest=longest)
        x, foot = _place(index, 0, top=top, longest=longest)
        cv2.line(canvas, (LEFT, y), (WIDTH - RIGHT, y), PALE, 1)
        _text(canvas, f"{value:.3g}", x=16, y=y + 5, scale=0.45)
        _text(canvas, f"{max(0, index):.0f}", x=x - 8, y=foot + 20, scale=0.45)
    cv2.line(canvas, (LEFT, TOP), (LEFT, HEIGHT - BOTTOM), INK, 1)


def _line(
    canvas: Pixels,
    values: Sequence[float],
    *,
    colour: tuple[int, int, int],
    top: float,
    longest: int,
) -> None:
    last: tuple[int, int] | None = None
    for index, value in enumerate(values):
        here = None
        if math.isfinite(value):
            here = _place(index, value, top=top, longest=longest)
        if last and here:
            cv2.line(canvas, last, here, colour, 2, cv2.LINE_AA)
        last = here


def _text(canvas: Pixels, text: str, *, x: int, y: int, scale: float) -> None:
    font = cv2.FONT_HERSHEY_SIMPLEX
    cv2.putText(canvas, text, (x, y), font, scale, INK, 1, cv2.LINE_AA)
