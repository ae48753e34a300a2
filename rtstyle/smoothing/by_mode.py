"""Smooth with whichever mode is set."""

from rtstyle.choices import SmoothMode
from rtstyle.smoothing.make import make_smoother
from rtstyle.smoothing.protocol import Smoother, State
from rtstyle_streams.frame import Pixels


class SmootherByMode:
    """Smooths in a mode that may change between frames; a new mode starts afresh."""

    def __init__(self) -> None:
        self._smoother: Smoother | None = None
        self._mode: SmoothMode = "off"

    def __call__(
        self, content: Pixels, stylized: Pixels, *, mode: SmoothMode
    ) -> Pixels:
        """Return the smoothed frame; see `Smoother`."""
        if mode == "off":
            self._smoother = None
            return stylized
        if self._smoother is None or self._mode != mode:
            self._smoother, self._mode = make_smoother(mode), mode
        return self._smoother(content, stylized)

    def reset(self) -> None:
        """Forget all frames."""
        if self._smoother is not None:
            self._smoother.reset()

    def state(self) -> State:
        """Return a copy of all that is remembered; see `Smoother`."""
        return {} if self._smoother is None else self._smoother.state()

    def restore(self, state: State, *, mode: SmoothMode) -> None:
        """Go on as a smoother in `mode` did that gave out `state`."""
        self._smoother, self._mode = make_smoother(mode), mode
        self._smoother.restore(state)
