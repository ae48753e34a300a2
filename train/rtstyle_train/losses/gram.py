"""Style as the correlations between feature channels."""

import torch
from torch import Tensor


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
    n, c, h, w = features.shape
    flat = features.reshape(n, c, h * w)
    flat = flat if flat.dtype == torch.float64 else flat.float()
    return flat @ flat.transpose(1, 2) / (h * w)


def gram_matrix_with_mean(features: Tensor) -> Tensor:
    """Return the Gram matrix of the features and a channel of ones.

    The additional row holds the channel means, so that a linear map with a bias
    (`widen`) of the features acts on the matrix.

    Args:
        features: Shape ``(N, C, H, W)``.

    Returns:
        Shape ``(N, C + 1, C + 1)``, float32 or float64.
    """
    gram = gram_matrix(features)
    mean = features.to(gram.dtype).mean(dim=(2, 3))[:, :, None]
    one = torch.ones_like(mean[:, :1])
    top = torch.cat([gram, mean], dim=2)
    return torch.cat([top, torch.cat([mean.transpose(1, 2), one], dim=2)], dim=1)


def style_loss(stylized: Tensor, style: Tensor, widen: Tensor | None = None) -> Tensor:
    """Return the squared distance of two Gram matrices, relative to the style's own.

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
        that every layer counts alike.
    """
    if widen is not None:
        stylized = widen @ stylized @ widen.T
        style = widen @ style @ widen.T
    distance = (stylized - style).square().sum(dim=(1, 2))
    return (distance / style.square().sum(dim=(1, 2)).clamp_min(1e-12)).mean()
