"""Measure how much fine detail a picture has."""

import cv2
import numpy as np

from rtstyle_streams.frame import Pixels


def laplacian_energy(pixels: Pixels) -> float:
    """Return the mean squared Laplacian of the luma, in (1/255)^2.

    Smoothing must not lower it much; noise raises it too.

    Args:
        pixels: RGB ``(H, W, 3)`` uint8.
    """
    luma = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    laplacian = np.asarray(cv2.Laplacian(luma, cv2.CV_32F), dtype=np.float32)
    return float(np.square(laplacian).mean())
