"""Render the small CLIP's training pictures during training, and keep some."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from rtstyle_experiments.small_clip.captions import CAPTIONS, PHOTO
from rtstyle_experiments.small_clip.render import Scene, render
from rtstyle_experiments.small_clip.scenes import SEEN_SIDE, SIDE, render_scene
from rtstyle_streams.frame import Pixels
from rtstyle_train.data.content_images import ContentImages

PHOTO_SHARE = 0.08
"""Share of the pictures with the caption "photo"."""
REAL_SHARE = 0.6
"""Share of the scenes that are photographs, if there are any."""


@dataclass(frozen=True, slots=True)
class PoolConfig:
    """Sizes and seed of a picture pool."""

    size: int
    """Number of pictures to keep."""
    batch_size: int
    """Number of pictures in a batch."""
    fresh: int
    """Number of new pictures in a batch."""
    workers: int = 0
    """Number of processes that render; 0 renders on request of a batch."""
    photos: Path | None = None
    """Folder of photographs to use along with rendered scenes."""
    seed: int = 1234
    """Seed of all pictures."""


class Captioned(Dataset[tuple[Tensor, Tensor]]):
    """Small batches of pictures with captions; the same for the same number."""

    def __init__(self, config: PoolConfig) -> None:
        self.config = config
        self._scene: Scene | None = None

    @property
    def scene(self) -> Scene:
        """Return a function that draws scenes; photographs are read on first use."""
        if self._scene is None:
            photos = self.config.photos
            self._scene = render_scene if photos is None else scenes_of(photos)
        return self._scene

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor]:
        """Return pictures, uint8 ``(fresh, 3, SEEN_SIDE, SEEN_SIDE)``, and captions."""
        cv2.setNumThreads(1)
        random = np.random.default_rng((self.config.seed, number))
        labels = random.integers(0, len(CAPTIONS) - 1, self.config.fresh)
        is_photo = random.random(self.config.fresh) < PHOTO_SHARE
        labels[is_photo] = [c.text for c in CAPTIONS].index(PHOTO)
        size = (SEEN_SIDE, SEEN_SIDE)
        pictures = [
            cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
            for picture in (
                render(CAPTIONS[k], random, scene=self.scene) for k in labels
            )
        ]
        pixels = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous()
        return pixels, torch.from_numpy(labels)


class _Endless(torch.utils.data.Sampler[int]):
    def __iter__(self) -> Iterator[int]:
        number = 0
        while True:
            yield number
            number += 1


def scenes_of(folder: Path) -> Scene:
    """Return a function that draws rendered scenes or, more often, photograph crops."""
    photos = ContentImages(folder, size=SIDE, smallest_crop=SIDE // 2)

    def scene(random: np.random.Generator) -> Pixels:
        if random.random() >= REAL_SHARE:
            return render_scene(random)
        crop = photos.batch(1, seed=int(random.integers(2**31)), step=0)[0]
        levels = (crop * 255).round().to(torch.uint8).permute(1, 2, 0)
        return np.ascontiguousarray(levels.numpy())

    return scene


class PicturePool:
    """Rendered pictures; a batch has some new ones, and the rest from the pool."""

    def __init__(
        self,
        config: PoolConfig,
        renderings: Dataset[tuple[Tensor, Tensor]],
        *,
        device: str = "cpu",
    ) -> None:
        """Start to render.

        Args:
            config: Sizes and seed.
            renderings: Returns `fresh` pictures and their targets, for any number.
            device: Device on which to keep the pictures.
        """
        self.config = config
        loader: DataLoader[Any] = DataLoader(
            renderings,
            batch_size=None,
            sampler=_Endless(),
            num_workers=config.workers,
            prefetch_factor=8 if config.workers else None,
            multiprocessing_context="spawn" if config.workers else None,
        )
        self._new = iter(loader)
        self._generator = torch.Generator().manual_seed(config.seed)
        self.device = device
        self.pixels: Tensor | None = None
        self.labels: Tensor | None = None
        self.count = 0

    def batch(self) -> tuple[Tensor, Tensor]:
        """Return pictures ``(N, 3, S, S)``, 0..1, and their targets."""
        size, kept = self.config.batch_size, self.config.size
        self._take()
        while self.count < min(size, kept):
            self._take()
        filled = min(self.count, kept)
        new = torch.arange(self.count - self.config.fresh, self.count) % kept
        old = torch.randint(
            filled, (size - self.config.fresh,), generator=self._generator
        )
        rows = torch.cat([new, old])[torch.randperm(size, generator=self._generator)]
        assert self.pixels is not None and self.labels is not None
        rows = rows.to(self.device)
        return self.pixels[rows].float().div(255.0), self.labels[rows]

    def _take(self) -> None:
        pixels, labels = next(self._new)
        if self.pixels is None or self.labels is None:
            self.pixels, self.labels = (
                torch.empty(
                    (self.config.size, *part.shape[1:]),
                    dtype=part.dtype,
                    device=self.device,
                )
                for part in (pixels, labels)
            )
        places = torch.arange(self.count, self.count + len(labels)) % self.config.size
        places = places.to(self.device)
        self.pixels[places] = pixels.to(self.device)
        self.labels[places] = labels.to(self.device)
        self.count += len(labels)
