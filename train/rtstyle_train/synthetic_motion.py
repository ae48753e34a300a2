"""Two frames of a video from one still photograph, with flow that is exactly known."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from rtstyle_train.motion import MotionPair, inside, luminance, warp

ROTATION = math.radians(4.0)
"""Largest turn, either way."""
ZOOM = 0.06
"""Largest change of size, as a share, either way."""
SHIFT = 0.05
"""Largest shift, as a share of the picture's side, either way."""
BEND = 0.012
"""Standard deviation of the smooth warp's nodes, as a share of the side."""
BEND_NODES = 5
"""Nodes of the smooth warp along each side."""
NOISE = 0.02
"""Largest standard deviation of sensor noise, of 0..1."""
BRIGHTNESS = 0.05
"""Largest change of brightness, as a share, either way."""


def make_pair(images: Tensor, generator: torch.Generator) -> MotionPair:
    """Move photographs by a random affine map and a smooth warp.

    The amount of motion is drawn for each photograph, small ones more often (the
    square of a uniform number), so that near-still scenes are learnt as well.

    Args:
        images: RGB, shape ``(N, 3, H, W)``, 0..1.
        generator: A CPU generator; the pair depends on nothing else.

    Returns:
        Tensors on the device and of the type of `images`; no gradient.

    Source:
        Losses on known synthetic motion: Wang et al. 2020 (compound regularisation);
        the ranges are ours.
    """
    with torch.no_grad():
        flow = random_flow(images, generator)
        gain = 1.0 + BRIGHTNESS * _uniform(images, generator, (1, 1, 1))
        moved = warp(images, flow)
        brighter = (gain * moved).clamp(0.0, 1.0)
        sigma = NOISE * _uniform(images, generator, (1, 1, 1)).abs()
        cur = (brighter + sigma * _noise(images, generator)).clamp(0.0, 1.0)
        change = luminance(brighter - moved)
        return MotionPair(images, cur, flow, inside(flow), change)


def random_flow(images: Tensor, generator: torch.Generator) -> Tensor:
    """Draw one smooth, invertible motion for each picture.

    Returns:
        ``(N, 2, H, W)``, (dx, dy) in pixels, for pictures of the size of `images`.
    """
    n, _, height, width = images.shape
    amount = _uniform(images, generator, (1, 1, 1)).square()
    affine = _affine_flow(images, generator)
    side = min(height, width)
    nodes = torch.randn(n, 2, BEND_NODES, BEND_NODES, generator=generator)
    bend = F.interpolate(
        (BEND * side * nodes).to(images), (height, width), mode="bicubic"
    )
    return amount * (affine + bend)


def _affine_flow(images: Tensor, generator: torch.Generator) -> Tensor:
    """Return the flow of a turn, a zoom and a shift about the centre."""
    height, width = images.shape[2:]
    angle = ROTATION * _uniform(images, generator, (1, 1))
    zoom = 1.0 + ZOOM * _uniform(images, generator, (1, 1))
    side = min(height, width)
    shift = SHIFT * side * _uniform(images, generator, (2, 1, 1))
    x = torch.arange(width).to(images) - (width - 1) / 2
    y = (torch.arange(height).to(images) - (height - 1) / 2)[:, None]
    cos, sin = zoom * angle.cos(), zoom * angle.sin()
    turned = torch.stack([cos * x - sin * y, sin * x + cos * y], dim=1)
    still = torch.stack([x.expand(height, width), y.expand(height, width)])
    return turned - still + shift


def _uniform(
    like: Tensor, generator: torch.Generator, shape: tuple[int, ...]
) -> Tensor:
    """Draw from -1..1, one block of `shape` for each picture."""
    drawn = torch.rand(like.shape[0], *shape, generator=generator)
    return (2.0 * drawn - 1.0).to(like)


def _noise(images: Tensor, generator: torch.Generator) -> Tensor:
    """Draw standard normal noise where the pictures are."""
    seed = int(torch.randint(2**62, (1,), generator=generator))
    there = torch.Generator(images.device).manual_seed(seed)
    return torch.randn(
        images.shape, generator=there, device=images.device, dtype=images.dtype
    )
