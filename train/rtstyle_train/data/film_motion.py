"""Motion of a film: pairs of consecutive frames, with the flow between them."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from rtstyle.metrics.motion import InputMotion
from rtstyle_streams.frame import Pixels
from rtstyle_train.data.motion import MotionPair, luminance, warp
from rtstyle_train.data.synthetic_motion import draw_motion, move

LEAST_VISIBLE = 0.3
"""Share of a pair's pixels that can be followed; pairs with less teach nothing."""
SMOOTHED = 15
"""Side of the square over which a change of light is averaged, in pixels: less is
noise."""


class Motion(Protocol):
    """Where a training's pairs of frames come from: drawn here, made where it is used.

    Names of what is drawn begin with ``motion_``.
    """

    def draw(self, num_pairs: int, generator: torch.Generator) -> dict[str, Tensor]:
        """Return, on the CPU, what `pair` needs; the same for the same generator."""
        ...

    def pair(self, content: Tensor, drawn: Mapping[str, Tensor]) -> MotionPair:
        """Return pairs, where `content`, ``(N, 3, H, W)``, 0..1, is."""
        ...


class SyntheticMotion:
    """Photographs that are moved: the flow is known exactly."""

    def draw(self, num_pairs: int, generator: torch.Generator) -> dict[str, Tensor]:
        """Return the numbers of `draw_motion`."""
        drawn = draw_motion(num_pairs, generator)
        return {f"motion_{name}": value for name, value in drawn.items()}

    def pair(self, content: Tensor, drawn: Mapping[str, Tensor]) -> MotionPair:
        """Return the first of `content`, and the same moved."""
        numbers = {n.removeprefix("motion_"): t for n, t in drawn.items()}
        return move(content[: len(numbers["amount"])], numbers)


class FilmMotion:
    """Crops of a film's own consecutive frames, with the flow found between them."""

    def __init__(self, pairs: Sequence[tuple[Pixels, Pixels]], *, size: int) -> None:
        """Find the flows.

        Args:
            pairs: Frames and those after them, RGB ``(H, W, 3)``, uint8, one size.
            size: Side of the crops, in pixels; smaller frames are enlarged to it.
        """
        self.size = size
        self.pairs = [
            found
            for prev, cur in pairs
            if (found := _traced(_at_least(prev, size), _at_least(cur, size)))
        ]

    def __len__(self) -> int:
        """Return how many pairs could be followed."""
        return len(self.pairs)

    def draw(self, num_pairs: int, generator: torch.Generator) -> dict[str, Tensor]:
        """Return crops of pairs at random places."""
        rows = [self._crop(generator) for _ in range(num_pairs)]
        names = ("motion_prev", "motion_cur", "motion_flow", "motion_mask")
        return {
            name: torch.cat([row[number] for row in rows])
            for number, name in enumerate(names)
        }

    def pair(self, content: Tensor, drawn: Mapping[str, Tensor]) -> MotionPair:
        """Return the crops; `content` is not looked at."""
        prev, cur = drawn["motion_prev"], drawn["motion_cur"]
        flow = drawn["motion_flow"]
        change = luminance(cur - warp(prev, flow))
        change = F.avg_pool2d(
            change, SMOOTHED, 1, SMOOTHED // 2, count_include_pad=False
        )
        return MotionPair(prev, cur, flow, drawn["motion_mask"], change)

    def _crop(self, generator: torch.Generator) -> tuple[Tensor, ...]:
        def below(limit: int) -> int:
            return int(torch.randint(limit, (1,), generator=generator))

        tensors = self.pairs[below(len(self.pairs))]
        height, width = tensors[0].shape[2:]
        top, left = below(height - self.size + 1), below(width - self.size + 1)
        down, to = slice(top, top + self.size), slice(left, left + self.size)
        prev, cur, flow, mask = (t[:, :, down, to].float() for t in tensors)
        columns = torch.arange(self.size) + flow[:, 0]
        lines = torch.arange(self.size)[:, None] + flow[:, 1]
        is_inside = (columns >= 0) & (columns <= self.size - 1)
        is_inside &= (lines >= 0) & (lines <= self.size - 1)
        return prev / 255.0, cur / 255.0, flow, mask * is_inside[:, None]


def _at_least(pixels: Pixels, side: int) -> Pixels:
    """Return a frame, enlarged if it is smaller than `side`."""
    scale = side / min(pixels.shape[:2])
    if scale <= 1:
        return pixels
    width, height = (max(side, round(scale * n)) for n in pixels.shape[1::-1])
    return np.asarray(cv2.resize(pixels, (width, height)), np.uint8)


def _traced(prev: Pixels, cur: Pixels) -> tuple[Tensor, ...] | None:
    """Return frames, flow (half precision) and mask; None across a cut."""
    motion = InputMotion()
    motion(cur)
    to_prev, visible = motion(prev)
    if visible.mean() < LEAST_VISIBLE:
        return None
    flow = torch.from_numpy(to_prev).permute(2, 0, 1)[None].half()
    mask = torch.from_numpy(visible)[None, None].half()
    frames = [torch.from_numpy(np.ascontiguousarray(f)) for f in (prev, cur)]
    return *(f.permute(2, 0, 1)[None] for f in frames), flow, mask
