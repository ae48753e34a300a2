"""Define AdaIN at its published size, untrained: for its speed, not its pictures."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

ENCODER = (3, 64, 64, 0, 128, 128, 0, 256, 256, 256, 256, 0, 512)
"""Channels of VGG-19 from conv1_1 to conv4_1; 0 is a 2x2 pooling."""


class VggAdain(nn.Module):
    """VGG-19 to relu4_1, the style's mean and deviation, the mirrored decoder.

    Source:
        Huang and Belongie 2017, equation 8 and section 6.1: reflection padding
        everywhere, nearest resizing in the decoder.
    """

    multiple = 8
    eps = 1e-5

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.ModuleList(_layers(ENCODER))
        self.decoder = nn.ModuleList(_layers(ENCODER[::-1]))
        self.register_buffer("style_mean", torch.rand(ENCODER[-1]))
        self.register_buffer("style_std", torch.rand(ENCODER[-1]) + 0.5)
        self.style_mean: Tensor
        self.style_std: Tensor

    def forward(self, pixels: Tensor) -> Tensor:
        """Stylize ``(N, 3, H, W)``, RGB, 0..1; H and W multiples of 8."""
        x = pixels
        for layer in self.encoder:
            x = F.relu(reflected(layer, x)) if has_weight(layer) else layer(x)
        x = F.instance_norm(
            x, weight=self.style_std, bias=self.style_mean, eps=self.eps
        )
        for index, layer in enumerate(self.decoder):
            x = reflected(layer, x) if has_weight(layer) else layer(x)
            if has_weight(layer) and index + 1 < len(self.decoder):
                x = F.relu(x)
        return x + 0.5


def has_weight(layer: nn.Module) -> bool:
    """Return whether a layer is a convolution, not pooling or resizing."""
    return isinstance(layer, nn.Conv2d)


def reflected(layer: nn.Module, x: Tensor) -> Tensor:
    """Return a 3x3 convolution of `x`, its edges reflected by one pixel."""
    y: Tensor = layer(F.pad(x, (1, 1, 1, 1), mode="reflect"))
    return y


def _layers(widths: tuple[int, ...]) -> list[nn.Module]:
    layers: list[nn.Module] = []
    is_encoder, inputs = widths[0] == 3, widths[0]
    for width in widths[1:]:
        if width:
            conv = nn.Conv2d(inputs, width, 3)
            nn.init.kaiming_normal_(conv.weight)
            layers.append(conv)
            inputs = width
        elif is_encoder:
            layers.append(nn.MaxPool2d(2))
        else:
            layers.append(nn.Upsample(scale_factor=2.0, mode="nearest"))
    return layers
