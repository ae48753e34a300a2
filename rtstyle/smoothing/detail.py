"""The contrast of fine detail that averaging takes, given back."""

import cv2
import numpy as np

from rtstyle_streams.frame import Pixels

WINDOW_PX = 5
"""Side of the box whose average a pixel's detail is the difference to."""
LINE_STEP = 2
"""To tell how much was lost, every second line is enough."""
LINES = WINDOW_PX // LINE_STEP + 1
"""Height of the box on those lines."""
ALLOWED_LOSS = 1.03
"""Up to this ratio of contrasts a picture is left alone: noise that averaging took is
welcome to go, and a picture that has settled stays bit for bit."""
WORTHWHILE = 0.02
"""Detail that would be amplified by less is not worth the time."""
MOST_LOSS = 1.3
"""What lost more was mostly noise, or strokes that cannot be brought back."""


class DetailKeeper:
    """Gives blended pictures the fine detail back that the fresh ones have.

    The average of strokes that are not quite in the same place is flatter than each
    of them. Its detail is amplified by one factor for the whole picture, so that its
    mean absolute contrast is again within `ALLOWED_LOSS` of the fresh picture's; what
    it shows stays as steady as it was. The blend itself is not to be made of the
    result: it would be sharpened again and again.

    Source:
        The variance-preserving blend of Heitz and Neyret 2018, with the contrast
        measured instead of derived.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        """Keep memory for pictures of `shape`, ``(H, W, 3)``."""
        self._luma = np.empty((-(-shape[0] // LINE_STEP), shape[1]), np.uint8)
        self._soft = np.empty_like(self._luma)

    def __call__(self, blended: Pixels, fresh: Pixels) -> Pixels:
        """Return a new picture, or `blended` itself where little was lost.

        Args:
            blended: RGB ``(H, W, 3)`` uint8, some average over time.
            fresh: The newest picture in it, same shape.
        """
        loss = self.contrast(fresh) / max(self.contrast(blended), 1e-3)
        extra = min(loss, MOST_LOSS) - ALLOWED_LOSS
        if extra < WORTHWHILE:
            return blended
        size = (WINDOW_PX, WINDOW_PX)
        soft = cv2.blur(blended, size, borderType=cv2.BORDER_REPLICATE)
        sharp = cv2.addWeighted(blended, 1.0 + extra, soft, -extra, 0.0, dst=soft)
        return np.asarray(sharp, dtype=np.uint8)

    def contrast(self, pixels: Pixels) -> float:
        """Return the mean absolute detail of the luma, on every second line.

        Args:
            pixels: RGB ``(H, W, 3)`` uint8, of the shape that was given.
        """
        luma, soft = self._luma, self._soft
        cv2.cvtColor(pixels[::LINE_STEP], cv2.COLOR_RGB2GRAY, dst=luma)
        cv2.blur(luma, (WINDOW_PX, LINES), dst=soft, borderType=cv2.BORDER_REPLICATE)
        return float(cv2.mean(cv2.absdiff(luma, soft, dst=soft))[0])
