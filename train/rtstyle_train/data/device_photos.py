"""Keep content images on a GPU and crop them there."""

import logging
import math
from collections.abc import Iterable

import cv2
import numpy as np
import torch
from torch import Tensor

from rtstyle_streams.frame import Pixels
from rtstyle_train.data.content_images import ContentImages, Photos

log = logging.getLogger(__name__)

DEVICE_BYTES = 4 << 30
"""Of decoded photographs that are put on a GPU; their smaller copies add a third."""


class DevicePhotos:
    """Cuts the crops of a `ContentImages` on a GPU; steps do not wait for the CPU.

    Every photograph is kept at full, half, quarter ... size; a crop is taken from the
    level that is at most twice too large, and resized bilinearly. The pixels differ
    slightly from those of `ContentImages.batch` (area and bilinear resizing).
    """

    def __init__(self, photos: ContentImages, device: torch.device) -> None:
        self.photos, self.size, self.margin = photos, photos.size, photos.margin
        shapes = [list(_halved(shape, photos.size)) for shape in photos.images.shapes]
        self._first = np.cumsum([0] + [len(image) for image in shapes])
        self._sizes = [shape for image in shapes for shape in image]
        ends = np.cumsum([0] + [3 * height * width for height, width in self._sizes])
        self._starts = ends
        self._data = torch.zeros(int(ends[-1]), dtype=torch.uint8, device=device)
        for number in range(len(photos.images)):
            image = photos.images.get(number)
            if image is None:  # broken: no crop is drawn of it
                continue
            first = self._first[number]
            for place, pixels in enumerate(_halvings(image, photos.size), start=first):
                flat = torch.from_numpy(np.array(pixels).ravel())  # a copy
                self._data[int(ends[place]) : int(ends[place + 1])] = flat.to(device)

    def draw(self, batch_size: int, *, seed: int, step: int) -> Tensor:
        """Return the parameters of the crops from `ContentImages.crops`.

        Returns:
            Shape ``(N, 9)``, float64: offset of the level's pixels, its height and
            width, the crop's top, left and side, 1 for mirrored, contrast, brightness.
        """
        rows = []
        for crop in self.photos.crops(batch_size, seed=seed, step=step):
            num_levels = self._first[crop.image + 1] - self._first[crop.image]
            ratio = max(1.0, crop.side / self.size)
            level = min(num_levels - 1, int(math.log2(ratio)))
            number = self._first[crop.image] + level
            height, width = self._sizes[number]
            full_height, full_width = self._sizes[self._first[crop.image]]
            scale = min(height / full_height, width / full_width)
            side = min(crop.side * scale, height, width)
            top = min(crop.top * scale, height - side)
            left = min(crop.left * scale, width - side)
            placed = (self._starts[number], height, width, top, left, side)
            rows.append((*placed, crop.is_mirrored, crop.contrast, crop.brightness))
        return torch.tensor(rows, dtype=torch.float64)

    def cut(self, crops: Tensor) -> Tensor:
        """Return the crops.

        Args:
            crops: From `draw`, on the device.

        Returns:
            RGB, shape ``(N, 3, side, side)``, float32, 0..1, channels last, where a
            side is ``size + 2 * margin``.
        """
        columns = crops[:, :, None, None].unbind(1)
        start, height, width = (c.long() for c in columns[:3])
        top, left, side, is_mirrored, contrast, brightness = (
            c.float() for c in columns[3:]
        )
        steps = torch.arange(
            -self.margin,
            self.size + self.margin,
            device=crops.device,
            dtype=torch.float32,
        )
        across = torch.where(is_mirrored > 0, self.size - 1 - steps, steps)
        x = left + (across + 0.5) * side / self.size - 0.5
        y = top + (steps[:, None] + 0.5) * side / self.size - 0.5
        x, y = _mirrored(x, width - 1), _mirrored(y, height - 1)
        x0, y0 = x.long(), y.long()
        fx, fy = (x - x0)[..., None], (y - y0)[..., None]
        right, below = (x0 < width - 1).long(), (y0 < height - 1).long()

        def at(line: Tensor, column: Tensor) -> Tensor:
            first = start + (line * width + column) * 3
            colours = torch.arange(3, device=crops.device)
            return self._data[first[..., None] + colours].float()

        upper = at(y0, x0) * (1 - fx) + at(y0, x0 + right) * fx
        lower = at(y0 + below, x0) * (1 - fx) + at(y0 + below, x0 + right) * fx
        pixels = upper * (1 - fy) + lower * fy
        changed = (pixels - 127.5) * contrast[..., None] + 127.5 + brightness[..., None]
        return (changed.clamp(0, 255) / 255).permute(0, 3, 1, 2)


def photos_on(device: torch.device, photos: ContentImages) -> Photos:
    """Return photographs that live on a GPU if that is one and they fit in there."""
    if device.type != "cuda":
        return photos
    num_bytes = photos.images.num_bytes
    if num_bytes > DEVICE_BYTES:
        log.info(
            "photographs take %.1f GB: the CPU decodes and cuts them as needed",
            num_bytes / 1e9,
        )
        return photos
    return DevicePhotos(photos, device)


def _halved(shape: tuple[int, int], size: int) -> Iterable[tuple[int, int]]:
    """Yield the sizes of what `_halvings` yields."""
    yield shape
    while min(shape) >= 2 * size:
        shape = (shape[0] // 2, shape[1] // 2)
        yield shape


def _mirrored(places: Tensor, last: Tensor) -> Tensor:
    """Return positions reflected at both ends into 0..last."""
    return last - (last - places.abs()).abs()


def _halvings(image: Pixels, size: int) -> Iterable[Pixels]:
    """Yield the picture and the halved copies from which to take crops of `size`."""
    yield image
    while min(image.shape[:2]) >= 2 * size:
        height, width = image.shape[:2]
        half = (width // 2, height // 2)
        image = np.asarray(
            cv2.resize(image, half, interpolation=cv2.INTER_AREA), np.uint8
        )
        yield image
