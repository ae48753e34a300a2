"""Carry a painted picture along the motion to frames that are not painted."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from rtstyle.smoothing import still
from rtstyle.smoothing.flow import Bytes, FlowSearch, misfit
from rtstyle.smoothing.luma import CELL_PX, Grid, LumaReader
from rtstyle.smoothing.protocol import State
from rtstyle.smoothing.scene_cut import SceneCutDetector
from rtstyle.smoothing.state import state_of, tiny_of
from rtstyle.smoothing.warp import Flow, traceable, warp
from rtstyle_streams.frame import Pixels

LEAST_SIDE = 16
"""Smaller grids (below 64 pixels) are painted, because DIS needs more room."""
MOST_LOST = 0.1
"""Share of cells that may be uncovered, or not where the flow says; beyond it the frame
is painted. On four clips half to three quarters of all frames are then painted, of
every second one that could be carried."""
MOST_MISFIT = 8.0
"""Averaged difference, of 255, beyond what `SLACK` of the flow explains."""


@dataclass(frozen=True, slots=True)
class _Key:
    """What is kept of the last painted frame."""

    luma: Grid
    rounded: Bytes
    age: int
    """Frames since."""


@dataclass(frozen=True, slots=True)
class Step:
    """How one frame gets its picture."""

    flow_cur_to_key: Flow | None
    """Where each cell was in the last painted frame, in cells; None: it is painted."""
    state: State
    """What the planner remembers behind this frame; not copied."""


class CarryPlanner:
    """Decides which frames are painted; looks at the content alone, in order.

    A frame is painted when it is the first, begins a scene, is the Nth since the last
    painted one, or shows too much that was not to be seen there.
    """

    def __init__(self) -> None:
        self._key: _Key | None = None
        self._detector = SceneCutDetector()
        self._read_luma = LumaReader()
        self._dis = FlowSearch()

    def __call__(self, content: Pixels, *, every: int) -> Step:
        """Return what to do with the next frame.

        Args:
            content: RGB, shape ``(H, W, 3)``, uint8; not changed.
            every: Which ones are painted: every frame, every second, every third.
        """
        luma = self._read_luma(content)
        rounded = np.asarray(cv2.convertScaleAbs(luma), dtype=np.uint8)
        is_cut, key = self._detector.is_cut(luma), self._key
        flow = None
        if key is not None and not is_cut and key.age + 1 < every:
            flow = _motion(self._dis, key, luma, rounded)
        if flow is None or key is None:
            self._key = _Key(luma, rounded, 0)
            return Step(None, self.state())
        self._key = replace(key, age=key.age + 1)
        return Step(flow, self.state())

    def reset(self) -> None:
        """Forget all frames."""
        self._key = None
        self._detector.reset()

    def state(self) -> State:
        """Return what is remembered; the arrays are never changed."""
        state = state_of(self._detector)
        if (key := self._key) is not None:
            age = np.array([key.age], np.uint8)
            state |= {"luma": key.luma, "rounded": key.rounded, "age": age}
        return state

    def restore(self, state: State) -> None:
        """Go on as the planner did that gave out `state`."""
        self._detector.last = tiny_of(state)
        self._key = None
        if "luma" in state:
            luma = np.array(state["luma"], np.float32)
            rounded = np.array(state["rounded"], np.uint8)
            self._key = _Key(luma, rounded, int(state["age"][0]))


def carried(picture: Pixels, flow_cur_to_key: Flow) -> Pixels:
    """Return the picture of the last painted frame, carried to the present one.

    Cubic, because bilinear softens every frame between: on four clips textures were
    then 0.7 to 2.5 % from painted ones (Gram matrices), and 0.4 to 1.7 % with this.

    Args:
        picture: RGB, shape ``(H, W, 3)``, uint8; not changed.
        flow_cur_to_key: From `CarryPlanner`.

    Returns:
        A new picture; what comes from outside is mirrored at the edge.
    """
    height, width = picture.shape[:2]
    lines, columns = flow_cur_to_key.shape[:2]
    size = columns * CELL_PX, lines * CELL_PX
    flow_px = cv2.resize(CELL_PX * flow_cur_to_key, size)[:height, :width]
    moved = cv2.remap(
        picture,
        flow_px,
        None,  # type: ignore[call-overload]
        cv2.INTER_CUBIC | cv2.WARP_RELATIVE_MAP,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    return np.asarray(moved, dtype=np.uint8)


def _motion(dis: FlowSearch, key: _Key, luma: Grid, rounded: Bytes) -> Flow | None:
    """Return where each cell was in the key frame; None when too much was not there."""
    if luma.shape != key.luma.shape or min(luma.shape) < LEAST_SIDE:
        return None
    flow_cur_to_key = dis(rounded, key.rounded)
    flow_key_to_cur = dis(key.rounded, rounded)
    is_visible = traceable(flow_cur_to_key, flow_key_to_cur) > 0.0
    difference = still.averaged_difference(luma, key.luma)
    stands = still.stillness(difference, still.FIRST) >= 0.5
    flow_cur_to_key[stands] = 0.0
    fits = misfit(luma, warp(key.luma, flow_cur_to_key)) < MOST_MISFIT
    lost = 1.0 - np.count_nonzero(is_visible & fits | stands) / luma.size
    return flow_cur_to_key if lost <= MOST_LOST else None
