"""Define the interface that all transform nets share."""

from typing import Self

from torch import nn


class TransformNet(nn.Module):
    """A network that turns RGB ``(N, 3, H, W)``, 0..1, into the same, stylized.

    Call it with pixels and, optionally, each picture's style row, shape ``(N,)``,
    int64.
    """

    @property
    def multiple(self) -> int:
        """Return what height and width have to be multiples of, in pixels."""
        return 1

    @property
    def padding(self) -> int:
        """Return by how many pixels to repeat the edges before calling it."""
        return 0

    @property
    def num_styles(self) -> int:
        """Return how many styles it holds."""
        return 1

    def select_style(self, *rows: int) -> Self:
        """Return a network that holds only these style rows, in this order."""
        assert rows == (0,)
        return self
