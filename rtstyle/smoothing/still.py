"""Find where the picture stands still, relative to a learnt noise floor."""

import math

import cv2
import numpy as np

from rtstyle.smoothing.luma import Grid

WINDOW = 5
"""Side of the box over which differences are averaged, in cells."""
LOW, HIGH = 1.6, 4.0
"""In noise floors: up to LOW a difference is noise, from HIGH on it is motion."""
QUANTILE = 0.1
"""Share of the averaged differences that lie below the floor: even in a moving picture
that much (sky, walls) shows nothing but noise."""
RATE = 0.5
"""How fast the floor adapts: down at most 36 %, up at most 5 % per frame."""
FIRST, LEAST, MOST = 1.0, 0.5, 2.0
"""Initial value and bounds of the floor, in units of 1/255 of the cell average."""


def averaged_difference(luma: Grid, reference: Grid) -> Grid:
    """Return the box average of the absolute difference."""
    return box_average(np.asarray(cv2.absdiff(luma, reference), dtype=np.float32))


def box_average(grid: Grid) -> Grid:
    """Return the average over `WINDOW` x `WINDOW` cells, the edge repeated."""
    window = (WINDOW, WINDOW)
    average = cv2.blur(grid, window, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(average, dtype=np.float32)


def stillness(difference: Grid, floor: float) -> Grid:
    """Turn averaged differences into a mask: 1 stands still, 0 moves.

    Linear between the two thresholds; then each cell takes the minimum of its 3 x 3
    neighbours, so that the fringe of a moving object counts as moving.

    Args:
        difference: From `averaged_difference`, 0..255.
        floor: The noise floor, in the same unit.

    Returns:
        Same shape, 0..1.
    """
    scale = 1.0 / ((HIGH - LOW) * floor)
    ramp = cv2.addWeighted(difference, -scale, difference, 0.0, HIGH * floor * scale)
    clipped = np.clip(ramp, 0.0, 1.0, out=ramp)
    return np.asarray(cv2.erode(clipped, np.ones((3, 3), np.uint8)), dtype=np.float32)


def next_floor(floor: float, difference: Grid) -> float:
    """Move the noise floor one step towards the quantile of the differences.

    A running quantile needs no sorting, so the same rule fits into a graph.

    Returns:
        The floor for the next frame, `LEAST`..`MOST`.
    """
    below = float(np.count_nonzero(difference < floor)) / difference.size
    return min(MOST, max(LEAST, floor * math.exp(RATE * (QUANTILE - below))))
