"""Measure how similar the structure of two pictures is."""

import cv2
import numpy as np
import numpy.typing as npt

from rtstyle_streams.frame import Pixels

WINDOW, SIGMA = 11, 1.5
"""Side of the Gaussian window and its standard deviation, in pixels."""
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
"""Constants that keep the two quotients finite, in (1/255)^2."""

Plane = npt.NDArray[np.float64]


def ssim(stylized: Pixels, content: Pixels) -> float:
    """Return the structural similarity of the lumas: 1 for equal pictures.

    Windows that would extend past the border are left out.

    Args:
        stylized: RGB ``(H, W, 3)`` uint8, both sides at least 11.
        content: The same shape.

    Source:
        Wang et al. 2004, section III.B, on the luma of BT.601.
    """
    x, y = _luma(stylized), _luma(content)
    mean_x, mean_y = _windowed(x), _windowed(y)
    variance_x = _windowed(x * x) - mean_x**2
    variance_y = _windowed(y * y) - mean_y**2
    covariance = _windowed(x * y) - mean_x * mean_y
    light = (2 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1)
    form = (2 * covariance + C2) / (variance_x + variance_y + C2)
    return float((light * form).mean())


def _luma(pixels: Pixels) -> Plane:
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.float64)


def _windowed(plane: Plane) -> Plane:
    """Return the Gaussian mean around each pixel with a full window."""
    blurred = cv2.GaussianBlur(plane, (WINDOW, WINDOW), SIGMA)
    edge = WINDOW // 2
    return np.asarray(blurred[edge:-edge, edge:-edge], np.float64)
