"""Compute the roughness of a picture and how far it leaves 0..1."""

import torch.nn.functional as F
from torch import Tensor


def total_variation(pixels: Tensor) -> Tensor:
    """Return the mean squared difference of neighbouring pixels.

    Args:
        pixels: Shape ``(N, C, H, W)``, 0..1.

    Returns:
        A scalar that does not depend on the size of the picture.

    Source:
        Johnson et al. 2016, section 3.2, as a mean instead of a sum.
    """
    across = (pixels[..., :, 1:] - pixels[..., :, :-1]).square().mean()
    down = (pixels[..., 1:, :] - pixels[..., :-1, :]).square().mean()
    return across + down


def range_loss(pixels: Tensor) -> Tensor:
    """Return the mean squared distance of pixels from 0..1.

    Args:
        pixels: Any shape, meant to be 0..1.

    Returns:
        A scalar: 0 if every value is within 0..1.
    """
    return (F.relu(-pixels) + F.relu(pixels - 1.0)).square().mean()
