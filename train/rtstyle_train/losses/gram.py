"""Compare styles by the correlations between feature channels."""

from typing import Any, Literal

import torch
from torch import Tensor

Kind = Literal["gram", "covariance"]
"""Whether Gram matrices are compared, or covariances and means apart."""
Growth = Literal["linear", "log"]
"""How a distance counts; see `style_distances`."""


class _Gram(torch.autograd.Function):
    """Computes `gram_matrix` and channel means; the gradient is one product.

    The gradient is computed in the features' own type. Autograd would keep the features
    in float32 and make four more passes over them: for bfloat16 features that was a
    quarter of a training step on a CPU.
    """

    @staticmethod
    def forward(ctx: Any, flat: Tensor) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(flat)
        wide = flat if flat.dtype == torch.float64 else flat.float()
        return wide.mT @ wide / flat.shape[1], wide.mean(dim=1)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        (flat,) = ctx.saved_tensors
        of_gram, of_mean = (grad / flat.shape[1] for grad in grads)
        both = (of_gram + of_gram.mT).to(flat.dtype)
        return torch.baddbmm(of_mean[:, None].to(flat.dtype), flat, both)


def _gram_and_mean(features: Tensor) -> tuple[Tensor, Tensor]:
    """Return `gram_matrix` and the means, shape ``(N, C)``."""
    gram, mean = _Gram.apply(features.flatten(2).mT)
    return gram, mean


def gram_matrix(features: Tensor) -> Tensor:
    """Return the correlations of all pairs of channels, averaged over the picture.

    Args:
        features: Shape ``(N, C, H, W)``, any float type.

    Returns:
        Shape ``(N, C, C)``, float32 or float64; symmetric, positive semi-definite.

    Source:
        Gatys et al. 2016, equation 3, divided by ``H * W`` so that it does not
        depend on the size of the picture.
    """
    return _gram_and_mean(features)[0]


def gram_matrix_with_mean(features: Tensor) -> Tensor:
    """Return the Gram matrix of the features with an additional channel of ones.

    The additional row holds the channel means, so that a linear map with bias (`widen`)
    of the features can be applied to the matrix.

    Args:
        features: Shape ``(N, C, H, W)``.

    Returns:
        Shape ``(N, C + 1, C + 1)``, float32 or float64.
    """
    gram, mean = _gram_and_mean(features)
    mean = mean[:, :, None]
    one = torch.ones_like(mean[:, :1])
    top = torch.cat([gram, mean], dim=2)
    return torch.cat([top, torch.cat([mean.transpose(1, 2), one], dim=2)], dim=1)


def batch_means(grams: Tensor, style: Tensor) -> Tensor:
    """Replace each Gram matrix by the mean over its style in the batch.

    Args:
        grams: Shape ``(N, C, C)``.
        style: Number of each picture's style, shape ``(N,)``.

    Returns:
        Same shape; equal for pictures of one style.
    """
    same = (style[:, None] == style).to(grams)
    share = same / same.sum(dim=1, keepdim=True)
    return torch.einsum("nm,mcd->ncd", share, grams)


def style_loss(stylized: Tensor, style: Tensor, widen: Tensor | None = None) -> Tensor:
    """Return the squared distance of two Gram matrices, relative to the style's norm.

    Args:
        stylized: Gram matrices of the stylized pictures, shape ``(N, C, C)``.
        style: Gram matrices of the style images, same shape.
        widen: Upper triangle R, shape ``(C, C)``; compares ``R G R^T`` instead of G.
            With R from the QR decomposition of a map from narrow to wide features
            this is the loss of the wide features at the cost of the narrow ones.

    Returns:
        A scalar, the mean over the batch: 0 for equal, 1 for a black picture.

    Source:
        Johnson et al. 2016, equation 4, divided by the style's own squared norm so
        that all layers count equally.
    """
    return style_distances(stylized, style, widen).mean()


def covariance_loss(
    stylized: Tensor, style: Tensor, widen: Tensor | None = None
) -> Tensor:
    """Return the mean of the relative squared distances of covariances and of means.

    In a Gram matrix the means outweigh the variation around them: a picture in the
    painting's average colour is close to it. Here the variation counts as much.

    Args:
        stylized: Matrices from `gram_matrix_with_mean`, shape ``(N, C + 1, C + 1)``.
        style: Matrices of the style images, same shape.
        widen: As in `style_loss`, of shape ``(C + 1, C + 1)``.

    Returns:
        A scalar, the mean over the batch: 0 for equal, 1 for a black picture.

    Source:
        `style_loss` with the matrix split into covariance and means.
    """
    return style_distances(stylized, style, widen, kind="covariance").mean()


def style_distances(
    stylized: Tensor,
    style: Tensor,
    widen: Tensor | None = None,
    *,
    kind: Kind = "gram",
    growth: Growth = "linear",
) -> Tensor:
    """Return `style_loss` or `covariance_loss` of each picture by itself.

    Args:
        stylized: As in the loss.
        style: As in the loss.
        widen: As in the loss.
        kind: Which of the two.
        growth: How a relative distance x counts: as it is, or as ``log(1 + x)``,
            whose gradient has a bound however small the style's own norm is. (With the
            square root of x, which has none, single flat styles broke a training.)

    Returns:
        Shape ``(N,)``.
    """
    if kind == "covariance":
        pairs = list(zip(_apart(stylized, widen), _apart(style, widen), strict=True))
    elif widen is not None:
        pairs = [(widen @ stylized @ widen.T, widen @ style @ widen.T)]
    else:
        pairs = [(stylized, style)]
    found = torch.stack([_relative(one, other) for one, other in pairs])
    if growth == "log":
        found = found.log1p()
    return found.mean(dim=0)


def _relative(one: Tensor, other: Tensor) -> Tensor:
    """Return the squared distance over the squared norm of `other`, shape ``(N,)``."""
    distance = (one - other).square().sum(dim=(1, 2))
    return distance / other.square().sum(dim=(1, 2)).clamp_min(1e-12)


def _apart(grams: Tensor, widen: Tensor | None) -> tuple[Tensor, Tensor]:
    """Split Gram matrices into covariance and means, widened."""
    mean = grams[:, :, -1:]
    covariance = grams - mean @ mean.mT
    if widen is None:
        return covariance, mean[:, :-1]
    return widen @ covariance @ widen.T, widen @ mean
