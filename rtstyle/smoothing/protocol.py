"""What every smoother promises."""

from typing import Protocol

from rtstyle_streams.frame import Pixels


class Smoother(Protocol):
    """Makes stylized frames steady; keeps a memory of the frames before."""

    def __call__(self, content: Pixels, stylized: Pixels) -> Pixels:
        """Return the steadied stylized frame; the first one comes back as it is.

        Args:
            content: The frame that was stylized, RGB ``(H, W, 3)`` uint8.
            stylized: What the network made of it, same shape. Neither is changed.

        Returns:
            RGB ``(H, W, 3)`` uint8; may be `stylized` itself.

        Raises:
            FrameError: the two have different shapes or are not RGB uint8.
        """
        ...

    def reset(self) -> None:
        """Forget all frames; the next one is a first frame (style change, seek)."""
        ...
