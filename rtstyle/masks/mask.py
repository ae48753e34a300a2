"""Lay the stylized frame over the content inside or outside a mask."""

import threading
from typing import Literal

from rtstyle.masks.layer import Layer
from rtstyle.masks.segmenter import Probability, Segmenter
from rtstyle.masks.steady import SteadyMask
from rtstyle.smoothing.protocol import State
from rtstyle_streams.frame import Pixels

MaskMode = Literal["off", "person", "background"]
"""What to stylize: everything, what the mask's model marks, or all but that."""


class Mask:
    """A segmentation model and its memory of the frames before.

    Several stylizers may share it (one style fading into the next): the model runs
    only once on the same frame.

    Args:
        segmenter: The model.
        is_for_stills: Whether frames are unrelated; each is then masked by itself.
    """

    def __init__(self, segmenter: Segmenter, *, is_for_stills: bool = False) -> None:
        self._segmenter, self._is_for_stills = segmenter, is_for_stills
        self._steady = SteadyMask()
        self._lock = threading.Lock()
        self._last: tuple[Pixels, Probability] | None = None
        self._layer = Layer()

    def __call__(self, content: Pixels, stylized: Pixels, *, outside: bool) -> Pixels:
        """Return the frame, stylized inside or outside the mask.

        Args:
            content: RGB, shape ``(H, W, 3)``, uint8; frames come in order.
            stylized: RGB, same shape. Neither is changed.
            outside: Whether to stylize what is not marked.

        Returns:
            RGB, same shape, uint8.
        """
        inside = self.of(content)
        base, over = (stylized, content) if outside else (content, stylized)
        with self._lock:
            return self._layer(base, over, inside)

    def of(self, content: Pixels) -> Probability:
        """Return the mask of a frame, at the model's size, 0..1."""
        with self._lock:
            if self._last is None or self._last[0] is not content:
                if self._is_for_stills:
                    self._steady.reset()
                mask = self._steady(*self._segmenter(content))
                self._last = content, mask
            return self._last[1]

    def state(self) -> State:
        """Return a copy of all that is remembered of the frames before."""
        with self._lock:
            return self._steady.state()

    def restore(self, state: State) -> None:
        """Go on as the mask did that gave out `state`."""
        with self._lock:
            self._steady.restore(state)
            self._last = None

    def close(self) -> None:
        """Release the model; may be called twice."""
        self._segmenter.close()
        self._last = None
