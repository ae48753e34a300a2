"""Content images: cropped at random, the same for the same step."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import cv2
import numpy as np
import torch
from torch import Tensor

from rtstyle.networks.pixels import to_batch
from rtstyle_streams.errors import SourceError
from rtstyle_streams.frame import Pixels
from rtstyle_streams.pictures.picture_file import read_picture
from rtstyle_train.data.photo_store import BUDGET_BYTES, PhotoStore, PicturesInMemory
from rtstyle_train.errors import TrainError

LEAST_CONTRAST = 6
"""Levels of 255 between the darkest and the lightest of a crop's bytes. Of one that is
flat, instance norms make gradients without bounds."""
MOST_DRAWS = 16
"""How often a crop is drawn until it is not flat."""
MOST_BROKEN = 1000
"""How many broken photographs may be drawn one after the other."""


class Crop(NamedTuple):
    """Which part of which photograph, and what is done to it."""

    image: int
    """Number of the photograph."""
    top: int
    """First line."""
    left: int
    """First column."""
    side: int
    """Lines and columns."""
    is_mirrored: bool
    """Whether left and right change places."""
    contrast: float
    """Factor of the distance from mid grey."""
    brightness: float
    """Added, of 0..255."""


class Photos(Protocol):
    """Where a training's content images come from: drawn here, cut where it is used."""

    margin: int
    """Pixels around each crop."""

    def draw(self, batch_size: int, *, seed: int, step: int) -> Tensor:
        """Return, on the CPU, what `cut` needs; the same for the same numbers."""
        ...

    def cut(self, drawn: Tensor) -> Tensor:
        """Return RGB ``(N, 3, side, side)``, float32, 0..1, where `drawn` is.

        The side is that of a crop and twice its margin.
        """
        ...


class ContentImages:
    """Photographs of a folder, decoded as they are needed.

    A batch is a function of seed and step alone: a resumed training sees what an
    uninterrupted one would have seen, whatever is in memory.
    """

    def __init__(
        self,
        folder: Path,
        *,
        size: int,
        smallest_crop: int = 96,
        margin: int = 0,
        budget_bytes: int = BUDGET_BYTES,
    ) -> None:
        """Look at the photographs.

        Args:
            folder: Of picture files.
            size: Side of the crops, in pixels.
            smallest_crop: Smallest side cut from a photograph, in its own pixels.
            margin: Pixels on each side of a crop that are cut with it, and what the
                photograph lacks there is mirrored; less than `size`.
            budget_bytes: Of decoded photographs that are kept in memory.

        Raises:
            TrainError: there is none of at least `smallest_crop` or, if that is less,
                `size` pixels, or the folder cannot be read.
        """
        self.size = size
        self.smallest_crop = smallest_crop
        self.margin = margin
        self.images: PhotoStore | PicturesInMemory = PhotoStore(
            folder, smallest=min(size, smallest_crop), budget_bytes=budget_bytes
        )

    def batch(self, batch_size: int, *, seed: int, step: int) -> Tensor:
        """Return random crops.

        Args:
            batch_size: How many.
            seed: Of the training.
            step: Of the training, from 0.

        Returns:
            RGB, shape ``(batch_size, 3, side, side)``, float32, 0..1, where a side is
            ``size + 2 * margin``.
        """
        crops = self.crops(batch_size, seed=seed, step=step)
        pixels = np.stack([self._cut(crop) for crop in crops])
        batch = torch.from_numpy(pixels).permute(0, 3, 1, 2)
        return batch.to(torch.float32).div_(255.0)

    def draw(self, batch_size: int, *, seed: int, step: int) -> Tensor:
        """Return `batch`: the CPU cuts at once."""
        return self.batch(batch_size, seed=seed, step=step)

    def cut(self, drawn: Tensor) -> Tensor:
        """Return what `draw` gave."""
        return drawn

    def crops(self, batch_size: int, *, seed: int, step: int) -> list[Crop]:
        """Draw the crops of a batch."""
        random = np.random.default_rng((seed, step))
        return [self._draw_what_shows(random) for _ in range(batch_size)]

    def _draw_what_shows(self, random: np.random.Generator) -> Crop:
        """Draw a crop that is not flat, where the photographs have some."""
        num_draws, num_broken = 0, 0
        while True:
            crop = self._draw(random)
            image = self.images.get(crop.image)
            if image is None:
                num_broken += 1
                if num_broken > MOST_BROKEN:
                    raise TrainError(
                        f"photographs: expected some that are whole, got {num_broken} "
                        "broken ones one after the other"
                    )
                continue
            num_draws += 1
            down, to = (slice(x, x + crop.side) for x in (crop.top, crop.left))
            every = max(1, crop.side // 24)
            seen = image[down, to][::every, ::every]
            is_flat = int(seen.max()) - int(seen.min()) < LEAST_CONTRAST
            if not is_flat or num_draws == MOST_DRAWS:
                return crop

    def _draw(self, random: np.random.Generator) -> Crop:
        number = int(random.integers(len(self.images)))
        height, width = self.images.shapes[number]
        shortest = min(height, width)
        side = int(random.integers(min(self.smallest_crop, shortest), shortest + 1))
        top = int(random.integers(height - side + 1))
        left = int(random.integers(width - side + 1))
        is_mirrored = bool(random.random() < 0.5)
        contrast, brightness = random.uniform(0.8, 1.2), random.uniform(-25, 25)
        return Crop(number, top, left, side, is_mirrored, contrast, brightness)

    def _cut(self, crop: Crop) -> Pixels:
        image = self.images[crop.image]
        around = round(self.margin * crop.side / self.size)
        top, left = crop.top - around, crop.left - around
        bottom, right = crop.top + crop.side + around, crop.left + crop.side + around
        cut = cv2.copyMakeBorder(
            image[max(0, top) : bottom, max(0, left) : right],
            max(0, -top),
            max(0, bottom - image.shape[0]),
            max(0, -left),
            max(0, right - image.shape[1]),
            cv2.BORDER_REFLECT_101,
        )
        kind = cv2.INTER_AREA if crop.side > self.size else cv2.INTER_LINEAR
        side = self.size + 2 * self.margin
        square = cv2.resize(cut, (side, side), interpolation=kind)
        if crop.is_mirrored:
            square = square[:, ::-1]
        centred = (square.astype(np.float32) - 127.5) * crop.contrast
        return np.asarray(
            np.clip(centred + (127.5 + crop.brightness), 0, 255), np.uint8
        )


class PicturesAsContent(ContentImages):
    """Pictures in memory as content: frames of a film, for instance."""

    def __init__(
        self, pictures: Sequence[Pixels], *, size: int, smallest_crop: int, margin: int
    ) -> None:
        """Keep pictures.

        Args:
            pictures: RGB, shape ``(H, W, 3)``, uint8, any sizes.
            size: As in `ContentImages`.
            smallest_crop: As there.
            margin: As there.
        """
        self.size, self.smallest_crop, self.margin = size, smallest_crop, margin
        self.images = PicturesInMemory(pictures)


def load_style_image(path: Path, *, short_side: int) -> Tensor:
    """Read a painting at the size at which its strokes are to appear.

    Args:
        path: A picture file.
        short_side: Height or width, whichever is smaller, in pixels.

    Returns:
        RGB, shape ``(1, 3, H, W)``, float32, 0..1.

    Raises:
        TrainError: the file is no picture or has fewer than 16 pixels to a side.
    """
    try:
        image, _ = read_picture(path)
    except SourceError as error:
        raise TrainError(str(error)) from error
    if min(image.shape[:2]) < 16:
        raise TrainError(
            f"{path}: expected a painting of at least 16x16 pixels, "
            f"got {image.shape[1]}x{image.shape[0]}"
        )
    scale = short_side / min(image.shape[:2])
    width, height = (round(side * scale) for side in (image.shape[1], image.shape[0]))
    kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    resized = cv2.resize(image, (width, height), interpolation=kind)
    return to_batch(np.asarray(resized, np.uint8))
