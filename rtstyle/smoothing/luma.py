"""Make the small luma picture on which motion is detected."""

import cv2
import numpy as np
import numpy.typing as npt

from rtstyle_streams.errors import FrameError
from rtstyle_streams.frame import Pixels

Grid = npt.NDArray[np.float32]
"""One float32 value per cell of `CELL_PX` x `CELL_PX` pixels, shape ``(h, w)``."""

CELL_PX = 4
"""Side of a cell; averaging 16 pixels cuts white sensor noise to a quarter."""


def luma_grid(content: Pixels) -> Grid:
    """Average the luma over cells of 4 x 4 pixels.

    Args:
        content: RGB ``(H, W, 3)`` uint8.

    Returns:
        Shape ``(ceil(H/4), ceil(W/4))``, float32, 0..255. Cells that extend past the
        edge repeat the last line or column. The luma is that of BT.601.
    """
    return LumaReader()(content)


class LumaReader:
    """Computes `luma_grid` for many frames; reuses its buffers."""

    def __init__(self) -> None:
        self._luma = np.empty((0, 0), np.uint8)
        self._floats = np.empty((0, 0), np.float32)

    def __call__(self, content: Pixels) -> Grid:
        """Return the luma grid of one frame, as a new array."""
        height, width = content.shape[:2]
        if self._luma.shape != (height, width):
            lines, columns = -(-height // CELL_PX), -(-width // CELL_PX)
            self._luma = np.empty((height, width), np.uint8)
            self._floats = np.empty((lines * CELL_PX, columns * CELL_PX), np.float32)
        cv2.cvtColor(content, cv2.COLOR_RGB2GRAY, dst=self._luma)
        self._floats[:height, :width] = self._luma
        self._floats[:height, width:] = self._luma[:, -1:]
        self._floats[height:] = self._floats[height - 1]
        size = (self._floats.shape[1] // CELL_PX, self._floats.shape[0] // CELL_PX)
        cells = cv2.resize(self._floats, size, interpolation=cv2.INTER_AREA)
        return np.asarray(cells, dtype=np.float32)


def check_pair(content: Pixels, stylized: Pixels) -> None:
    """Refuse a pair that cannot belong together.

    Raises:
        FrameError: not both RGB uint8 of one shape.
    """
    for name, pixels in (("content", content), ("stylized", stylized)):
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
            raise FrameError(
                f"{name} frame: expected uint8 RGB pixels of shape (H, W, 3), "
                f"got {pixels.dtype} of shape {pixels.shape}"
            )
    if content.shape != stylized.shape:
        raise FrameError(
            f"stylized frame: expected the content frame's shape {content.shape}, "
            f"got {stylized.shape}"
        )
