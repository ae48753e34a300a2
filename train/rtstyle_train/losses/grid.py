"""Patterns that a head with strides leaves behind: the same at every second pixel."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

FREQUENCIES = ((0.5, 0.0), (0.0, 0.5), (0.5, 0.5), (0.25, 0.0), (0.0, 0.25))
"""Cycles per pixel, down and across, of grids with periods of 2 and 4 pixels."""
WINDOW = 16
"""Side of the squares within which a pattern counts as a grid, in pixels."""


def grid_loss(pixels: Tensor) -> Tensor:
    """Return the energy of regular patterns with periods of 2 and 4 pixels.

    Strokes have such frequencies too, but do not keep in step over a whole square.

    Args:
        pixels: Shape ``(N, C, H, W)``, at least `WINDOW` pixels to a side.

    Returns:
        A scalar: the mean squared amplitude, summed over `FREQUENCIES`. It does not
        change when the picture is moved by a pixel, but for the squares' borders.

    Source:
        Ours; the artefact is that of Odena et al. 2016, "Deconvolution and
        Checkerboard Artifacts".
    """
    height, width = pixels.shape[-2:]
    down = torch.arange(height, device=pixels.device, dtype=pixels.dtype)[:, None]
    across = torch.arange(width, device=pixels.device, dtype=pixels.dtype)
    total = pixels.new_zeros(())
    for by_line, by_column in FREQUENCIES:
        phase = 2 * math.pi * (by_line * down + by_column * across)
        waves = [phase.cos()] if 0.25 not in (by_line, by_column) else []
        waves = waves or [phase.cos(), phase.sin()]
        for wave in waves:
            amplitude = F.avg_pool2d(pixels * wave, WINDOW)
            total = total + amplitude.square().mean()
    return total
