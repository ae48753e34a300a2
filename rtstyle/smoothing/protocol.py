"""What every smoother promises."""

from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from rtstyle_streams.frame import Pixels

State: TypeAlias = dict[str, npt.NDArray[np.float32] | npt.NDArray[np.uint8]]
"""All that a smoother remembers, by name; empty when it remembers nothing."""


class Smoother(Protocol):
    """Makes stylized frames steady; keeps a memory of the frames before."""

    def __call__(self, content: Pixels, stylized: Pixels) -> Pixels:
        """Return the steadied stylized frame; the first one comes back as it is.

        Args:
            content: the frame that was stylized, RGB ``(H, W, 3)`` uint8.
            stylized: what the network made of it, same shape. Neither is changed.

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
