"""Fit a picture into a frame of another size."""

import cv2
import numpy as np

from rtstyle_streams.frame import Pixels


def fit(pixels: Pixels, width: int, height: int) -> Pixels:
    """Return `pixels` scaled into ``(height, width, 3)``, with black bars around."""
    old_height, old_width = pixels.shape[:2]
    scale = min(width / old_width, height / old_height)
    new_width, new_height = round(old_width * scale), round(old_height * scale)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    left, top = (width - new_width) // 2, (height - new_height) // 2
    fitted = np.zeros((height, width, 3), np.uint8)
    fitted[top : top + new_height, left : left + new_width] = cv2.resize(
        pixels, (new_width, new_height), interpolation=method
    )
    return fitted
