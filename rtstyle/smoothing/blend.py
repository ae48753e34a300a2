"""Compute the recurrence that all smoothers share, on a float state."""

from typing import Self

import cv2
import numpy as np

from rtstyle.smoothing.detail import with_detail
from rtstyle.smoothing.luma import CELL_PX, Grid
from rtstyle.smoothing.warp import Flow, Picture
from rtstyle_streams.frame import Pixels

KEEP = 0.9
"""Largest share `a` of the old picture; below 1, so that the past fades out. Noise of
a still scene falls to sqrt((1 - a) / (1 + a)) = 0.23 of its standard deviation."""


class SmoothedPicture:
    """The smoothed picture so far, and the buffers for computing the next one.

    The state is float because in 8 bits, with a = 0.9, a step from 100 to 110 would
    stop at 105 for ever. The buffers are kept because allocating them for every frame
    takes as long as the arithmetic.
    """

    def __init__(self, stylized: Pixels) -> None:
        height, width = stylized.shape[:2]
        lines, columns = -(-height // CELL_PX), -(-width // CELL_PX)
        self.shape = stylized.shape
        self._state: Picture = stylized.astype(np.float32)
        self._fresh = np.empty_like(self._state)
        self._rounded = np.empty_like(stylized)
        self._shares = np.empty((lines * CELL_PX, columns * CELL_PX), np.float32)
        self._new_share = np.empty((height, width), np.float32)

    @classmethod
    def of_state(cls, state: Picture) -> Self:
        """Return the picture whose `state` this was; see there."""
        picture = cls(np.empty(state.shape, np.uint8))
        picture._state[...] = state
        return picture

    @property
    def state(self) -> Picture:
        """Return the picture so far, ``(H, W, 3)`` float32, 0..255; not a copy."""
        return self._state

    def blend(self, stylized: Pixels, keep: Grid) -> Pixels:
        """Update the state to ``keep * state + (1 - keep) * stylized``.

        Args:
            stylized: The new picture, ``(H, W, 3)`` uint8.
            keep: Share of the old picture in each cell, 0..1, shape of `luma_grid`;
                bilinear between the cells' centres.

        Returns:
            The rounded state as a new picture, with detail as strong as in `stylized`.
        """
        height, width = self.shape[:2]
        size = (self._shares.shape[1], self._shares.shape[0])
        cv2.resize(keep, size, dst=self._shares, interpolation=cv2.INTER_LINEAR)
        old_share = self._shares[:height, :width]
        np.subtract(1.0, old_share, out=self._new_share)
        np.copyto(self._fresh, stylized)
        cv2.blendLinear(
            self._state, self._fresh, old_share, self._new_share, dst=self._state
        )
        cv2.convertScaleAbs(self._state, dst=self._rounded)
        picture = with_detail(self._rounded, stylized)
        if picture is self._rounded:  # the caller owns it now
            self._rounded = np.empty_like(stylized)
        return picture

    def carry(self, flow_cur_to_prev: Flow) -> None:
        """Move the state by whole pixels along a motion given in cells.

        Interpolation would soften the picture at every step and takes four (bilinear)
        to nine times (cubic) as long; an error of half a pixel fades within a few
        frames.

        Args:
            flow_cur_to_prev: ``(h, w, 2)``, (dx, dy) in cells, grid of `luma_grid`.
        """
        height, width = self.shape[:2]
        size = (self._shares.shape[1], self._shares.shape[0])
        flow_px = cv2.resize(CELL_PX * flow_cur_to_prev, size)[:height, :width]
        cv2.remap(
            self._state,
            flow_px,
            None,  # type: ignore[call-overload]
            cv2.INTER_NEAREST | cv2.WARP_RELATIVE_MAP,
            dst=self._fresh,
            borderMode=cv2.BORDER_REPLICATE,
        )
        self._state, self._fresh = self._fresh, self._state


def blend_grid(reference: Grid, luma: Grid, keep: Grid) -> Grid:
    """Return the reference content after the same blend as the smoothed picture."""
    return np.asarray(luma + keep * (reference - luma), dtype=np.float32)
