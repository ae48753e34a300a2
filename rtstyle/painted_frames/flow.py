"""Find where each pixel of a frame is in a frame that is far from it in time."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from rtstyle.smoothing.warp import Flow, Mask, traceable, warp
from rtstyle_streams.frame import Pixels

LONG_SIDE = 480
"""Of the pictures in which motion is looked for, in pixels, at most."""
LEAST_SIDE = 16
"""Of those pictures: dense inverse search needs so much room."""


@dataclass(frozen=True, slots=True)
class FarMotion:
    """The motion between a frame and a keyframe, on the small grid."""

    to_key: Flow
    """Where each pixel of the frame is in the keyframe, ``(h, w, 2)``, in pixels."""
    from_key: Flow
    """Where each pixel of the keyframe is in the frame, same shape."""

    def visible(self) -> Mask:
        """Return which pixels of the frame show in the keyframe, ``(h, w)``, 0 or 1."""
        return traceable(self.to_key, self.from_key)


def small_luma(pixels: Pixels) -> Pixels:
    """Return the luma in which motion is looked for.

    Args:
        pixels: RGB, shape ``(H, W, 3)``, uint8.

    Returns:
        Shape ``(h, w)``, uint8, its longer side `LONG_SIDE` at most.
    """
    luma = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    height, width = luma.shape
    factor = LONG_SIDE / max(height, width)
    if factor >= 1:
        return np.asarray(luma, np.uint8)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.uint8)


class MotionSearch:
    """Dense inverse search between any two pictures, from a guess if there is one.

    Source:
        Kroeger et al. 2016, "Fast Optical Flow using Dense Inverse Search".
    """

    def __init__(self) -> None:
        self._dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)

    def __call__(
        self, first: Pixels, second: Pixels, guess: Flow | None = None
    ) -> Flow:
        """Return where in `second` each pixel of `first` is.

        Args:
            first: Luma, shape ``(h, w)``, uint8.
            second: Same shape.
            guess: A flow to begin with, ``(h, w, 2)``, in pixels; not changed.

        Returns:
            Shape ``(h, w, 2)``, float32, in pixels; zeros for pictures too small.
        """
        if min(first.shape) < LEAST_SIDE:
            return np.zeros((*first.shape, 2), np.float32)
        begun: Any = None if guess is None else guess.copy()
        flow = self._dis.calc(first, second, begun)
        return np.asarray(flow, np.float32)


def composed(first: Flow, second: Flow) -> Flow:
    """Return the flow that follows `first` and then, from there, `second`."""
    return np.asarray(first + warp(second, first), np.float32)


def follow(
    search: MotionSearch, key: Pixels, before: Pixels, now: Pixels, last: FarMotion
) -> FarMotion:
    """Return the motion between a keyframe and the frame next to one that is known.

    The flow is looked for between frame and keyframe directly, so that errors do not
    add up; what is known of the neighbour is only where the search begins.

    Args:
        search: Does the search.
        key: Luma of the keyframe, ``(h, w)``, uint8.
        before: Of the frame whose motion is known.
        now: Of its neighbour.
        last: The motion of `before`.
    """
    now_to_before, before_to_now = search(now, before), search(before, now)
    guess = FarMotion(
        composed(now_to_before, last.to_key), composed(last.from_key, before_to_now)
    )
    return FarMotion(search(now, key, guess.to_key), search(key, now, guess.from_key))


def no_motion(luma: Pixels) -> FarMotion:
    """Return the motion of a keyframe to itself."""
    flow = np.zeros((*luma.shape, 2), np.float32)
    return FarMotion(flow, flow)
