"""Tell how much a painted picture resembles a frame, whatever its colours."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from rtstyle.smoothing.warp import Mask, Picture
from rtstyle_streams.frame import Pixels

GRID = (64, 48)
"""Columns and lines of the small picture that is compared."""

NEAR = 5
"""Side of the square around what is not painted that is not compared either, in cells
of the grid: edges there are those of the painted part."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Sketch:
    """What is compared of a picture, ``GRID`` cells each, as vectors."""

    edges: Floats
    """How steep it is at each place."""
    light: Floats
    """How light it is."""
    weight: Floats
    """How much each place counts, of a sum of 1."""


def sketch(pixels: Pixels, share: Mask | None = None) -> Sketch:
    """Return what is compared of a picture.

    Args:
        pixels: RGB, shape ``(H, W, 3)``, uint8.
        share: Where there is something to compare, shape ``(H, W)``, 0..1; None:
            everywhere.
    """
    luma = small_luma(pixels, (2 * GRID[0], 2 * GRID[1]))
    weight = np.ones((GRID[1], GRID[0]), np.float32)
    if share is not None and share.min() < 1:
        small = cv2.resize(share, GRID, interpolation=cv2.INTER_AREA)
        inner = cv2.erode(small, np.ones((NEAR, NEAR), np.uint8))
        weight = np.asarray(inner if inner.sum() > 0 else small, np.float32)
    steep, light = (
        np.asarray(cv2.resize(x, GRID, interpolation=cv2.INTER_AREA), np.float32)
        for x in (edges(luma), luma)
    )
    total = max(float(weight.sum()), 1e-6)
    return Sketch(steep.ravel(), light.ravel(), weight.ravel() / total)


def likeness(painted: Sketch, frame: Sketch) -> float:
    """Return how alike two pictures are: 1 for equal ones, about 0 for unrelated ones.

    Edges have to agree; areas may also be dark where the other's are light.

    Args:
        painted: A painted picture; its weights count.
        frame: A whole frame.
    """
    weight = painted.weight
    edge = _correlation(painted.edges, frame.edges, weight)
    light = _correlation(painted.light, frame.light, weight)
    return 0.7 * edge + 0.3 * abs(light)


def small_luma(pixels: Pixels, size: tuple[int, int]) -> Picture:
    """Return a picture's luma, a little blurred, at a size of columns and lines.

    Args:
        pixels: RGB, shape ``(H, W, 3)``, uint8.
        size: Columns and lines.
    """
    luma = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
    small = cv2.resize(luma, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(small, (0, 0), 1.0), np.float32)


def edges(luma: Picture) -> Picture:
    """Return how steep a picture is at each place, compressed and blurred."""
    slope = cv2.magnitude(
        cv2.Sobel(luma, cv2.CV_32F, 1, 0), cv2.Sobel(luma, cv2.CV_32F, 0, 1)
    )
    return np.asarray(cv2.GaussianBlur(np.sqrt(slope), (0, 0), 1.0), np.float32)


def _correlation(one: Floats, other: Floats, weight: Floats) -> float:
    """Return the weighted correlation of two vectors; 0 where one is constant."""
    first, second = (x - float(weight @ x) for x in (one, other))
    variances = float(weight @ (first * first)) * float(weight @ (second * second))
    if variances < 1e-6:
        return 0.0
    return float(weight @ (first * second)) / float(np.sqrt(variances))
