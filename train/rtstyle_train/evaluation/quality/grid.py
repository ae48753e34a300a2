"""Whether the network's strides show as a grid."""

import cv2
import numpy as np
import numpy.typing as npt

from rtstyle_streams.frame import Pixels

PERIODS = (2, 4, 8)
"""Pixels after which the strides of our networks repeat."""
TILE = 64
"""Side of the squares that are looked at one by one, in pixels."""
NEIGHBOURS = (3, 4)
"""Distance of the frequencies compared with, in 1/64 cycles a pixel.

The window's own width is 2, so that these hold nothing of the line itself.
"""
ROUNDING = 1.0 / 12.0
"""Variance that rounding to 8 bits adds: less than this is no grid."""


def grid_db(pixels: Pixels, *, period: int) -> float:
    """Return the energy at a period against the frequencies beside it, in dB.

    The mean over all squares of 64 px, flat or full, of the ratio in dB, along lines
    and along columns, whichever shows more. About 0 for a picture without a grid.

    Args:
        pixels: RGB ``(H, W, 3)`` uint8, both sides at least 64.
        period: One of `PERIODS`, in pixels.

    Raises:
        ValueError: the picture is too small.
    """
    luma = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float64)
    if min(luma.shape) < TILE:
        raise ValueError(
            f"picture: expected at least {TILE} pixels to a side, "
            f"got {luma.shape[1]}x{luma.shape[0]}"
        )
    return max(_along_lines(luma, period), _along_lines(luma.T, period))


def _along_lines(luma: npt.NDArray[np.float64], period: int) -> float:
    window = np.hanning(TILE + 1)[:TILE]
    floor = ROUNDING * float(np.square(window).sum())
    line = TILE // period
    beside = [line - d for d in NEIGHBOURS]
    beside += [line + d for d in NEIGHBOURS if line + d <= TILE // 2]
    ratios = []
    for top in range(0, luma.shape[0] - TILE + 1, TILE):
        for left in range(0, luma.shape[1] - TILE + 1, TILE):
            tile = luma[top : top + TILE, left : left + TILE]
            flat = (tile - tile.mean(axis=1, keepdims=True)) * window
            power = np.square(np.abs(np.fft.rfft(flat, axis=1))).mean(axis=0) + floor
            ratios.append(np.log10(power[line]) - np.log10(power[beside]).mean())
    return 10.0 * float(np.mean(ratios))
