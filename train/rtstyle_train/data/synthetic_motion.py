"""Two frames of a video from one still photograph, with flow that is exactly known."""

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from rtstyle_train.data.motion import MotionPair, inside, luminance, warp

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


NOISE_TILE = 64
"""Side of the noise that is drawn and repeated over a picture, in pixels."""
MOTION_DRAWS = ("amount", "angle", "zoom", "gain", "sigma", "shift", "nodes", "noise")
"""Names of what `draw_motion` gives."""


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
    drawn = draw_motion(images.shape[0], generator)
    return move(images, {name: value.to(images) for name, value in drawn.items()})


def draw_motion(num_pairs: int, generator: torch.Generator) -> dict[str, Tensor]:
    """Draw all that `move` leaves to chance, on the CPU, whatever the size.

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
def move(images: Tensor, drawn: Mapping[str, Tensor]) -> MotionPair:
    """Return `images` and what they become by a drawn motion.

    Args:
        images: RGB, shape ``(N, 3, H, W)``, 0..1.
        drawn: Of `draw_motion`, on the device of `images`.
    """
    height, width = images.shape[2:]
    flow = smooth_flow(drawn, height=height, width=width)
    gain = 1.0 + BRIGHTNESS * drawn["gain"][:, None]
    moved = warp(images, flow)
    brighter = (gain * moved).clamp(0.0, 1.0)
    sigma = NOISE * drawn["sigma"][:, None].abs()
    tiles = -(-height // NOISE_TILE), -(-width // NOISE_TILE)
    noise = drawn["noise"].repeat(1, *tiles)[:, :height, :width]
    cur = (brighter + sigma * noise).clamp(0.0, 1.0)
    change = luminance(brighter - moved)
    return MotionPair(images, cur, flow, inside(flow), change)


def smooth_flow(drawn: Mapping[str, Tensor], *, height: int, width: int) -> Tensor:
    """Return a smooth, invertible motion for each picture.

    Returns:
        ``(N, 2, H, W)``, (dx, dy) in pixels.
    """
    side = min(height, width)
    nodes = BEND * side * drawn["nodes"]
    bend = F.interpolate(nodes, (height, width), mode="bicubic")
    affine = _affine_flow(drawn, height, width)
    return drawn["amount"][:, None].square() * (affine + bend)


def _affine_flow(drawn: Mapping[str, Tensor], height: int, width: int) -> Tensor:
    """Return the flow of a turn, a zoom and a shift about the centre."""
    angle = ROTATION * drawn["angle"]
    zoom = 1.0 + ZOOM * drawn["zoom"]
    shift = SHIFT * min(height, width) * drawn["shift"]
    device, dtype = angle.device, angle.dtype
    x = torch.arange(width, device=device, dtype=dtype) - (width - 1) / 2
    lines = torch.arange(height, device=device, dtype=dtype)
    y = (lines - (height - 1) / 2)[:, None]
    cos, sin = zoom * angle.cos(), zoom * angle.sin()
    turned = torch.stack([cos * x - sin * y, sin * x + cos * y], dim=1)
    still = torch.stack([x.expand(height, width), y.expand(height, width)])
    return turned - still + shift
