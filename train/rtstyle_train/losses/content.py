"""Compute how far the stylized picture's features are from the content image's."""

import torch
import torch.nn.functional as F
from torch import Tensor

FLAT = 1e-3
"""Added to variances; channels below it count as flat. Features usually have variances
near 1, luminance of 0.1 and less, so that its pale areas count less."""


def content_loss(stylized: Tensor, content: Tensor) -> Tensor:
    """Return the squared feature distance, relative to the content's own variance.

    Dividing by the variance makes the weight independent of the loss network's scale
    (0..1 or 0..255 input, normalised or not).

    Args:
        stylized: Features of the stylized pictures, shape ``(N, C, H, W)``.
        content: Features of the content images, same shape.

    Returns:
        A scalar: 0 for equal features, about 1 if they are lost entirely.

    Source:
        Johnson et al. 2016, equation 2; the division is ours.
    """
    difference = _mean_square(stylized - content)
    with torch.no_grad():
        spread = content - content.mean(dtype=torch.float32).to(content.dtype)
        variance = _mean_square(spread)
    return difference / variance.clamp_min(1e-12)


def structure_loss(stylized: Tensor, content: Tensor) -> Tensor:
    """Return the squared distance between features after normalising each channel.

    Each channel of each picture is scaled to mean 0 and variance 1, so that colours and
    contrasts may be the painting's.

    Args:
        stylized: Features of the stylized pictures, shape ``(N, C, H, W)``.
        content: Features of the content images, same shape.

    Returns:
        A scalar: 0 for equal features, 2 for unrelated ones.

    Source:
        Huang and Belongie 2017, equation 8, without the style's statistics.
    """
    pair = [F.instance_norm(x, eps=FLAT) for x in (stylized, content)]
    return _mean_square(pair[0] - pair[1])


def _mean_square(values: Tensor) -> Tensor:
    """Return the mean square, summed in float32 or wider, in one pass."""
    kind = torch.promote_types(values.dtype, torch.float32)
    norm: Tensor = torch.linalg.vector_norm(values, dtype=kind)
    return norm.square() / values.numel()
