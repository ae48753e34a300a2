"""Smooth with a motion-gated recurrence where the content stands still."""

from dataclasses import dataclass

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
from rtstyle_streams.frame import Pixels


@dataclass(slots=True)
class _Memory:
    """What is kept from frame to frame."""

    picture: SmoothedPicture
    reference: Grid
    floor: float = still.FIRST


class GateSmoother:
    """Blends each stylized frame with the previous smoothed one where nothing moves.

    ``O_t = m a O_(t-1) + (1 - m a) S(I_t)``. The mask ``m`` compares the content with
    the content of the old picture (the same recurrence over luma), so that slow changes
    below the noise of single frames add up and open the gate. A scene cut or a new size
    starts afresh.

    Source:
        Flow-free recurrent blend; the reference and the learnt noise floor are ours.
    """

    def __init__(self) -> None:
        self._memory: _Memory | None = None
        self._detector = SceneCutDetector()
        self._read_luma = LumaReader()

    def __call__(self, content: Pixels, stylized: Pixels) -> Pixels:
        """Return the smoothed frame; see `Smoother`."""
        check_pair(content, stylized)
        luma = self._read_luma(content)
        cut = self._detector.is_cut(luma)
        memory = self._memory
        if memory is None or cut or memory.picture.shape != stylized.shape:
            self._memory = _Memory(SmoothedPicture(stylized), luma)
            return stylized
        difference = still.averaged_difference(luma, memory.reference)
        keep = KEEP * still.stillness(difference, memory.floor)
        memory.floor = still.next_floor(memory.floor, difference)
        memory.reference = blend_grid(memory.reference, luma, keep)
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
        return state

    def restore(self, state: State) -> None:
        """Go on behind another smoother; see `Smoother`."""
        self._detector.last = tiny_of(state)
        self._memory = None
        if parts := picture_of(state):
            self._memory = _Memory(*parts)
