"""Optimise pixels directly by CLIP, to see what its guidance rewards without a network.

A network of few layers can hardly write words. Pixels can, so written words appear here
first if CLIP rewards them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rtstyle_train.clip.encoder import ClipEncoder
from rtstyle_train.losses.directional import directional_distances
from rtstyle_train.losses.patch import random_patches
from rtstyle_train.losses.total_variation import total_variation


@dataclass(frozen=True, slots=True)
class FreeConfig:
    """Settings of the optimisation of pixels."""

    steps: int = 150
    """Number of Adam steps."""
    learning_rate: float = 0.02
    """Learning rate of Adam, as a share of the range of a pixel."""
    views: int = 6
    """Number of patches of each picture per step."""
    crop_size: int = 112
    """Side of the patches, in pixels."""
    patch_weight: float = 2.0
    """Weight of the mean distance of patches; the whole picture has weight 1."""
    tv_weight: float = 4.0
    """Weight of the total variation."""
    noise: float = 0.1
    """Standard deviation of noise on CLIP's input."""
    seed: int = 1234
    """Seed of the patches."""


def free_pictures(
    photos: Tensor,
    prompts: Sequence[str],
    clip: ClipEncoder,
    *,
    band: str | None,
    config: FreeConfig = FreeConfig(),  # noqa: B008
) -> Tensor:
    """Optimise the pixels of photographs towards their prompts.

    Args:
        photos: RGB, shape ``(N, 3, S, S)``, 0..1.
        prompts: The style of each photograph, N texts.
        clip: CLIP that guides.
        band: SpectralCLIP's, or None for plain CLIP.
        config: Steps and weights.

    Returns:
        RGB, same shape, 0..1, on the device of `clip`.
    """
    device = clip.mean.device
    content = photos.to(device)
    ways = torch.stack([clip.direction(prompt) for prompt in prompts])
    with torch.no_grad():
        start = clip.encode_image(clip.fitted(content))
    pixels = content.clone().requires_grad_()
    optimizer = torch.optim.Adam([pixels], lr=config.learning_rate)
    generator = torch.Generator().manual_seed(config.seed)
    for step in range(config.steps):
        optimizer.param_groups[0]["lr"] = config.learning_rate * (
            1 - step / config.steps
        )
        loss = _free_loss(pixels, start, ways, clip, band, config, generator)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        with torch.no_grad():
            pixels.clamp_(0, 1)
    return pixels.detach()


def _free_loss(
    pixels: Tensor,
    start: Tensor,
    ways: Tensor,
    clip: ClipEncoder,
    band: str | None,
    config: FreeConfig,
    generator: torch.Generator,
) -> Tensor:
    """Return the loss to minimise, summed over the pictures."""
    patches = random_patches(
        pixels,
        num_patches=config.views * len(pixels),
        crop_size=config.crop_size,
        size=clip.image_size,
        generator=generator,
    )
    views = torch.cat([patches.pixels, clip.fitted(pixels)])
    noise = torch.randn(views.shape, generator=generator).to(views)
    embedded = clip.encode_image(views + config.noise * noise, band=band)
    parts, whole = embedded[: -len(pixels)], embedded[-len(pixels) :]
    owner = patches.owner
    near = directional_distances(parts, start[owner], ways[owner]).sum()
    loss = directional_distances(whole, start, ways).sum()
    loss = loss + config.patch_weight * near / config.views
    return loss + config.tv_weight * len(pixels) * total_variation(pixels)
