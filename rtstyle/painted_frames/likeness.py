"""Tell how much a painted picture resembles a frame, whatever its colours."""

import cv2
import numpy as np
import numpy.typing as npt

from rtstyle.smoothing.warp import Picture
from rtstyle_streams.frame import Pixels

GRID = (64, 48)
"""Columns and lines of the small picture that is compared."""

Sketch = npt.NDArray[np.float32]
"""Where a picture has edges and where it is light, two unit vectors:
``(2, GRID[0] * GRID[1])``."""


def sketch(pixels: Pixels) -> Sketch:
    """Return what is compared of a picture.

    Args:
        pixels: RGB, shape ``(H, W, 3)``, uint8.
    """
    luma = small_luma(pixels, (2 * GRID[0], 2 * GRID[1]))
    return np.stack([_unit(edges(luma)), _unit(luma)])


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


def likeness(one: Sketch, other: Sketch) -> float:
    """Return how alike two pictures are: 1 for equal ones, about 0 for unrelated ones.

    Edges have to agree; areas may also be dark where the other's are light.
    """
    edges, light = (float(np.dot(a, b)) for a, b in zip(one, other, strict=True))
    return 0.7 * edges + 0.3 * abs(light)


def _unit(picture: npt.NDArray[np.float32]) -> Sketch:
    """Return a small picture as a vector of mean 0 and length 1, or of zeros."""
    small = cv2.resize(picture, GRID, interpolation=cv2.INTER_AREA).ravel()
    centred = small - small.mean()
    length = float(np.linalg.norm(centred))
    return np.asarray(centred / length if length > 1e-3 else 0 * centred, np.float32)
