"""Define the light transform nets, which compute mostly at 1/4 and 1/8 of the size."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rtstyle.networks.normalisation import (
    ConditionalInstanceNorm,
    FrozenNorm,
    NoNorm,
    fold,
)
from rtstyle.networks.transform_net import TransformNet

Norm = Literal["instance", "body", "frozen", "none"]
"""Where instance norm runs: at 1/4 and below, in the deepest part only, in training
only (its statistics are then frozen and folded at export), nowhere."""
Head = Literal["shuffle", "resize", "subpixel"]
"""How 1/4 becomes full size: pixel shuffle by 4, two resizes with a skip, or pixel
shuffle by 2 twice."""


@dataclass(frozen=True, slots=True)
class SwiftConfig:
    """Widths and depths of one member of the family."""

    channels: int
    """Channels at 1/4 of the size."""
    blocks: int
    """Residual blocks of two 3x3 convolutions each."""
    deep_channels: int | None = None
    """Channels at 1/8, to which the blocks then move; None keeps them at 1/4."""
    separable: bool = False
    """Whether blocks use pairs of depthwise 3x3 and pointwise convolutions."""
    norm: Norm = "instance"
    """Where instance norm runs."""
    head: Head = "shuffle"
    """How the picture is brought to full size."""
    num_styles: int = 1
    """Number of rows in every conditional instance norm."""
    padding: int = 0
    """Pixels by which to repeat edges before the network; cropped after it.

    Zero padding inside the network leaves a visible frame around the picture; this
    moves it outside.
    """

    @property
    def multiple(self) -> int:
        """Return what height and width have to be multiples of, in pixels."""
        return 8 if self.deep_channels else 4


SWIFT_SIZES: dict[str, SwiftConfig] = {
    "tiny": SwiftConfig(channels=32, blocks=5, separable=True),
    "small-flat": SwiftConfig(channels=32, blocks=4),
    "slim": SwiftConfig(channels=32, blocks=4, deep_channels=48),
    "small": SwiftConfig(channels=32, blocks=4, deep_channels=64),
    "base": SwiftConfig(channels=64, blocks=4),
}


def conv(inputs: int, outputs: int, *, stride: int = 1) -> nn.Conv2d:
    """Return a 3x3 convolution with zero padding by 1."""
    return nn.Conv2d(inputs, outputs, 3, stride, 1)


def separable_conv(inputs: int, outputs: int) -> nn.Sequential:
    """Return a depthwise 3x3 convolution and a pointwise one."""
    depthwise = nn.Conv2d(inputs, inputs, 3, 1, 1, groups=inputs)
    return nn.Sequential(depthwise, nn.Conv2d(inputs, outputs, 1))


def last_conv(module: nn.Module) -> nn.Conv2d:
    """Return the convolution that computes the output of `conv` or `separable_conv`."""
    last = list(module.modules())[-1]
    assert isinstance(last, nn.Conv2d)
    return last


class ResidualBlock(nn.Module):
    """conv, norm, ReLU, conv, norm, plus the input (Johnson 2016, supplement)."""

    def __init__(
        self, channels: int, *, norm: Norm, num_styles: int, separable: bool = False
    ) -> None:
        super().__init__()
        make: Callable[[int, int], nn.Module] = separable_conv if separable else conv
        self.conv1: nn.Module = make(channels, channels)
        self.conv2: nn.Module = make(channels, channels)
        self.norm1 = _norm(channels, kind=norm, num_styles=num_styles)
        self.norm2 = _norm(channels, kind=norm, num_styles=num_styles)
        if norm == "none":  # start near identity, as no norm keeps the scale
            with torch.no_grad():
                last_conv(self.conv2).weight.mul_(0.3)

    def forward(self, x: Tensor, style: Tensor | None = None) -> Tensor:
        """Return features of the shape of `x`."""
        y = F.relu(self.norm1(self.conv1(x), style))
        changed: Tensor = self.norm2(self.conv2(y), style)
        return x + changed


class SwiftNet(TransformNet):
    """Stylizes a picture with a fortieth of Johnson's arithmetic.

    Two strided convolutions, residual blocks at 1/4 or 1/8, and a head that never
    computes at full size. Zero padding, ReLU, widths in multiples of 16.
    """

    def __init__(self, config: SwiftConfig) -> None:
        super().__init__()
        self.config = config
        c, s = config.channels, config.num_styles
        deep = config.norm
        wide: Norm = "none" if deep == "body" else deep
        body = config.deep_channels or c
        self.stem1 = conv(3, 16, stride=2)
        self.stem2 = conv(16, c, stride=2)
        self.stem2_norm = _norm(c, kind=wide, num_styles=s)
        if config.deep_channels:
            self.down = conv(c, body, stride=2)
            self.down_norm = _norm(body, kind=deep, num_styles=s)
            self.up = nn.Conv2d(body, c, 1)
            self.join = conv(c, c)
            self.join_norm = _norm(c, kind=wide, num_styles=s)
        self.blocks = nn.ModuleList(
            ResidualBlock(body, norm=deep, num_styles=s, separable=config.separable)
            for _ in range(config.blocks)
        )
        self.head = HEADS[config.head](c)

    @property
    def multiple(self) -> int:
        """Return what height and width have to be multiples of, in pixels."""
        return self.config.multiple

    @property
    def padding(self) -> int:
        """Return by how many pixels to repeat the edges before calling it."""
        return self.config.padding

    @property
    def num_styles(self) -> int:
        """Return how many styles it holds."""
        return self.config.num_styles

    def forward(self, pixels: Tensor, style: Tensor | None = None) -> Tensor:
        """Stylize a batch.

        Args:
            pixels: RGB, shape ``(N, 3, H, W)``, float, 0..1; H and W multiples of
                `multiple`.
            style: Style row of each picture, shape ``(N,)``, int64; None is row 0.

        Returns:
            RGB, shape ``(N, 3, H, W)``, float, about 0..1, not clamped.
        """
        cells = self.cells(pixels, style)
        return F.pixel_shuffle(cells, self.head.factor)

    def cells(self, pixels: Tensor, style: Tensor | None = None) -> Tensor:
        """Return the picture before the last pixel shuffle.

        Args:
            pixels: As in `forward`.
            style: As in `forward`.

        Returns:
            Shape ``(N, 3 * f * f, H / f, W / f)`` with f = `head.factor`, in the
            channel order (colour, line, column) of ``torch.pixel_shuffle``; about 0..1.
        """
        half = F.relu(self.stem1(pixels - 0.5))
        quarter = F.relu(self.stem2_norm(self.stem2(half), style))
        x = quarter
        if self.config.deep_channels:
            x = F.relu(self.down_norm(self.down(x), style))
        for block in self.blocks:
            x = block(x, style)
        if self.config.deep_channels:
            x = F.interpolate(self.up(x), scale_factor=2.0, mode="nearest") + quarter
            x = F.relu(self.join_norm(self.join(x), style))
        cells: Tensor = self.head(x, half)
        return cells + 0.5

    def select_style(self, *rows: int) -> "SwiftNet":
        """Return a copy that holds only these style rows, in this order."""
        network = SwiftNet(replace(self.config, num_styles=len(rows)))
        tensors = {
            name: value[list(rows)] if "norm" in name.split(".")[-2] else value
            for name, value in self.state_dict().items()
        }
        network.load_state_dict(tensors)
        return network.train(self.training)


def folded(network: SwiftNet) -> SwiftNet:
    """Return a copy with its frozen norms merged into the preceding convolutions.

    Args:
        network: With one style and ``norm="frozen"``; not changed.
    """
    plain = SwiftNet(replace(network.config, norm="none"))
    source = copy.deepcopy(network)
    convs = {f"{name}_norm": name for name in ("stem2", "down", "join")}
    for name, norm in source.named_modules():
        if isinstance(norm, FrozenNorm):
            before = convs.get(name) or name.replace(".norm", ".conv")
            fold(last_conv(source.get_submodule(before)), norm)
    kept = plain.state_dict().keys()
    tensors = {name: v for name, v in source.state_dict().items() if name in kept}
    plain.load_state_dict(tensors)
    return plain.train(network.training)


class ShuffleHead(nn.Module):
    """3x3 convolution to 48 channels, for one pixel shuffle by 4."""

    factor = 4

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = conv(channels, 48)
        start_without_grid(self.conv, 4)

    def forward(self, quarter: Tensor, half: Tensor) -> Tensor:
        """Return RGB minus 0.5 as cells of 4x4 pixels, at the size of `quarter`."""
        cells: Tensor = self.conv(quarter)
        return cells


class ResizeHead(nn.Module):
    """Nearest resize to 1/2, skip from the stem, convolution for a shuffle by 2."""

    factor = 2

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.project = nn.Conv2d(channels, 16, 1)
        self.conv = conv(16, 12)
        start_without_grid(self.conv, 2)

    def forward(self, quarter: Tensor, half: Tensor) -> Tensor:
        """Return RGB minus 0.5 as cells of 2x2 pixels, at the size of `half`."""
        x = F.interpolate(self.project(quarter), scale_factor=2.0, mode="nearest")
        cells: Tensor = self.conv(F.relu(x + half))
        return cells


class SubpixelHead(nn.Module):
    """3x3 convolution and ReLU, shuffle by 2, convolution for another shuffle by 2.

    `ResizeHead` only mixes channels at 1/4; this one computes detail. It takes an
    eighth more time in fp32 and none in int8, and reaches a quarter less Gram loss
    after equal training.

    Source:
        Shi et al. 2016, section 3.2, applied twice, so that both convolutions draw
        strokes.
    """

    factor = 2

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.up = conv(channels, 64)
        self.conv = conv(16, 12)
        start_without_grid(self.up, 2)
        start_without_grid(self.conv, 2)

    def forward(self, quarter: Tensor, half: Tensor) -> Tensor:
        """Return RGB minus 0.5 as cells of 2x2 pixels, at the size of `half`."""
        cells: Tensor = self.conv(F.pixel_shuffle(F.relu(self.up(quarter)), 2))
        return cells


HEADS: dict[str, type[ShuffleHead | ResizeHead | SubpixelHead]] = {
    "shuffle": ShuffleHead,
    "resize": ResizeHead,
    "subpixel": SubpixelHead,
}
"""The class of each `Head`."""


def stylize_padded(
    network: nn.Module, pixels: Tensor, style: Tensor | None, *, padding: int
) -> Tensor:
    """Run a transform net on a batch with its edges repeated by `padding` pixels.

    Args:
        network: Takes and returns RGB ``(N, 3, H, W)``.
        pixels: RGB, shape ``(N, 3, H, W)``, 0..1.
        style: As in `SwiftNet.forward`.
        padding: A multiple of the network's `multiple`; 0 for none.

    Returns:
        RGB, shape ``(N, 3, H, W)``.
    """
    if not padding:
        plain: Tensor = network(pixels, style)
        return plain
    wide = F.pad(pixels, (padding,) * 4, mode="replicate")
    stylized: Tensor = network(wide, style)
    return stylized[:, :, padding:-padding, padding:-padding]


def start_without_grid(head: nn.Conv2d, factor: int) -> None:
    """Give all pixels of one pixel-shuffle cell the same initial weights.

    Source:
        ICNR, Aitken et al. 2017, section 3.
    """
    with torch.no_grad():
        cell = factor * factor
        head.weight.copy_(head.weight[::cell].repeat_interleave(cell, dim=0))
        if head.bias is not None:
            head.bias.zero_()


def _norm(channels: int, *, kind: Norm, num_styles: int) -> nn.Module:
    if kind == "none":
        return NoNorm()
    make = FrozenNorm if kind == "frozen" else ConditionalInstanceNorm
    return make(channels, num_styles=num_styles)
