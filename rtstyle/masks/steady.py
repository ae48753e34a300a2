"""Smooth a mask over time, so that noise in the segmentation does not show."""

import cv2
import numpy as np

from rtstyle.masks.segmenter import Probability
from rtstyle.smoothing.protocol import State
from rtstyle.smoothing.scene_cut import SceneCutDetector
from rtstyle.smoothing.state import state_of, tiny_of

LEAST_SHARE = 0.004
"""Share of the frame; if less is marked, the person counts as lost."""
HOLD_FRAMES = 15
"""How long to keep the last mask of a lost person: half a second at 30 fps."""
FADE = 0.8
"""Factor by which the mask fades in each frame after that."""
LEAST_GAIN = 0.3
"""How far the mask follows a small change in one frame."""
CLEAR_CHANGE = 0.5
"""Change of probability that is followed at once: something moved."""
LOW, HIGH = 0.25, 0.75
"""Probabilities at which the feathered edge begins and ends."""


class SteadyMask:
    """Follows the probability of each frame, slowly where it changes little.

    ``m += g (p - m)`` with a gain ``g`` that grows with ``|p - m|``: a noisy edge is
    averaged, and a moving arm is followed without lag. Once hardly anything is marked,
    the last mask is kept for `HOLD_FRAMES` and then fades. A scene cut resets it.
    """

    def __init__(self) -> None:
        self._state: Probability | None = None
        self._num_lost = 0
        self._detector = SceneCutDetector()

    def __call__(self, probability: Probability, luma: Probability) -> Probability:
        """Return the mask of the next frame.

        Args:
            probability: What the model says, ``(h, w)``, 0..1.
            luma: Luma of the frame, same shape, 0..255, to detect scene cuts.

        Returns:
            Same shape, 0 outside, 1 inside, with a soft edge.
        """
        is_cut = self._detector.is_cut(luma)
        if self._state is None or is_cut or self._state.shape != probability.shape:
            self._state, self._num_lost = probability.copy(), 0
            return feathered(self._state)
        is_lost = float(np.count_nonzero(probability > 0.5)) < (
            LEAST_SHARE * probability.size
        )
        self._num_lost = self._num_lost + 1 if is_lost else 0
        if not is_lost:
            self._follow(self._state, probability)
        elif self._num_lost > HOLD_FRAMES:
            self._state *= np.float32(FADE)
        return feathered(self._state)

    def reset(self) -> None:
        """Forget all frames."""
        self._state, self._num_lost = None, 0
        self._detector.reset()

    def state(self) -> State:
        """Return a copy of what is remembered, bit for bit."""
        state = state_of(self._detector)
        if self._state is not None:
            state["mask"] = self._state.copy()
            state["num_lost"] = np.array([self._num_lost], np.float32)
        return state

    def restore(self, state: State) -> None:
        """Go on as the mask did that gave out `state`."""
        self.reset()
        self._detector.last = tiny_of(state)
        if "mask" in state:
            self._state = np.array(state["mask"], np.float32)
            self._num_lost = int(state["num_lost"][0])

    @staticmethod
    def _follow(state: Probability, probability: Probability) -> None:
        """Move `state` towards `probability`, in place."""
        change = probability - state
        gain = np.abs(change) * np.float32((1.0 - LEAST_GAIN) / CLEAR_CHANGE)
        gain += np.float32(LEAST_GAIN)
        state += np.minimum(gain, 1.0, out=gain) * change


def feathered(probability: Probability) -> Probability:
    """Return 0 below `LOW`, 1 above `HIGH`, a ramp between, blurred by two cells."""
    ramp = np.clip((probability - LOW) * np.float32(1.0 / (HIGH - LOW)), 0.0, 1.0)
    return np.asarray(cv2.blur(ramp, (5, 5)), np.float32)
