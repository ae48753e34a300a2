"""Smooth with a flow-guided recurrence, also where the content moves."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from rtstyle.smoothing import still
from rtstyle.smoothing.blend import KEEP, SmoothedPicture, blend_grid
from rtstyle.smoothing.luma import Grid, LumaReader, check_pair
from rtstyle.smoothing.protocol import State
from rtstyle.smoothing.scene_cut import SceneCutDetector
from rtstyle.smoothing.state import (
    picture_of,
    state_of,
    state_of_picture,
    tiny_of,
)
from rtstyle.smoothing.warp import Flow, traceable, warp
from rtstyle_streams.frame import Pixels

Bytes = npt.NDArray[np.uint8]
"""A luma grid rounded for the flow search, ``(h, w)`` uint8."""

LEAST_SIDE = 16
"""Smaller grids (below 64 pixels) count as still, because DIS needs more room."""
KEEP_MOVING = 0.45
"""Largest share of the old picture where it moved: less than `KEEP`, because strokes
that do not move with the scene blur when averaged, beyond what `with_detail` can
restore. On known motion, 0.6 without it kept 0.59 of the sharpness; 0.45 with it kept
0.92, at 0.7 of the error above the floor instead of 0.45."""
SLACK = 0.3
"""Error allowed in a flow, in cells: a difference up to this times the content's slope
is ignored."""


@dataclass(slots=True)
class _Memory:
    """What is kept from frame to frame."""

    picture: SmoothedPicture
    reference: Grid
    luma: Bytes
    floor: float = still.FIRST


class FlowSmoother:
    """Warps the smoothed frame along the motion, then blends as the gate does.

    Where the gate detects no motion nothing is warped, so nothing softens. Elsewhere,
    dense inverse search estimates the motion in both directions on the quarter-size
    luma of the content; where the two disagree (something was uncovered) or the warped
    content does not match the new one, only the new stylized frame is used.

    Source:
        DIS: Kroeger et al. 2016. Occlusion: Ruder et al. 2016, section 4.
    """

    def __init__(self) -> None:
        self._memory: _Memory | None = None
        self._detector = SceneCutDetector()
        self._read_luma = LumaReader()
        self._dis = FlowSearch()

    def __call__(self, content: Pixels, stylized: Pixels) -> Pixels:
        """Return the smoothed frame; see `Smoother`."""
        check_pair(content, stylized)
        luma = self._read_luma(content)
        rounded = np.asarray(cv2.convertScaleAbs(luma), dtype=np.uint8)
        cut = self._detector.is_cut(luma)
        memory = self._memory
        if memory is None or cut or memory.picture.shape != stylized.shape:
            self._memory = _Memory(SmoothedPicture(stylized), luma, rounded)
            return stylized
        difference = still.averaged_difference(luma, memory.reference)
        keep = KEEP * still.stillness(difference, memory.floor)
        if keep.min() < KEEP / 2 and min(luma.shape) >= LEAST_SIDE:
            keep = self._follow(memory, luma, rounded, keep)
            difference = still.averaged_difference(luma, memory.reference)
        memory.floor = still.next_floor(memory.floor, difference)
        memory.reference = blend_grid(memory.reference, luma, keep)
        memory.luma = rounded
        return memory.picture.blend(stylized, keep)

    def reset(self) -> None:
        """Forget all frames."""
        self._memory = None
        self._detector.reset()

    def state(self) -> State:
        """Return a copy of what is remembered; see `Smoother`."""
        memory = self._memory
        state = state_of(self._detector)
        if memory is not None:
            state |= state_of_picture(memory.picture, memory.reference, memory.floor)
            state["luma"] = memory.luma.copy()
        return state

    def restore(self, state: State) -> None:
        """Go on behind another smoother; see `Smoother`."""
        self._detector.last = tiny_of(state)
        self._memory = None
        if parts := picture_of(state):
            picture, reference, floor = parts
            luma = np.array(state["luma"], np.uint8)
            self._memory = _Memory(picture, reference, luma, floor)

    def _follow(self, memory: _Memory, luma: Grid, rounded: Bytes, keep: Grid) -> Grid:
        """Warp state and reference along the motion and return what to keep."""
        flow_cur_to_prev = self._dis(rounded, memory.luma)
        flow_prev_to_cur = self._dis(memory.luma, rounded)
        visible = traceable(flow_cur_to_prev, flow_prev_to_cur)
        stands = keep >= KEEP / 2
        flow_cur_to_prev[stands] = 0.0
        memory.reference = warp(memory.reference, flow_cur_to_prev)
        fits = still.stillness(misfit(luma, memory.reference), memory.floor)
        memory.picture.carry(flow_cur_to_prev)
        return np.where(stands, keep, KEEP_MOVING * fits * visible)


class FlowSearch:
    """Dense inverse search whose flow depends on the two pictures alone.

    OpenCV sets its scales anew while it looks at its first pair, where pictures are
    small, and the flow of that pair still has the old ones. So the first pair is empty.
    """

    def __init__(self) -> None:
        self._shape: tuple[int, ...] = ()

    def __call__(self, first: Bytes, second: Bytes) -> Flow:
        """Return where in `second` each cell of `first` is, ``(h, w, 2)``, in cells."""
        if first.shape != self._shape:
            self._shape = first.shape
            self._dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
            empty = np.zeros_like(first)
            self._dis.calc(empty, empty, None)  # type: ignore[call-overload]
        flow = self._dis.calc(first, second, None)  # type: ignore[call-overload]
        return np.asarray(flow, dtype=np.float32)


def misfit(luma: Grid, carried: Grid) -> Grid:
    """Return the averaged difference that a flow error of `SLACK` does not explain."""
    slope_x = cv2.Sobel(luma, cv2.CV_32F, 1, 0, scale=SLACK / 8)
    slope_y = cv2.Sobel(luma, cv2.CV_32F, 0, 1, scale=SLACK / 8)
    # not cv2.magnitude, whose last bit depends on where its arrays lie in memory
    explained = np.sqrt(slope_x * slope_x + slope_y * slope_y)
    difference = cv2.absdiff(luma, carried)
    return still.box_average(np.maximum(difference - explained, 0.0))
