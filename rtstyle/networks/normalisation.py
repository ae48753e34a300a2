"""Instance normalisation whose scale and shift depend on the style."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ConditionalInstanceNorm(nn.Module):
    """Normalise every channel of every picture, then scale and shift it by style.

    Convolutions are shared by all styles; a style is one row of `weight` and `bias`.
    With one style this is plain instance norm (Ulyanov 2016).

    Source:
        Dumoulin et al. 2017, "A Learned Representation For Artistic Style",
        equation 5; biased variance, eps 1e-5.
    """

    eps = 1e-5

    def __init__(self, channels: int, *, num_styles: int = 1) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(num_styles, channels))
        self.bias = nn.Parameter(torch.zeros(num_styles, channels))

    def forward(self, x: Tensor, style: Tensor | None = None) -> Tensor:
        """Return `x` normalised, in the scale and shift of each picture's style.

        Args:
            x: Features, shape ``(N, C, H, W)``.
            style: Row of each picture, shape ``(N,)``, int64; None means row 0.

        Returns:
            Shape ``(N, C, H, W)``; a new tensor.
        """
        if style is None:
            return F.instance_norm(
                x, weight=self.weight[0], bias=self.bias[0], eps=self.eps
            )
        normed = F.instance_norm(x, eps=self.eps)
        scale = self.weight[style][:, :, None, None]
        return normed * scale + self.bias[style][:, :, None, None]


class NoNorm(nn.Module):
    """Stands where a network without normalisation has nothing."""

    def forward(self, x: Tensor, style: Tensor | None = None) -> Tensor:
        """Return `x` itself."""
        return x
