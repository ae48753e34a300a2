"""Batches of an arbitrary-style training: photographs, each with a style picture."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rtstyle_train.config.adain import AdainConfig
from rtstyle_train.data.content_images import Photos
from rtstyle_train.data.style_pictures import draw_recolouring, recolour
from rtstyle_train.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Pictures:
    """Where the pictures of an arbitrary-style training come from."""

    photos: Photos
    """Content images, which are styles too."""
    paintings: Photos
    """Paintings that are not held out."""
    textures: Photos
    """Textures drawn by code."""


class StyledBatches:
    """Photographs with styles, the same for the same step.

    The rows of a batch: photographs that are their own style, that have another
    photograph's, a texture's, a painting's. Colours of styles change at random.
    """

    def __init__(self, config: AdainConfig, pictures: Pictures) -> None:
        self.config = config
        self.pictures = pictures
        shares = (config.self_share, config.photo_share, config.texture_share)
        counts = split_batch(config.batch_size, shares)
        self.num_self, self.num_photos, self.num_textures, self.num_paintings = counts

    def draw(self, *, step: int, rank: int) -> dict[str, Tensor]:
        """Draw a step's pictures, on the CPU; what `cut` needs."""
        config, seed = self.config, self.config.seed + rank
        num_photos = config.batch_size + self.num_photos
        photos = self.pictures.photos.draw(num_photos, seed=seed, step=step)
        drawn = {"content": photos}
        if self.num_textures:
            drawn["textures"] = self.pictures.textures.draw(
                self.num_textures, seed=seed + 7919, step=step
            )
        drawn["paintings"] = self.pictures.paintings.draw(
            self.num_paintings, seed=seed + 104_729, step=step
        )
        drawn["recolouring"] = draw_recolouring(
            config.batch_size - self.num_self,
            share=config.recolour_share,
            seed=seed,
            step=step,
        )
        return drawn

    def cut(self, drawn: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return content images and styles.

        Args:
            drawn: Of `draw`, where the pictures are.

        Returns:
            RGB, shape ``(N, 3, size, size)`` each, 0..1; the first `num_self` styles
            are the content images themselves.
        """
        layout, count = torch.channels_last, self.config.batch_size
        photos = self.pictures.photos.cut(drawn["content"])
        content = photos[:count].contiguous(memory_format=layout)
        others = [photos[count:]]
        if self.num_textures:
            others.append(self.pictures.textures.cut(drawn["textures"]))
        others.append(self.pictures.paintings.cut(drawn["paintings"]))
        strange = recolour(torch.cat(others), drawn["recolouring"])
        styles = torch.cat([content[: self.num_self], strange])
        return content, styles.contiguous(memory_format=layout)


def split_batch(batch_size: int, shares: Sequence[float]) -> tuple[int, ...]:
    """Return how many rows of a batch each share is; the rest comes last.

    Raises:
        ConfigError: nothing is left for the rest.
    """
    counts = [math.ceil(batch_size * share) if share else 0 for share in shares]
    rest = batch_size - sum(counts)
    if rest < 1:
        raise ConfigError(
            f"batch_size: expected more than {sum(counts)} for photographs and "
            f"textures as styles, got {batch_size}; use larger batches"
        )
    return (*counts, rest)
