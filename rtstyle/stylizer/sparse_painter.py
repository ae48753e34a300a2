"""Run the network on some frames, and carry its pictures to the frames between."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import replace

import numpy as np

from rtstyle.smoothing.carry import CarryPlanner, Step, carried
from rtstyle.smoothing.protocol import State
from rtstyle.stylizer.network_output import NetworkOutput
from rtstyle_streams.frame import Pixels

Paint = Callable[[Pixels, Pixels], NetworkOutput]
"""Runs the network: takes the frame and what the network sees of it."""
PICTURE = "picture"
"""Name, in a state, of what the network made of the last painted frame."""


class SparsePainter:
    """Plans frames in their order; several threads may then paint and carry them.

    Args:
        paint: Runs the network; has no state.
    """

    def __init__(self, paint: Paint) -> None:
        self._paint = paint
        self._planner = CarryPlanner()
        self._key: Future[NetworkOutput] | None = None

    def submit(
        self, pool: Executor, content: Pixels, seen: Pixels, *, every: int
    ) -> Future[NetworkOutput]:
        """Start to make the next frame's picture; frames must come in order.

        Args:
            pool: Begins what it is given in that order.
            content: The frame, RGB, shape ``(H, W, 3)``, uint8.
            seen: What the network sees of it, RGB, shape ``(h, w, 3)``, uint8.
            every: Which frames are painted.
        """
        step, key = self._planner(seen, every=every), self._key
        if step.flow_cur_to_key is not None and key is not None:
            return pool.submit(_carry, content, seen, step, key)
        self._key = pool.submit(self._painted, content, seen, step)
        return self._key

    def __call__(self, content: Pixels, seen: Pixels, *, every: int) -> NetworkOutput:
        """Make the next frame's picture at once; see `submit`."""
        return self.submit(_AtOnce(), content, seen, every=every).result()

    def reset(self) -> None:
        """Forget all frames; the next one is painted."""
        self._planner.reset()
        self._key = None

    def restore(self, state: State) -> None:
        """Go on behind a frame whose `NetworkOutput.carry_state` this was."""
        self._planner.restore(state)
        self._key = None
        if PICTURE in state:
            picture = np.array(state[PICTURE], np.uint8)
            self._key = Future()
            self._key.set_result(NetworkOutput(picture, picture, picture))

    def _painted(self, content: Pixels, seen: Pixels, step: Step) -> NetworkOutput:
        output = self._paint(content, seen)
        state = step.state | {PICTURE: output.stylized}
        return replace(output, carry_state=state)


def _carry(
    content: Pixels, seen: Pixels, step: Step, key: Future[NetworkOutput]
) -> NetworkOutput:
    assert step.flow_cur_to_key is not None
    picture = key.result().stylized  # begun before this, so it ends
    stylized = carried(picture, step.flow_cur_to_key)
    state = step.state | {PICTURE: picture}
    return NetworkOutput(content, seen, stylized, carry_state=state)


class _AtOnce(Executor):
    """Runs what it is given before it returns."""

    def submit(self, call, /, *given, **named):  # type: ignore[no-untyped-def]
        """Return a future that is done."""
        done: Future[NetworkOutput] = Future()
        done.set_result(call(*given, **named))
        return done
