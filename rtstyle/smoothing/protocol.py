"""Define the interface of every smoother."""

from typing import Protocol

from rtstyle_streams.frame import Pixels


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
