"""The recurrence all smoothers share, on a state finer than 8 bits."""

import cv2
import numpy as np
import numpy.typing as npt

from rtstyle.smoothing.luma import Grid, to_pixel_size
from rtstyle_streams.frame import Pixels

State = npt.NDArray[np.float32]
"""Smoothed picture, RGB, shape ``(H, W, 3)``, float32, 0..255."""

KEEP = 0.9
"""Largest share `a` of the old picture. Below 1, so what is kept fades away; noise of
a still scene falls to sqrt((1 - a) / (1 + a)) = 0.23 of its standard deviation."""


def blend(state: State, stylized: Pixels, keep: Grid, *, scratch: State) -> State:
    """Return ``keep * state + (1 - keep) * stylized`` for every pixel.

    Floats, because in 8 bits a step from 100 to 110 would stop at 105 for ever.

    Args:
        state: the smoothed picture so far; overwritten by the result.
        stylized: the new picture, ``(H, W, 3)`` uint8.
        keep: share of the old picture per cell, 0..1, shape of `luma_grid`.
        scratch: memory of the state's shape, overwritten (fresh memory for every
            frame costs half as much again).
    """
    height, width = stylized.shape[:2]
    old_share = to_pixel_size(keep, height=height, width=width)
    new_share = np.subtract(1.0, old_share)
    np.copyto(scratch, stylized)
    blended = cv2.blendLinear(state, scratch, old_share, new_share, dst=state)
    return np.asarray(blended, dtype=np.float32)


def blend_grid(reference: Grid, luma: Grid, keep: Grid) -> Grid:
    """Return the content that the smoothed picture stands for: the same blend."""
    return np.asarray(luma + keep * (reference - luma), dtype=np.float32)


def to_pixels(state: State) -> Pixels:
    """Round a state to a new picture."""
    return np.asarray(cv2.convertScaleAbs(state), dtype=np.uint8)
