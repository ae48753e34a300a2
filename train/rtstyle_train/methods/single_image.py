"""Train one small U-Net for one photograph, as in the papers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rtstyle_train.clip.encoder import ClipEncoder
from rtstyle_train.config.text import THRESHOLD, TextConfig
from rtstyle_train.loss_networks import VggFeatures
from rtstyle_train.losses.directional import directional_loss
from rtstyle_train.losses.patch import patch_loss, random_patches


@dataclass(frozen=True, slots=True)
class SingleImageConfig:
    """CLIPstyler's and SpectralCLIP's settings."""

    steps: int = 201
    """Steps of Adam."""
    size: int = 512
    """Height and width of the photograph in training, in pixels; a multiple of 8."""
    num_patches: int = 64
    """Number of views per step."""
    crop_size: int = 128
    """Side of the views before they are distorted and resized, in pixels."""
    patch_weight: float = 9000.0
    """Weight of the patch loss."""
    directional_weight: float = 500.0
    """Weight of the directional loss."""
    content_weight: float = 150.0
    """Weight of the content loss, the sum over its layers."""
    tv_weight: float = 2e-3
    """Weight of `norm_variation`."""
    threshold: float = THRESHOLD
    """Patches with a smaller distance count as good."""
    learning_rate: float = 5e-4
    """Of Adam; halved after every `HALVE_AFTER` steps of the scheduler."""
    content_layers: tuple[str, ...] = ("relu4_2", "relu5_2")
    """What the papers' code reads as conv4_2 and conv5_2 (its ReLUs work in place)."""
    seed: int = 1234
    """Seed of SpectralCLIP's code; CLIPstyler's sets none."""

    @classmethod
    def of(cls, config: TextConfig, flags: Mapping[str, Any]) -> "SingleImageConfig":
        """Return the papers' settings with those that the user changed.

        Args:
            config: Source of the content layers, which depend on the loss network.
            flags: ``steps``, ``seed``, ``patch_weight`` and ``content_weight`` are used
                unless None.
        """
        names = ("steps", "seed", "patch_weight", "content_weight")
        named = {name: flags[name] for name in names if flags.get(name) is not None}
        return cls(content_layers=config.content_layers, **named)


HALVE_AFTER = 100
"""Number of steps between two halvings of the learning rate."""


def norm_variation(pixels: Tensor) -> Tensor:
    """Return the norms of the differences to the neighbours in four directions.

    Args:
        pixels: Shape ``(N, C, H, W)``.

    Returns:
        A scalar that grows with the size of the picture.

    Source:
        CLIPstyler's code, `get_image_prior_losses`: right, below and both diagonals.
    """
    right = pixels[..., :-1] - pixels[..., 1:]
    below = pixels[..., :-1, :] - pixels[..., 1:, :]
    rising = pixels[..., 1:, :-1] - pixels[..., :-1, 1:]
    falling = pixels[..., :-1, :-1] - pixels[..., 1:, 1:]
    norms = [torch.linalg.vector_norm(d) for d in (right, below, rising, falling)]
    return torch.stack(norms).sum()


class SkipBlock(nn.Module):
    """Two 3x3 convolutions with instance norm and ReLU, plus a parallel 1x1."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, padding=1),
            nn.InstanceNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1),
            nn.InstanceNorm2d(outputs),
            nn.ReLU(),
        )
        self.skip = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(N, outputs, H, W)``."""
        y: Tensor = self.main(x) + self.skip(x)
        return y


class StyleUNet(nn.Module):
    """The U-Net of CLIPstyler: three strided convolutions and back, sigmoid output.

    Source:
        CLIPstyler (Kwon and Ye 2022), ``StyleNet.py``: 16 channels, instance norm
        without scale, 4x4 strided convolutions, bilinear upsampling.
    """

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        w = width
        self.first = nn.Conv2d(3, w, 1)
        self.start = SkipBlock(w, w)
        steps = ((w, w), (w, 2 * w), (2 * w, 4 * w))
        self.downs = nn.ModuleList(SkipBlock(i, o) for i, o in steps)
        self.strides = nn.ModuleList(nn.Conv2d(o, o, 4, 2, 1) for _, o in steps)
        self.middle = SkipBlock(4 * w, 8 * w)
        self.ups = nn.ModuleList(
            SkipBlock(i + s, o)
            for i, s, o in ((8 * w, 4 * w, 4 * w), (4 * w, 2 * w, 2 * w), (2 * w, w, w))
        )
        self.end = SkipBlock(2 * w, w)
        self.last = nn.Conv2d(w, 3, 1)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return a picture 0..1 of the shape of `pixels`, ``(N, 3, H, W)``.

        H and W must be multiples of 8.
        """
        first = self.start(self.first(pixels))
        x, kept = first, []
        for down, stride in zip(self.downs, self.strides, strict=True):
            kept.append(down(x))
            x = stride(kept[-1])
        x = self.middle(x)
        for up in self.ups:
            x = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
            x = up(torch.cat([x, kept.pop()], dim=1))
        shown: Tensor = self.last(self.end(torch.cat([x, first], dim=1))).sigmoid()
        return shown


@dataclass(frozen=True, slots=True)
class SingleImageStep:
    """Result of one step."""

    stylized: Tensor
    """RGB, ``(1, 3, H, W)``, 0..1, before the step; no gradient."""
    terms: dict[str, float]
    """The weighted losses."""


class SingleImageStyle:
    """Stylizes one photograph by training a U-Net on it.

    Contrast and stretching, which the papers' scripts apply on saving, are not part of
    the method and are left out.

    Source:
        ``train_CLIPstyler.py`` and ``train_SpectralCLIP.py``.
    """

    def __init__(
        self,
        photo: Tensor,
        prompt: str,
        *,
        clip: ClipEncoder,
        vgg: VggFeatures,
        band: str | None = None,
        config: SingleImageConfig = SingleImageConfig(),  # noqa: B008
    ) -> None:
        """Measure the photograph and the prompt.

        Args:
            photo: RGB, shape ``(1, 3, H, W)``, 0..1, H and W multiples of 8.
            prompt: The style in words.
            clip: CLIP that judges the directions.
            vgg: Content loss network.
            band: SpectralCLIP's, or None for plain CLIP.
            config: Steps, weights and sizes.

        Raises:
            ConfigError: the loss network lacks a layer.
        """
        vgg.check(config.content_layers)
        self.photo = photo
        self.clip = clip
        self.vgg = vgg
        self.band = band
        self.config = config
        self.generator = torch.Generator().manual_seed(config.seed)
        self.direction = clip.direction(prompt)
        with torch.no_grad():
            self.start = clip.encode_image(photo)
            self.content_features = vgg(photo, config.content_layers)

    def run(self) -> Iterator[SingleImageStep]:
        """Train step by step; the last step's picture is the result."""
        config = self.config
        torch.manual_seed(config.seed)
        network = StyleUNet().to(self.photo.device)
        optimizer = torch.optim.Adam(network.parameters(), lr=config.learning_rate)
        for step in range(config.steps):
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(config, step)
            stylized = network(self.photo)
            terms = self.terms(stylized)
            optimizer.zero_grad(set_to_none=True)
            torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            values = {name: term.item() for name, term in terms.items()}
            yield SingleImageStep(stylized.detach(), values)

    def terms(self, stylized: Tensor) -> dict[str, Tensor]:
        """Return the weighted losses of a picture of the photograph's shape."""
        config = self.config
        patches = random_patches(
            stylized,
            num_patches=config.num_patches,
            crop_size=config.crop_size,
            size=self.clip.image_size,
            generator=self.generator,
        )
        parts = self.clip.encode_image(patches.pixels, band=self.band)
        whole = self.clip.encode_image(stylized, band=self.band)
        start = self.start.expand(len(parts), -1)
        patch = patch_loss(parts, start, self.direction, threshold=config.threshold)
        direct = directional_loss(whole, self.start, self.direction)
        return {
            "patch": config.patch_weight * patch,
            "directional": config.directional_weight * direct,
            "content": config.content_weight * self._content(stylized),
            "tv": config.tv_weight * norm_variation(stylized),
        }

    def _content(self, stylized: Tensor) -> Tensor:
        features = self.vgg(stylized, self.config.content_layers)
        losses = [
            F.mse_loss(features[n].float(), w.float())
            for n, w in self.content_features.items()
        ]
        return torch.stack(losses).sum()


def learning_rate(config: SingleImageConfig, step: int) -> float:
    """Return the learning rate of a step, from 0; the scheduler steps first."""
    return float(config.learning_rate * 0.5 ** ((step + 1) // HALVE_AFTER))
