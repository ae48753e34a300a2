"""Define Huang and Belongie's AdaIN for any painting: a VGG encoder and its mirror."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rtstyle.networks.transform_net import TransformNet

EPS = 1e-5
"""Added to variances."""
CONVS = (
    *("conv1_1", "conv1_2", "conv2_1", "conv2_2"),
    *("conv3_1", "conv3_2", "conv3_3", "conv3_4", "conv4_1"),
)
"""VGG-19 as far as relu4_1; each stage begins with a 2x2 max pooling."""


@dataclass(frozen=True, slots=True)
class Moments:
    """Channel statistics that AdaIN takes from a painting."""

    mean: Tensor
    """Mean of each channel, shape ``(N, C)``."""
    deviation: Tensor
    """Standard deviation of each channel, shape ``(N, C)``, biased, above 0."""


def feature_moments(features: Tensor, mask: Tensor | None = None) -> Moments:
    """Return the mean and standard deviation of every channel.

    Args:
        features: Shape ``(N, C, H, W)``.
        mask: Weight of each place, shape ``(N, 1, H, W)``, 0..1; None weights all
            equally. If it is 0 everywhere, the moments are 0 and ``sqrt(EPS)``.
    """
    if mask is None:
        mean = features.mean(dim=(2, 3))
        centred = features - mean[:, :, None, None]
        return Moments(mean, (centred.square().mean(dim=(2, 3)) + EPS).sqrt())
    total = mask.sum(dim=(2, 3)).clamp_min(1e-6)
    mean = (features * mask).sum(dim=(2, 3)) / total
    centred = features - mean[:, :, None, None]
    variance = (centred.square() * mask).sum(dim=(2, 3)) / total
    return Moments(mean, (variance + EPS).sqrt())


def adain(
    content: Tensor, style: Moments, *, alpha: float = 1.0, mask: Tensor | None = None
) -> Tensor:
    """Give content features the moments of a style.

    Args:
        content: Features, shape ``(N, C, H, W)``.
        style: Moments of the style's features; N or 1 rows.
        alpha: 0 keeps the content's moments, 1 takes the style's.
        mask: Where to measure the content's own moments, as in `feature_moments`.

    Returns:
        Shape ``(N, C, H, W)``; a new tensor.

    Source:
        Huang and Belongie 2017, equations 8 and 14; population variance, eps 1e-5.
    """
    own = feature_moments(content, mask)
    normed = (content - own.mean[..., None, None]) / own.deviation[..., None, None]
    changed = normed * style.deviation[..., None, None] + style.mean[..., None, None]
    return alpha * changed + (1.0 - alpha) * content


def interpolate(styles: Sequence[Moments], weights: Sequence[float]) -> Moments:
    """Return the weighted mean of the moments of several styles.

    As AdaIN is linear in them, this equals interpolating its output features.

    Args:
        styles: Moments of K styles.
        weights: K numbers that sum to 1.

    Raises:
        ValueError: the counts differ, or the sum is not 1.

    Source:
        Huang and Belongie 2017, equation 15.
    """
    if len(styles) != len(weights) or not styles:
        raise ValueError(
            f"styles: expected a weight for each, got {len(weights)} for {len(styles)}"
        )
    if abs(sum(weights) - 1.0) > 1e-4:
        raise ValueError(f"weights: expected a sum of 1, got {sum(weights):.4g}")
    pairs = list(zip(styles, weights, strict=True))
    mean = torch.stack([weight * style.mean for style, weight in pairs]).sum(dim=0)
    deviations = [weight * style.deviation for style, weight in pairs]
    return Moments(mean, torch.stack(deviations).sum(dim=0))


def adain_in_regions(
    content: Tensor, styles: Sequence[Moments], masks: Tensor, *, alpha: float = 1.0
) -> Tensor:
    """Apply another style to each region of the content.

    Args:
        content: Features, shape ``(N, C, H, W)``.
        styles: One for each of R regions.
        masks: Shape ``(N, R, h, w)`` at any size, not negative; resized to the features
            and normalised to sum to 1 everywhere.
        alpha: As in `adain`.

    Returns:
        Shape ``(N, C, H, W)``: the content is normalised in each region separately.

    Raises:
        ValueError: the counts of styles and masks differ.

    Source:
        Huang and Belongie 2017, section 7.2, "spatial control".
    """
    if masks.shape[1] != len(styles):
        raise ValueError(
            f"masks: expected {len(styles)}, one for each style, got {masks.shape[1]}"
        )
    height, width = content.shape[-2:]
    small = F.adaptive_avg_pool2d(masks, (height, width))
    small = small / small.sum(dim=1, keepdim=True).clamp_min(1e-6)
    result = torch.zeros_like(content)
    for region, style in enumerate(styles):
        mask = small[:, region : region + 1]
        result = result + mask * adain(content, style, alpha=alpha, mask=mask)
    return result


@dataclass(frozen=True, slots=True)
class AdainNetConfig:
    """Widths of encoder and decoder."""

    widths: tuple[int, int, int, int] = (64, 128, 256, 512)
    """Channels of the four stages: those of VGG-19 or of a narrower network."""
    reflect: bool = True
    """Whether the encoder pads by reflection, as the normalised VGG does, or by 0."""

    multiple = 8
    padding = 0

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as JSON stores them."""
        return asdict(self) | {"widths": list(self.widths)}

    @classmethod
    def from_dict(cls, settings: dict[str, Any]) -> "AdainNetConfig":
        """Return the settings stored by `as_dict`.

        Raises:
            TypeError: a setting is unknown.
            KeyError: the widths are missing.
        """
        one, two, three, four = settings["widths"]
        return cls(**settings | {"widths": (one, two, three, four)})


class VggEncoder(nn.Module):
    """VGG-19 as far as relu4_1, frozen; ``conv0`` turns RGB 0..1 into its input."""

    def __init__(self, config: AdainNetConfig) -> None:
        super().__init__()
        self.mode = "reflect" if config.reflect else "constant"
        self.conv0 = nn.Conv2d(3, 3, 1)
        channels = 3
        for name in CONVS:
            width = config.widths[int(name[4]) - 1]
            setattr(self, name, nn.Conv2d(channels, width, 3))
            channels = width
        self.requires_grad_(False)

    def forward(self, pixels: Tensor) -> dict[str, Tensor]:
        """Return relu1_1, relu2_1, relu3_1 and relu4_1.

        Args:
            pixels: RGB, shape ``(N, 3, H, W)``, 0..1.
        """
        x = self.conv0(pixels)
        features: dict[str, Tensor] = {}
        for name in CONVS:
            if name.endswith("_1"):
                x = F.max_pool2d(x, 2) if name != "conv1_1" else x
            x = F.relu(self.get_submodule(name)(F.pad(x, (1, 1, 1, 1), self.mode)))
            if name.endswith("_1"):
                features[name.replace("conv", "relu")] = x
        return features


class AdainDecoder(nn.Module):
    """The encoder's mirror: reflection padding, nearest upsampling, no norm."""

    def __init__(self, config: AdainNetConfig) -> None:
        super().__init__()
        for name, before in zip(CONVS, (None, *CONVS), strict=False):
            outputs = 3 if before is None else config.widths[int(before[4]) - 1]
            width = config.widths[int(name[4]) - 1]
            conv = nn.Conv2d(width, outputs, 3)
            # with torch's default initial weights nine layers lose nearly all contrast
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
            if before is None:  # start near grey instead of far outside 0..1
                assert conv.bias is not None
                with torch.no_grad():
                    conv.weight.mul_(0.1)
                    conv.bias.fill_(0.5)
            setattr(self, name, conv)

    def forward(self, features: Tensor) -> Tensor:
        """Decode features into a picture.

        Args:
            features: At relu4_1, shape ``(N, C, H, W)``.

        Returns:
            RGB, shape ``(N, 3, 8 * H, 8 * W)``, about 0..1, not clamped.
        """
        x = features
        for name in reversed(CONVS):
            x = self.get_submodule(name)(F.pad(x, (1, 1, 1, 1), "reflect"))
            if name == "conv1_1":
                break
            x = F.relu(x)
            if name.endswith("_1"):
                x = F.interpolate(x, scale_factor=2.0, mode="nearest")
        return x


class AdainNet(nn.Module):
    """Encodes, gives the features the painting's moments, and decodes.

    Source:
        Huang and Belongie 2017, "Arbitrary Style Transfer in Real-time with Adaptive
        Instance Normalization", section 6.
    """

    def __init__(self, config: AdainNetConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = VggEncoder(config)
        self.decoder = AdainDecoder(config)

    def forward(self, pixels: Tensor, paintings: Tensor) -> Tensor:
        """Stylize each picture after its painting.

        Args:
            pixels: RGB, shape ``(N, 3, H, W)``, 0..1; H and W multiples of 8.
            paintings: RGB, shape ``(N, 3, h, w)``, 0..1.

        Returns:
            RGB, shape ``(N, 3, H, W)``, about 0..1, not clamped.
        """
        features = self.encoder(pixels)["relu4_1"]
        stylized: Tensor = self.decoder(adain(features, self.moments(paintings)))
        return stylized

    def moments(self, paintings: Tensor) -> Moments:
        """Return the moments of paintings at relu4_1."""
        return feature_moments(self.encoder(paintings)["relu4_1"])

    def stylize(
        self,
        pixels: Tensor,
        styles: Sequence[Moments],
        *,
        weights: Sequence[float] | None = None,
        masks: Tensor | None = None,
        alpha: float = 1.0,
    ) -> Tensor:
        """Stylize after several paintings, mixed everywhere or each in its region.

        Args:
            pixels: As in `forward`.
            styles: From `moments`.
            weights: Weights of the styles, summing to 1; None weights them equally.
            masks: As in `adain_in_regions`; if given, `weights` are ignored.
            alpha: 0 decodes the picture's own features, 1 is the full style.
        """
        features = self.encoder(pixels)["relu4_1"]
        if masks is not None:
            changed = adain_in_regions(features, styles, masks, alpha=alpha)
        else:
            parts = weights or [1.0 / len(styles)] * len(styles)
            changed = adain(features, interpolate(styles, parts), alpha=alpha)
        stylized: Tensor = self.decoder(changed)
        return stylized

    def fixed(self, painting: Tensor) -> "FixedAdain":
        """Return the network of one painting, RGB ``(1, 3, h, w)``, 0..1."""
        with torch.no_grad():
            return FixedAdain(self, self.moments(painting)).eval()


class FixedAdain(TransformNet):
    """`AdainNet` with the moments of one painting: RGB in, RGB out."""

    def __init__(self, network: AdainNet, style: Moments) -> None:
        super().__init__()
        self.encoder, self.decoder = network.encoder, network.decoder
        self.mean: Tensor
        self.deviation: Tensor
        self.register_buffer("mean", style.mean.clone())
        self.register_buffer("deviation", style.deviation.clone())

    @property
    def multiple(self) -> int:
        """Return 8: three halvings; height and width must be multiples of it."""
        return AdainNetConfig.multiple

    def forward(self, pixels: Tensor, style: Tensor | None = None) -> Tensor:
        """Stylize a batch.

        Args:
            pixels: RGB, shape ``(N, 3, H, W)``, 0..1; H and W multiples of 8.
            style: Ignored; part of the signature that all transform nets share.
        """
        features = self.encoder(pixels)["relu4_1"]
        changed = adain(features, Moments(self.mean, self.deviation))
        stylized: Tensor = self.decoder(changed)
        return stylized
