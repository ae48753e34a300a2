"""Make two video frames from one photograph, with exactly known flow."""

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from rtstyle_train.data.motion import MotionPair, inside, luminance, warp

ROTATION = math.radians(4.0)
"""Largest rotation in either direction."""
ZOOM = 0.06
"""Largest change of size in either direction, as a share."""
SHIFT = 0.05
"""Largest shift in either direction, as a share of the picture's side."""
BEND = 0.012
"""Standard deviation of the smooth warp's nodes, as a share of the side."""
BEND_NODES = 5
"""Number of nodes of the smooth warp along each side."""
NOISE = 0.02
"""Largest standard deviation of sensor noise, on the scale 0..1."""
BRIGHTNESS = 0.05
"""Largest change of brightness in either direction, as a share."""


NOISE_TILE = 64
"""Side of the noise tile that is repeated over a picture, in pixels."""
MOTION_DRAWS = ("amount", "angle", "zoom", "gain", "sigma", "shift", "nodes", "noise")
"""Keys of what `draw_motion` returns."""


def make_pair(images: Tensor, generator: torch.Generator) -> MotionPair:
    """Move photographs by a random affine map and a smooth warp.

    The amount of motion is random for each photograph, and more often small (the
    square of a uniform number), so that nearly still scenes are learnt as well.

    Args:
        images: RGB, shape ``(N, 3, H, W)``, 0..1.
        generator: A CPU generator; the pair depends on nothing else.

    Returns:
        Tensors on the device and of the type of `images`; no gradient.

    Source:
        Losses on known synthetic motion: Wang et al. 2020 (compound regularisation);
        the ranges are ours.
    """
    draws = draw_motion(images.shape[0], generator)
    return move(images, {name: value.to(images) for name, value in draws.items()})


def draw_motion(num_pairs: int, generator: torch.Generator) -> dict[str, Tensor]:
    """Draw all random numbers for `move`, on the CPU, independent of the picture size.

    Returns:
        Uniform numbers in -1..1 under ``amount``, ``angle``, ``zoom``, ``gain``,
        ``sigma`` of shape ``(N, 1, 1)`` and ``shift`` of ``(N, 2, 1, 1)``; normal ones
        under ``nodes``, ``(N, 2, nodes, nodes)``, and ``noise``, ``(3, tile, tile)``.
    """

    def uniform(*shape: int) -> Tensor:
        return 2.0 * torch.rand(num_pairs, *shape, generator=generator) - 1.0

    scalars = {n: uniform(1, 1) for n in ("amount", "angle", "zoom", "gain", "sigma")}
    nodes = torch.randn(num_pairs, 2, BEND_NODES, BEND_NODES, generator=generator)
    noise = torch.randn(3, NOISE_TILE, NOISE_TILE, generator=generator)
    return scalars | {"shift": uniform(2, 1, 1), "nodes": nodes, "noise": noise}


@torch.no_grad()
def move(images: Tensor, draws: Mapping[str, Tensor]) -> MotionPair:
    """Return `images` and the same pictures after a drawn motion.

    Args:
        images: RGB, shape ``(N, 3, H, W)``, 0..1.
        draws: From `draw_motion`, on the device of `images`.
    """
    height, width = images.shape[2:]
    flow = smooth_flow(draws, height=height, width=width)
    gain = 1.0 + BRIGHTNESS * draws["gain"][:, None]
    moved = warp(images, flow)
    brighter = (gain * moved).clamp(0.0, 1.0)
    sigma = NOISE * draws["sigma"][:, None].abs()
    tiles = -(-height // NOISE_TILE), -(-width // NOISE_TILE)
    noise = draws["noise"].repeat(1, *tiles)[:, :height, :width]
    cur = (brighter + sigma * noise).clamp(0.0, 1.0)
    change = luminance(brighter - moved)
    return MotionPair(images, cur, flow, inside(flow), change)


def smooth_flow(draws: Mapping[str, Tensor], *, height: int, width: int) -> Tensor:
    """Return a smooth, invertible motion for each picture.

    Returns:
        ``(N, 2, H, W)``, (dx, dy) in pixels.
    """
    side = min(height, width)
    nodes = BEND * side * draws["nodes"]
    bend = F.interpolate(nodes, (height, width), mode="bicubic")
    affine = _affine_flow(draws, height, width)
    return draws["amount"][:, None].square() * (affine + bend)


def _affine_flow(draws: Mapping[str, Tensor], height: int, width: int) -> Tensor:
    """Return the flow of a rotation, a zoom and a shift about the centre."""
    angle = ROTATION * draws["angle"]
    zoom = 1.0 + ZOOM * draws["zoom"]
    shift = SHIFT * min(height, width) * draws["shift"]
    device, dtype = angle.device, angle.dtype
    x = torch.arange(width, device=device, dtype=dtype) - (width - 1) / 2
    lines = torch.arange(height, device=device, dtype=dtype)
    y = (lines - (height - 1) / 2)[:, None]
    cos, sin = zoom * angle.cos(), zoom * angle.sin()
    turned = torch.stack([cos * x - sin * y, sin * x + cos * y], dim=1)
    still = torch.stack([x.expand(height, width), y.expand(height, width)])
    return turned - still + shift
