"""Hold two frames with the flow between them, and warp along it."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from rtstyle_streams.protocols import LUMA


@dataclass(frozen=True, slots=True)
class MotionPair:
    """A frame, the next one, and the motion between them."""

    prev: Tensor
    """The photographs themselves, RGB ``(N, 3, H, W)``, 0..1."""
    cur: Tensor
    """The same photographs moved, brightened and with noise, ``(N, 3, H, W)``, 0..1."""
    flow_cur_to_prev: Tensor
    """``(N, 2, H, W)``, (dx, dy) in pixels: where each pixel of `cur` was."""
    mask: Tensor
    """``(N, 1, H, W)``, 1 where that place lies within `prev`, else 0."""
    luminance_change: Tensor
    """``(N, 1, H, W)``: change of luminance by brightness alone, without noise."""


LUMINANCE = LUMA["bt709"]
"""Weights of relative luminance for linear RGB; applied to 0..1 RGB as in ReCoNet."""


def luminance(pixels: Tensor) -> Tensor:
    """Return the relative luminance, ``0.2126 R + 0.7152 G + 0.0722 B``.

    Args:
        pixels: RGB or a difference of RGB, ``(N, 3, H, W)``, on the scale 0..1 (not
            after a loss network's normalisation).

    Returns:
        ``(N, 1, H, W)``.
    """
    red, green, blue = torch.unbind(pixels, dim=1)
    grey = LUMINANCE[0] * red + LUMINANCE[1] * green + LUMINANCE[2] * blue
    return grey[:, None]


def warp(prev: Tensor, flow_cur_to_prev: Tensor) -> Tensor:
    """Warp the previous picture or features to the present frame, bilinearly.

    Args:
        prev: ``(N, C, H, W)``.
        flow_cur_to_prev: ``(N, 2, H, W)``, (dx, dy) in pixels of `prev`.

    Returns:
        ``(N, C, H, W)``; pixels from outside repeat the edge.
    """
    height, width = prev.shape[2:]
    x, y = _looked_up(flow_cur_to_prev)
    grid = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], dim=-1)
    return F.grid_sample(
        prev, grid.to(prev.dtype), padding_mode="border", align_corners=False
    )


def inside(flow_cur_to_prev: Tensor) -> Tensor:
    """Return 1 where the flow points into the picture, else 0: ``(N, 1, H, W)``."""
    height, width = flow_cur_to_prev.shape[2:]
    x, y = _looked_up(flow_cur_to_prev)
    within = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    return within[:, None].to(flow_cur_to_prev.dtype)


def _looked_up(flow_cur_to_prev: Tensor) -> tuple[Tensor, Tensor]:
    """Return column and line to which each pixel's flow points, ``(N, H, W)`` each."""
    height, width = flow_cur_to_prev.shape[2:]
    device, dtype = flow_cur_to_prev.device, flow_cur_to_prev.dtype
    columns = torch.arange(width, device=device, dtype=dtype)
    lines = torch.arange(height, device=device, dtype=dtype)
    return flow_cur_to_prev[:, 0] + columns, flow_cur_to_prev[:, 1] + lines[:, None]
