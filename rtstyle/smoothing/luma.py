"""The small luma picture in which motion is looked for."""

import cv2
import numpy as np
import numpy.typing as npt

from rtstyle_streams.errors import FrameError
from rtstyle_streams.frame import Pixels

Grid = npt.NDArray[np.float32]
"""One float32 number per cell of `CELL_PX` x `CELL_PX` pixels, shape ``(h, w)``."""

CELL_PX = 4
"""Side of a cell; averaging 16 pixels cuts white sensor noise to a quarter."""


def luma_grid(content: Pixels) -> Grid:
    """Average the luma over cells of 4 x 4 pixels.

    Args:
        content: RGB ``(H, W, 3)`` uint8.

    Returns:
        Shape ``(ceil(H/4), ceil(W/4))``, float32, 0..255. Cells that reach over the
        edge repeat the last line or column. The luma is that of BT.601.
    """
    luma = cv2.cvtColor(content, cv2.COLOR_RGB2GRAY)
    height, width = luma.shape
    bottom, right = -height % CELL_PX, -width % CELL_PX
    if bottom or right:
        luma = cv2.copyMakeBorder(luma, 0, bottom, 0, right, cv2.BORDER_REPLICATE)
    size = (luma.shape[1] // CELL_PX, luma.shape[0] // CELL_PX)
    floats = luma.astype(np.float32)
    return np.asarray(
        cv2.resize(floats, size, interpolation=cv2.INTER_AREA), dtype=np.float32
    )


def to_pixel_size(grid: npt.NDArray[np.float32], *, height: int, width: int) -> Grid:
    """Enlarge a grid to picture size, bilinear between the cells' centres.

    Args:
        grid: shape ``(h, w)`` or ``(h, w, C)``, from a picture of `height` x `width`.
        height: lines of the result.
        width: columns of the result.

    Returns:
        Shape ``(height, width)`` or ``(height, width, C)``, float32.
    """
    size = (grid.shape[1] * CELL_PX, grid.shape[0] * CELL_PX)
    large = cv2.resize(grid, size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(large[:height, :width], dtype=np.float32)


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
