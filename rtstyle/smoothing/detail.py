"""The contrast of fine detail that averaging takes, given back."""

import cv2
import numpy as np

from rtstyle_streams.frame import Pixels

WINDOW_PX = 5
"""Side of the box whose average a pixel's detail is the difference to."""
LINE_PITCH, COLUMN_PITCH = 4, 2
"""How much was lost is told on the green of these pixels alone, which is quick; the
wider grid looks past sensor noise at strokes."""
BOX = 3
"""Side of the box there, in pixels of that grid."""
ALLOWED_LOSS = 1.035
"""Up to this ratio of contrasts a picture is left alone: noise that averaging took is
welcome to go, a picture that has settled stays bit for bit, and time is saved."""
MOST_LOSS = 1.2
"""What lost more was mostly noise, or strokes that cannot be brought back."""
GAIN_PER_LOSS = 1.7
"""The finest detail loses more than what the grid sees. Found on six scenes: with it
the Laplacian energy of no film is below 0.92 or above 1.04 of that frame by frame."""


def with_detail(blended: Pixels, fresh: Pixels) -> Pixels:
    """Give a blended picture the fine detail back that the fresh one has.

    The average of strokes that are not quite in the same place is flatter than each
    of them. Its detail is amplified by one factor for the whole picture, so that its
    contrast comes near to that of the fresh picture again; what it shows stays as
    steady as it was. The blend itself is not to be made of the
    result: it would be sharpened again and again.

    Args:
        blended: RGB ``(H, W, 3)`` uint8, some average over time.
        fresh: The newest picture in it, same shape.

    Returns:
        A new picture, or `blended` itself where little was lost.

    Source:
        The variance-preserving blend of Heitz and Neyret 2018, with the contrast
        measured instead of derived.
    """
    loss = contrast(fresh) / max(contrast(blended), 1e-3)
    extra = GAIN_PER_LOSS * (min(loss, MOST_LOSS) - ALLOWED_LOSS)
    if extra <= 0:
        return blended
    size = (WINDOW_PX, WINDOW_PX)
    soft = cv2.blur(blended, size, borderType=cv2.BORDER_REPLICATE)
    sharp = cv2.addWeighted(blended, 1.0 + extra, soft, -extra, 0.0, dst=soft)
    return np.asarray(sharp, dtype=np.uint8)


def contrast(pixels: Pixels) -> float:
    """Return the mean absolute detail of the green, on an eighth of the pixels.

    Args:
        pixels: RGB ``(H, W, 3)`` uint8.
    """
    green = np.ascontiguousarray(pixels[::LINE_PITCH, ::COLUMN_PITCH, 1])
    soft = cv2.blur(green, (BOX, BOX), borderType=cv2.BORDER_REPLICATE)
    return float(cv2.mean(cv2.absdiff(green, soft, dst=soft))[0])
