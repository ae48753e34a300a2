"""The contrast of fine detail that averaging takes, given back."""

import cv2
import numpy as np
import numpy.typing as npt

from rtstyle_streams.frame import Pixels

WINDOW_PX = 5
"""Side of the box whose average a pixel's detail is the difference to."""
LINES = WINDOW_PX // 2 + 1
"""The same where only every second line is looked at."""
LEAST_GAIN = 1.005
"""A smaller loss is none: a picture that has settled stays bit for bit."""
MOST_GAIN = 1.6
"""Strokes that lost more than that are gone and cannot be brought back."""
GIVEN_BACK = 0.85
"""Share of what was lost: the rest was noise, which is welcome to go."""

Bytes = npt.NDArray[np.uint8]


def with_detail(blended: Pixels, fresh: Pixels) -> Pixels:
    """Give a blended picture nearly as much fine detail as the fresh one has.

    The average of strokes that are not quite in the same place is flatter than each
    of them. Its detail is amplified by one factor for the whole picture, so that its
    mean absolute contrast comes near to that of the fresh picture again; what it shows
    stays as steady as it was. The blend itself is not to be made of the result: it
    would be sharpened again and again.

    Args:
        blended: RGB ``(H, W, 3)`` uint8, some average over time.
        fresh: The newest picture in it, same shape.

    Returns:
        A new picture, or `blended` itself where nothing was lost.

    Source:
        Variance-preserving blending of Heitz and Neyret 2018, section 3, with the
        variance measured instead of derived.
    """
    gain = min(MOST_GAIN, contrast(fresh) / max(contrast(blended), 1e-3))
    if gain < LEAST_GAIN:
        return blended
    soft = _box(blended, lines=WINDOW_PX)
    extra = GIVEN_BACK * (gain - 1.0)
    sharp = cv2.addWeighted(blended, 1.0 + extra, soft, -extra, 0.0, dst=soft)
    return np.asarray(sharp, dtype=np.uint8)


def contrast(pixels: Pixels) -> float:
    """Return the mean absolute detail of the luma, on every second line.

    Args:
        pixels: RGB ``(H, W, 3)`` uint8.
    """
    luma = np.asarray(cv2.cvtColor(pixels[::2], cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    detail = cv2.absdiff(luma, _box(luma, lines=LINES))
    return float(cv2.mean(detail)[0])


def _box(pixels: Bytes, *, lines: int) -> Bytes:
    """Return the average over a box, the edge repeated."""
    size = (WINDOW_PX, lines)
    return np.asarray(cv2.blur(pixels, size, borderType=cv2.BORDER_REPLICATE), np.uint8)
