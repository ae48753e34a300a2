"""Pairs of pictures in two folders: before and after a teacher painted them."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from rtstyle_streams.frame import Pixels
from rtstyle_train.data.photo_store import BUDGET_BYTES, PhotoStore
from rtstyle_train.errors import TrainError


class TeacherPairs:
    """Crops of both at the same place, at their own size and unchanged.

    They are not mirrored: strokes have a direction. A batch is a function of seed and
    step alone, so that a resumed training sees what an uninterrupted one would see.
    """

    def __init__(
        self,
        before: Path,
        after: Path,
        *,
        size: int,
        budget_bytes: int = BUDGET_BYTES,
    ) -> None:
        """Look at the pictures.

        Args:
            before: Folder of content images.
            after: Folder of what the teacher made of them, under the same names.
            size: Side of the crops, in pixels.
            budget_bytes: Of decoded pictures that are kept in memory.

        Raises:
            TrainError: names or sizes differ, or no pair is large enough.
        """
        self.size = size
        half = budget_bytes // 2
        self.before, self.after = (
            PhotoStore(folder, smallest=size, budget_bytes=half)
            for folder in (before, after)
        )
        names = [[p.stem for p in store.paths] for store in (self.before, self.after)]
        if names[0] != names[1]:
            odd = sorted(set(names[0]) ^ set(names[1]))
            raise TrainError(
                f"{after}: expected a picture for each of {before}, "
                f"got {odd[0] if odd else 'others'} in one alone"
            )
        shapes = zip(self.before.shapes, self.after.shapes, strict=True)
        for path, (one, other) in zip(self.after.paths, shapes, strict=True):
            if one != other:
                raise TrainError(
                    f"{path}: expected {one[1]}x{one[0]} pixels as before it was "
                    f"painted, got {other[1]}x{other[0]}"
                )

    def __len__(self) -> int:
        """Return how many pairs there are."""
        return len(self.before)

    def batch(self, count: int, *, seed: int, step: int) -> tuple[Tensor, Tensor]:
        """Return crops before and after, RGB ``(count, 3, size, size)``, 0..1."""
        random = np.random.default_rng((seed, step))
        drawn = [self._draw(random) for _ in range(count)]
        before, after = (self._cut(store, drawn) for store in (self.before, self.after))
        return before, after

    def _draw(self, random: np.random.Generator) -> tuple[int, int, int]:
        number = int(random.integers(len(self)))
        height, width = self.before.shapes[number]
        top = int(random.integers(height - self.size + 1))
        left = int(random.integers(width - self.size + 1))
        return number, top, left

    def _cut(self, store: PhotoStore, drawn: list[tuple[int, int, int]]) -> Tensor:
        crops: list[Pixels] = [
            store[number][top : top + self.size, left : left + self.size]
            for number, top, left in drawn
        ]
        batch = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2)
        return batch.to(torch.float32).div_(255.0)
