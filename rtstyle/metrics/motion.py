"""Estimate the motion of real clips on the input video alone."""

import cv2
import numpy as np

from rtstyle.smoothing.scene_cut import SceneCutDetector
from rtstyle.smoothing.warp import Flow, Mask, motion_boundary, traceable
from rtstyle_streams.frame import Pixels

FLOW_METHOD = "DIS medium, full size, on the input video"
"""Shown beside every figure, since another flow method gives other figures."""


class InputMotion:
    """Estimates the flow between frames of an input video, and where it is valid.

    Source:
        DIS: Kroeger et al. 2016. Mask: neither occluded nor at a motion boundary,
        Ruder et al. 2016, equations 5 and 6.
    """

    def __init__(self) -> None:
        self._dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        self._detector = SceneCutDetector()
        self._prev: Pixels | None = None

    def __call__(self, content: Pixels) -> tuple[Flow, Mask]:
        """Return the motion that led to this frame.

        Args:
            content: The next frame, RGB ``(H, W, 3)`` uint8, both sides >= 16.

        Returns:
            `flow_prev_to_cur` ``(H, W, 2)`` in pixels, and the mask ``(H, W)`` on the
            grid of the frame before; all zeros for the first frame and after a cut.
        """
        luma = np.asarray(cv2.cvtColor(content, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
        prev, self._prev = self._prev, luma
        if self._detector(content) or prev is None:
            height, width = luma.shape
            nothing = np.zeros((height, width, 2), np.float32)
            return nothing, nothing[..., 0]
        flow_prev_to_cur = self._flow(prev, luma)
        visible = traceable(flow_prev_to_cur, self._flow(luma, prev))
        boundary = motion_boundary(flow_prev_to_cur)
        return flow_prev_to_cur, np.asarray(visible * (1 - boundary), np.float32)

    def _flow(self, first: Pixels, second: Pixels) -> Flow:
        flow = self._dis.calc(first, second, None)  # type: ignore[call-overload]
        return np.asarray(flow, dtype=np.float32)
