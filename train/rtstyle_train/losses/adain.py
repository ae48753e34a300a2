"""Compute AdaIN's content loss on its own target and style loss at four layers."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from rtstyle.networks.adain import feature_moments


def adain_content_loss(decoded: Tensor, target: Tensor) -> Tensor:
    """Return how far the picture's features are from the decoder's input.

    Args:
        decoded: Features at relu4_1 of the stylized pictures, ``(N, C, H, W)``.
        target: AdaIN's output, the decoder's input; same shape.

    Returns:
        A scalar: 0 when the decoder inverts the encoder.

    Source:
        Huang and Belongie 2017, equation 12, as a mean of squares.
    """
    return F.mse_loss(decoded, target)


def adain_style_loss(
    decoded: Mapping[str, Tensor], style: Mapping[str, Tensor]
) -> Tensor:
    """Return how far means and deviations of the features are from the style's.

    Args:
        decoded: Features of the stylized pictures by layer, ``(N, C, H, W)`` each.
        style: Features of the style pictures; height and width may differ.

    Returns:
        A scalar, the sum over the layers: 0 for equal moments.

    Source:
        Huang and Belongie 2017, equation 13, as means of squares.
    """
    terms = []
    for layer, features in decoded.items():
        moments, target = feature_moments(features), feature_moments(style[layer])
        terms.append(F.mse_loss(moments.mean, target.mean))
        terms.append(F.mse_loss(moments.deviation, target.deviation))
    return torch.stack(terms).sum()
