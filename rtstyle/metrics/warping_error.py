"""Measure how much a film changes beyond its motion."""

import numpy as np
import numpy.typing as npt

from rtstyle.smoothing.warp import Flow, Mask, warp
from rtstyle_streams.frame import Pixels


def pair_error(
    prev: Pixels, cur: Pixels, *, flow_prev_to_cur: Flow, mask: Mask
) -> float:
    """Return the mean squared difference of two frames along the motion.

    ``sum M (W(V_(t+1), f_(t -> t+1)) - V_t)^2 / sum M``, both sums over pixels and
    channels.

    Args:
        prev: V_t, RGB ``(H, W, 3)`` uint8.
        cur: V_(t+1), same shape.
        flow_prev_to_cur: ``(H, W, 2)``, in pixels: where each pixel of `prev` went.
        mask: ``(H, W)``, 1 where it is still visible, 0 where it is not.

    Returns:
        In units of (0..1)^2; NaN if nothing can be compared.

    Source:
        Warping error of Lai et al. 2018, section 4.1.
    """
    moved_back = warp(cur.astype(np.float32), flow_prev_to_cur)
    squared = ((moved_back - prev) / 255.0) ** 2
    num_values = float(mask.sum()) * prev.shape[2]
    return (
        float((squared * mask[..., None]).sum()) / num_values
        if num_values
        else float("nan")
    )


class WarpingError:
    """Averages `pair_error` over a film, frame by frame; keeps only the last frame."""

    def __init__(self) -> None:
        self.per_pair: list[float] = []
        """Error of each comparable pair, in order."""
        self._prev: Pixels | None = None

    def add(self, pixels: Pixels, flow_prev_to_cur: Flow, mask: Mask) -> None:
        """Take the next frame and the motion that led to it.

        The motion given with the first frame is ignored, and so is a mask of zeros, as
        after a cut.
        """
        prev, self._prev = self._prev, pixels
        if prev is None or not mask.any():
            return
        self.per_pair.append(
            pair_error(prev, pixels, flow_prev_to_cur=flow_prev_to_cur, mask=mask)
        )

    @property
    def mean(self) -> float:
        """Return the mean over pairs; NaN if there are none."""
        return float(np.mean(self.per_pair)) if self.per_pair else float("nan")


def above_floor(error: float, floor: float) -> float:
    """Return how much stylizing adds to the error of the input itself, >= 0."""
    return max(0.0, error - floor)


def no_motion(pixels: Pixels) -> tuple[Flow, npt.NDArray[np.float32]]:
    """Return zero flow and a mask of ones for a picture."""
    height, width = pixels.shape[:2]
    flow = np.zeros((height, width, 2), np.float32)
    return flow, np.ones((height, width), np.float32)
