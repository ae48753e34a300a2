"""What smoothers remember, as arrays by name: kept on the disk between two runs."""

import numpy as np

from rtstyle.smoothing.blend import SmoothedPicture
from rtstyle.smoothing.luma import Grid
from rtstyle.smoothing.protocol import State
from rtstyle.smoothing.scene_cut import SceneCutDetector, Tiny


def state_of(detector: SceneCutDetector) -> State:
    """Return what a detector remembers: ``last``, or nothing."""
    return {} if detector.last is None else {"last": detector.last.copy()}


def tiny_of(state: State) -> Tiny | None:
    """Return what `state_of` was given."""
    return np.array(state["last"], np.float32) if "last" in state else None


def state_of_picture(picture: SmoothedPicture, reference: Grid, floor: float) -> State:
    """Return copies of the smoothed picture, the content it stands for, the floor.

    The floor is a float of 64 bits; its bytes are kept.
    """
    return {
        "picture": picture.state.copy(),
        "reference": reference.copy(),
        "floor": np.frombuffer(np.float64(floor).tobytes(), np.uint8).copy(),
    }


def picture_of(state: State) -> tuple[SmoothedPicture, Grid, float] | None:
    """Return what `state_of_picture` was given, or None when it was not called."""
    if "picture" not in state:
        return None
    picture = SmoothedPicture.of_state(np.asarray(state["picture"], np.float32))
    reference = np.array(state["reference"], np.float32)
    floor = float(np.frombuffer(state["floor"].tobytes(), np.float64)[0])
    return picture, reference, floor
