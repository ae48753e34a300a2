"""Define instance norms with a scale and a shift for each style."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ConditionalInstanceNorm(nn.Module):
    """Normalises every channel of every picture, then scales and shifts it by style.

    All styles share the convolutions; a style is one row of `weight` and `bias`.
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
        """Return `x` normalised, with the scale and shift of each picture's style.

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


class FrozenNorm(ConditionalInstanceNorm):
    """Instance norm that learns typical statistics and then uses those.

    In training every picture is normalised by itself and the statistics are averaged;
    after `freeze`, and in evaluation mode, the averages are used. `fold` can then merge
    them into the preceding convolution, so that nothing is normalised at run time.

    Source:
        Ioffe and Szegedy 2015, section 3.1, with statistics for each style.
    """

    momentum = 0.01

    def __init__(self, channels: int, *, num_styles: int = 1) -> None:
        super().__init__(channels, num_styles=num_styles)
        self.running_mean: Tensor
        self.running_var: Tensor
        self.register_buffer("running_mean", torch.zeros(num_styles, channels))
        self.register_buffer("running_var", torch.ones(num_styles, channels))
        self.is_frozen = False

    def freeze(self) -> None:
        """Use the averages from now on, also in training."""
        self.is_frozen = True

    def forward(self, x: Tensor, style: Tensor | None = None) -> Tensor:
        """Return `x` normalised; see `ConditionalInstanceNorm.forward`."""
        rows = style if style is not None else x.new_zeros(len(x), dtype=torch.int64)
        if self.training and not self.is_frozen:
            self._note(x.detach(), rows)
            return super().forward(x, rows)
        scale, shift = self.scale_and_shift()
        return x * scale[rows][:, :, None, None] + shift[rows][:, :, None, None]

    def scale_and_shift(self) -> tuple[Tensor, Tensor]:
        """Return scale and shift from averages and style, ``(styles, C)`` each."""
        scale = self.weight * torch.rsqrt(self.running_var + self.eps)
        return scale, self.bias - self.running_mean * scale

    def _note(self, x: Tensor, rows: Tensor) -> None:
        """Update the running averages of these pictures' styles."""
        var, mean = torch.var_mean(x.float(), dim=(2, 3), correction=0)
        styles = torch.arange(len(self.weight), device=x.device)
        member = (rows[None] == styles[:, None]).to(mean)  # (styles, N)
        count = member.sum(dim=1, keepdim=True)
        pace = self.momentum * (count > 0).to(mean)
        share = member / count.clamp_min(1)
        for average, statistic in ((self.running_mean, mean), (self.running_var, var)):
            average.add_(pace * (share @ statistic - average))


def fold(conv: nn.Conv2d, norm: FrozenNorm) -> None:
    """Merge scale and shift of a frozen norm with one style into `conv`, in place."""
    scale, shift = norm.scale_and_shift()
    with torch.no_grad():
        conv.weight.mul_(scale[0][:, None, None, None])
        if conv.bias is None:
            conv.bias = nn.Parameter(shift[0].clone())
        else:
            conv.bias.mul_(scale[0]).add_(shift[0])


class NoNorm(nn.Module):
    """Stands in for a norm in a network without normalisation."""

    def forward(self, x: Tensor, style: Tensor | None = None) -> Tensor:
        """Return `x` itself."""
        return x
