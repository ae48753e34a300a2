"""Penalise the regular patterns that a strided head leaves at every second pixel."""

import math

import torch
from torch import Tensor

FREQUENCIES = (
    *((0.5, 0.0), (0.0, 0.5), (0.5, 0.5)),
    *((0.25, 0.0), (0.0, 0.25), (0.25, 0.25), (0.25, -0.25), (0.25, 0.5), (0.5, 0.25)),
)
"""Cycles per pixel, down and across, of all grids with periods of 2 and 4 pixels:
lines, hatching and dots."""
WINDOW = 16
"""Side of the squares within which a pattern counts as a grid, in pixels."""


def grid_loss(pixels: Tensor) -> Tensor:
    """Return the energy of regular patterns with periods of 2 and 4 pixels.

    Strokes have such frequencies too, but their phase varies within a square.

    Args:
        pixels: Shape ``(N, C, H, W)``, at least `WINDOW` pixels to a side.

    Returns:
        A scalar: the mean squared amplitude, summed over `FREQUENCIES`. Except at the
        squares' borders, it does not change when the picture moves by a pixel.

    Source:
        Ours; the artefact is that of Odena et al. 2016, "Deconvolution and
        Checkerboard Artifacts".
    """
    down, across = (side // WINDOW for side in pixels.shape[2:])
    whole = pixels[:, :, : down * WINDOW, : across * WINDOW]
    n, c = pixels.shape[:2]
    squares = whole.reshape(n, c, down, WINDOW, across, WINDOW)
    flat = squares.transpose(3, 4).reshape(-1, WINDOW**2)
    amplitudes = flat @ _waves(pixels.device, pixels.dtype)
    energy: Tensor = amplitudes.square().mean(dim=0).sum()
    return energy


def _waves(device: torch.device, dtype: torch.dtype) -> Tensor:
    """Return the patterns as columns of weights that average over a square.

    A square holds whole periods, so a pattern looks the same in all of them.

    Returns:
        Shape ``(WINDOW * WINDOW, K)``.
    """
    across = torch.arange(WINDOW, device=device, dtype=dtype)
    waves = []
    for by_line, by_column in FREQUENCIES:
        phase = 2 * math.pi * (by_line * across[:, None] + by_column * across)
        is_quarter = 0.25 in (abs(by_line), abs(by_column))
        waves += [phase.cos(), phase.sin()] if is_quarter else [phase.cos()]
    return torch.stack(waves).flatten(1).T / WINDOW**2
