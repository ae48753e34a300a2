"""Plots show what they are given."""

import math
from pathlib import Path

import cv2
import numpy as np
import pytest

from rtstyle.drawing.line_plot import COLOURS, plot_lines, write_png
from rtstyle.errors import RtstyleError


def lines_of(pixels: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Height above the bottom at which `colour` stands, from left to right."""
    found = (pixels[70:] == colour).all(-1)
    columns = np.flatnonzero(found.any(0))
    return np.asarray([470 - np.flatnonzero(found[:, x]).mean() for x in columns])


def test_a_rising_line_rises_and_a_flat_one_stays() -> None:
    series = {"up": [0.0, 1.0, 2.0, 3.0], "flat": [1.5] * 4}
    pixels = plot_lines(series, title="t", x_label="frame")
    up, flat = lines_of(pixels, COLOURS[0]), lines_of(pixels, COLOURS[1])
    assert pixels.shape == (540, 960, 3) and pixels.dtype == np.uint8
    assert up[-1] - up[0] > 150
    assert np.ptp(flat) <= 2


@pytest.mark.parametrize("values", [[], [math.nan], [0.0], [1.0, math.nan, 2.0]])
def test_gaps_and_empty_series_are_drawn_without_error(values: list[float]) -> None:
    pixels = plot_lines({"x": values}, title="t", x_label="frame")
    assert (pixels != 255).any()


def test_a_written_plot_reads_back_the_same(tmp_path: Path) -> None:
    pixels = plot_lines({"x": [1.0, 2.0]}, title="t", x_label="frame")
    write_png(pixels, tmp_path / "plot.png")
    read = cv2.imread(str(tmp_path / "plot.png"))
    assert read is not None
    assert (cv2.cvtColor(read, cv2.COLOR_BGR2RGB) == pixels).all()


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RtstyleError, match=r"plot\.png: could not be written"):
        write_png(np.zeros((4, 4, 3), np.uint8), tmp_path / "none" / "plot.png")
