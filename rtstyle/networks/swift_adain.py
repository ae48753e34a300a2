"""Define a swift net for any painting: an encoder predicts its scales and shifts."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rtstyle.networks.normalisation import ConditionalInstanceNorm
from rtstyle.networks.swift import SwiftConfig, SwiftNet, stylize_padded

Placement = Literal["instance", "body"]
"""Which norms exist: all, or only those at 1/8 of the size."""


@dataclass(frozen=True, slots=True)
class SwiftAdainConfig:
    """Widths and depths of the transform net and of its style encoder."""

    placement: Placement = "instance"
    """Which norms exist; all of them are predicted."""
    channels: int = 32
    """Channels at 1/4 of the size."""
    blocks: int = 4
    """Number of residual blocks at 1/8."""
    deep_channels: int = 48
    """Channels at 1/8 of the size."""
    padding: int = 0
    """As in `SwiftConfig`."""
    encoder_channels: tuple[int, ...] = (16, 32, 48, 64, 64)
    """Channels of the style encoder's layers; each but the first halves the size."""
    hidden: int = 160
    """Width of the two hidden layers between statistics and modulation."""

    @property
    def swift(self) -> SwiftConfig:
        """Return the transform net without its modulation."""
        return SwiftConfig(
            channels=self.channels,
            blocks=self.blocks,
            deep_channels=self.deep_channels,
            norm=self.placement,
            head="resize",
            padding=self.padding,
        )

    @property
    def multiple(self) -> int:
        """Return what height and width have to be multiples of, in pixels."""
        return self.swift.multiple

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as JSON stores them."""
        return asdict(self) | {"encoder_channels": list(self.encoder_channels)}

    @classmethod
    def from_dict(cls, settings: dict[str, Any]) -> "SwiftAdainConfig":
        """Return the settings stored by `as_dict`.

        Raises:
            TypeError: a setting is unknown.
            KeyError: the encoder's channels are missing.
        """
        widths = {"encoder_channels": tuple(settings["encoder_channels"])}
        return cls(**settings | widths)


class ModulatedNorm(nn.Module):
    """Instance norm that takes scale and shift from each picture's modulation.

    Source:
        Ghiasi et al. 2017, section 3; the norm is Dumoulin et al. 2017, equation 5.
    """

    eps = ConditionalInstanceNorm.eps

    def __init__(self, channels: int, *, offset: int) -> None:
        super().__init__()
        self.channels = channels
        self.offset = offset

    def forward(self, x: Tensor, modulation: Tensor) -> Tensor:
        """Return `x` normalised, with the scale and shift of each picture.

        Args:
            x: Features, shape ``(N, C, H, W)``.
            modulation: Shape ``(N, M)``: from `offset` on, C scales, then C shifts.
        """
        scale, shift = self.part(modulation).chunk(2, dim=1)
        normed = F.instance_norm(x, eps=self.eps)
        return normed * scale[:, :, None, None] + shift[:, :, None, None]

    def part(self, modulation: Tensor) -> Tensor:
        """Return this norm's scales and shifts, shape ``(N, 2 * C)``."""
        return modulation[:, self.offset : self.offset + 2 * self.channels]


class StyleEncoder(nn.Module):
    """Predicts a modulation from a painting of any size.

    Convolutions at five sizes, the mean and standard deviation of each of their
    channels over the painting, and three fully connected layers.
    """

    def __init__(self, channels: Sequence[int], *, hidden: int, size: int) -> None:
        super().__init__()
        widths = (3, *channels)
        self.convs = nn.ModuleList(
            nn.Conv2d(a, b, 3, stride=1 if number == 0 else 2, padding=1)
            for number, (a, b) in enumerate(zip(widths, widths[1:], strict=False))
        )
        num_statistics = 2 * sum(widths)
        self.layers = nn.Sequential(
            nn.Linear(num_statistics, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, size),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                assert module.bias is not None
                nn.init.zeros_(module.bias)

    def forward(self, paintings: Tensor) -> Tensor:
        """Return the modulation of each painting.

        Args:
            paintings: RGB, shape ``(N, 3, H, W)``, 0..1, at least 64 pixels to a side.

        Returns:
            Shape ``(N, M)``.
        """
        modulation: Tensor = self.layers(self.statistics(paintings))
        return modulation

    def statistics(self, paintings: Tensor) -> Tensor:
        """Return means and standard deviations of pixels and of every layer."""
        x = (paintings - 0.5) * 4.0
        layers = [x]
        for conv in self.convs:
            x = F.relu(conv(x))
            layers.append(x)
        return torch.cat([moments(features) for features in layers], dim=1)


def moments(features: Tensor) -> Tensor:
    """Return each channel's mean and standard deviation over the picture.

    Args:
        features: Shape ``(N, C, H, W)``.

    Returns:
        Shape ``(N, 2 * C)``: means, then deviations (biased, never quite 0).
    """
    mean = features.mean(dim=(2, 3))
    spread = (features - mean[:, :, None, None]).square().mean(dim=(2, 3))
    return torch.cat([mean, (spread + 1e-4).sqrt()], dim=1)


class SwiftAdain(nn.Module):
    """Stylizes pictures after any painting, which it encodes only once.

    Source:
        Ghiasi et al. 2017, "Exploring the structure of a real-time, arbitrary neural
        artistic stylization network"; transform net and encoder are ours, and the
        encoder is trained from scratch together with the rest.
    """

    def __init__(self, config: SwiftAdainConfig) -> None:
        super().__init__()
        self.config = config
        self.transfer = SwiftNet(config.swift)
        size = _modulate(self.transfer)
        self.encoder = StyleEncoder(
            config.encoder_channels, hidden=config.hidden, size=size
        )
        self.neutral: Tensor
        """Modulation, shape ``(M,)``, that changes a photograph least."""
        self.register_buffer("neutral", self._first_modulation(size))
        last = self.encoder.layers[-1]
        assert isinstance(last, nn.Linear)
        with torch.no_grad():
            last.weight.mul_(0.2)
            last.bias.copy_(self.neutral)

    @property
    def size(self) -> int:
        """Return the number of values in a modulation."""
        return len(self.neutral)

    @property
    def norms(self) -> list[ModulatedNorm]:
        """Return the norms in the order of a modulation's parts."""
        norms = [m for m in self.transfer.modules() if isinstance(m, ModulatedNorm)]
        return sorted(norms, key=lambda norm: norm.offset)

    def forward(
        self, pixels: Tensor, paintings: Tensor, statistics: Tensor | None = None
    ) -> Tensor:
        """Stylize each picture after its painting.

        Args:
            pixels: RGB, shape ``(N, 3, H, W)``, 0..1; H and W multiples of
                `config.multiple`.
            paintings: RGB, shape ``(N, 3, h, w)``, 0..1; fewer than N, or none, where
                there are statistics.
            statistics: Of the paintings of the last pictures, as
                `StyleEncoder.statistics` returns them, which then are not looked at.

        Returns:
            RGB, shape ``(N, 3, H, W)``, about 0..1, not clamped.
        """
        if statistics is None:
            return self.stylize(pixels, self.encoder(paintings))
        with torch.autocast(pixels.device.type, enabled=False):
            if len(paintings):
                seen = self.encoder.statistics(paintings)
                statistics = torch.cat([seen, statistics])
            modulation = self.encoder.layers(statistics)
        return self.stylize(pixels, modulation)

    def stylize(self, pixels: Tensor, modulation: Tensor) -> Tensor:
        """Stylize each picture with its modulation, shape ``(N, M)``."""
        padding = self.config.padding
        return stylize_padded(self.transfer, pixels, modulation, padding=padding)

    def fixed(self, modulation: Tensor) -> SwiftNet:
        """Return a plain swift net with one painting's modulation built in.

        Args:
            modulation: Shape ``(M,)``.
        """
        plain = SwiftNet(self.config.swift)
        tensors = self.transfer.state_dict()
        for name, norm in self.transfer.named_modules():
            if isinstance(norm, ModulatedNorm):
                scale, shift = norm.part(modulation[None]).detach().chunk(2, dim=1)
                tensors |= {f"{name}.weight": scale, f"{name}.bias": shift}
        plain.load_state_dict(tensors)
        return plain.train(self.training)

    def modulation_of(self, plain: SwiftNet) -> Tensor:
        """Return the modulation in a plain swift net, shape ``(M,)``; undo `fixed`."""
        tensors, found = plain.state_dict(), torch.zeros(self.size)
        for name, norm in self.transfer.named_modules():
            if isinstance(norm, ModulatedNorm):
                parts = (tensors[f"{name}.{kind}"] for kind in ("weight", "bias"))
                numbers = torch.cat([part.flatten() for part in parts])
                found[norm.offset : norm.offset + 2 * norm.channels] = numbers
        return found

    def _first_modulation(self, size: int) -> Tensor:
        first = torch.zeros(size)
        for norm in self.norms:
            first[norm.offset : norm.offset + norm.channels] = 1.0
        return first


def _modulate(network: SwiftNet) -> int:
    """Replace the norms of a swift net, in place; return the modulation's size.

    The order is that in which a picture passes through them.
    """
    named = network.named_modules()
    names = [name for name, m in named if isinstance(m, ConditionalInstanceNorm)]
    offset = 0
    for name in sorted(names, key=lambda name: name.startswith("join")):
        parent, _, leaf = name.rpartition(".")
        norm = network.get_submodule(name)
        assert isinstance(norm, ConditionalInstanceNorm)
        channels = norm.weight.shape[1]
        modulated = ModulatedNorm(channels, offset=offset)
        setattr(network.get_submodule(parent), leaf, modulated)
        offset += 2 * channels
    return offset
