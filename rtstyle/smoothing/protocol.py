"""Define the interface of every smoother."""

from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from rtstyle_streams.frame import Pixels

State: TypeAlias = dict[str, npt.NDArray[np.float32] | npt.NDArray[np.uint8]]
"""All that a smoother remembers, by name; empty when it remembers nothing."""


class Smoother(Protocol):
    """Smooths stylized frames over time; remembers the frames before."""

    def __call__(self, content: Pixels, stylized: Pixels) -> Pixels:
        """Return the smoothed frame; the first one is returned unchanged.

        Args:
            content: The frame that was stylized, RGB ``(H, W, 3)`` uint8.
            stylized: The network's output for it, same shape. Neither is changed.

        Returns:
            RGB ``(H, W, 3)`` uint8; may be `stylized` itself.

        Raises:
            FrameError: the two have different shapes or are not RGB uint8.
        """
        ...

    def reset(self) -> None:
        """Forget all frames; the next one is a first frame (style change, seek)."""
        ...

    def state(self) -> State:
        """Return a copy of all that is remembered, bit for bit."""
        ...

    def restore(self, state: State) -> None:
        """Go on as the smoother of this mode did that gave out `state`."""
        ...
