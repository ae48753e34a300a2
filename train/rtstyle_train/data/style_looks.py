"""Style pictures that are measured once: a few looks at each, kept in memory."""

import math
from collections.abc import Callable, Sequence

import cv2
import numpy as np
import torch
from torch import Tensor

from rtstyle_streams.frame import Pixels
from rtstyle_train.data.content_images import LEAST_CONTRAST, MOST_DRAWS
from rtstyle_train.data.style_pictures import draw_recolouring, recolour

Measured = dict[str, Tensor]
"""What is known of one look, each with one row."""
LEAST_SHARE = 0.55
"""Smallest share of a picture's height and width that a look shows."""
LONGEST = 1.5
"""Sides of a look: the longer one at most this many times the shorter."""


class StyleLooks:
    """Crops of style pictures, each measured when it is first asked for.

    A look is most of a picture, at a size of its own, a share of them in other colours;
    it depends on seed, picture and number alone.
    """

    def __init__(
        self,
        pictures: Sequence[Pixels],
        measure: Callable[[Tensor], Measured],
        *,
        seed: int,
        groups: Sequence[str] | None = None,
        looks: int = 3,
        sides: tuple[int, ...] = (208, 448),
        recolour_share: float = 0.0,
    ) -> None:
        """Keep the pictures.

        Args:
            pictures: RGB, shape ``(H, W, 3)``, uint8, any sizes.
            measure: Takes RGB ``(1, 3, h, w)``, 0..1.
            seed: Of the training.
            groups: Whose each picture is; all groups are drawn alike often. None: each
                picture is a group.
            looks: At each picture.
            sides: Shortest and longest short side of a look, in pixels.
            recolour_share: Of looks whose colours are changed, but the first ones.
        """
        self.pictures, self.measure, self.seed = list(pictures), measure, seed
        self.num_looks, self.sides = looks, sides
        self.recolour_share = recolour_share
        self.groups: dict[str, list[int]] = {}
        for number in range(len(self.pictures)):
            name = groups[number] if groups else str(number)
            self.groups.setdefault(name, []).append(number)
        self._members = list(self.groups.values())
        self._measured: dict[tuple[int, int], Measured] = {}

    def draw(self, random: np.random.Generator) -> tuple[int, int]:
        """Draw a group, a picture of it, and a look: numbers of the latter two."""
        members = self._members[int(random.integers(len(self._members)))]
        picture = members[int(random.integers(len(members)))]
        return picture, int(random.integers(self.num_looks))

    def measured(self, picture: int, look: int) -> Measured:
        """Return what `measure` says of a look; it is asked once."""
        found = self._measured.get((picture, look))
        if found is None:
            found = self.measure(self.look(picture, look))
            self._measured[picture, look] = found
        return found

    def look(self, picture: int, look: int) -> Tensor:
        """Return a look: RGB, shape ``(1, 3, h, w)``, 0..1; the same for the same."""
        random = np.random.default_rng((self.seed, picture, look))
        for _ in range(MOST_DRAWS):
            cut = self._cut(self.pictures[picture], random)
            if int(cut.max()) - int(cut.min()) >= LEAST_CONTRAST:
                break
        pixels = torch.from_numpy(cut).permute(2, 0, 1)[None].float().div(255.0)
        share = self.recolour_share if look else 0.0
        drawn = draw_recolouring(
            1, share=share, seed=self.seed + picture, step=7919 + look
        )
        return recolour(pixels, drawn)

    def _cut(self, image: Pixels, random: np.random.Generator) -> Pixels:
        """Cut most of a picture and bring it to a size within `sides`."""
        share = random.uniform(LEAST_SHARE, 1.0)
        height, width = (max(1, int(share * side)) for side in image.shape[:2])
        shorter = min(height, width)
        height, width = (min(side, int(shorter * LONGEST)) for side in (height, width))
        top = int(random.integers(image.shape[0] - height + 1))
        left = int(random.integers(image.shape[1] - width + 1))
        least, most = math.log(min(self.sides)), math.log(max(self.sides))
        scale = math.exp(random.uniform(least, most)) / min(height, width)
        size = [max(64, round(side * scale)) for side in (width, height)]
        kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        cut = image[top : top + height, left : left + width]
        return np.asarray(cv2.resize(cut, size, interpolation=kind), np.uint8)
