"""Paint by whitening and colouring features: closed form, nothing is learnt."""

from collections.abc import Mapping

import torch
from torch import Tensor

from rtstyle_train.errors import ConfigError
from rtstyle_train.methods.autoencoders import Autoencoder, to_multiple

SMALLEST = 1e-5
"""Eigenvalues below are dropped: such directions hold rounding errors alone."""


def whiten_and_colour(content: Tensor, style: Tensor, *, alpha: float = 1.0) -> Tensor:
    """Give content features the mean and the covariance of style features.

    Args:
        content: Shape ``(1, C, H, W)``.
        style: Shape ``(1, C, h, w)``.
        alpha: 0 keeps the content's features, 1 takes all of the style's statistics.

    Returns:
        Shape ``(1, C, H, W)``, a new tensor of the content's type. Where the content
        varies in fewer directions than the style, the covariance is the style's in
        those.

    Source:
        Li et al. 2017, "Universal Style Transfer via Feature Transforms", equations 2
        to 4; computed in float64, covariances divided by the number of places less 1.
    """
    flat, goal = (x[0].flatten(1).double() for x in (content, style))
    mean, goal_mean = (x.mean(dim=1, keepdim=True) for x in (flat, goal))
    own, vectors = _principal(flat - mean)
    whitened = vectors @ ((vectors.T @ (flat - mean)) * own.rsqrt()[:, None])
    wanted, axes = _principal(goal - goal_mean)
    coloured = axes @ ((axes.T @ whitened) * wanted.sqrt()[:, None]) + goal_mean
    blended = alpha * coloured + (1.0 - alpha) * flat
    return blended.reshape(content.shape).to(content.dtype)


class Wct:
    """Paints pictures after one painting, level by level from the deepest.

    Source:
        Li et al. 2017, section 3.3 (multi-level) and equation 5 (alpha).
    """

    def __init__(
        self,
        networks: Mapping[int, Autoencoder],
        painting: Tensor,
        *,
        alpha: float = 0.6,
    ) -> None:
        """Measure the painting.

        Args:
            networks: By level; all of them are used.
            painting: RGB, shape ``(1, 3, H, W)``, 0..1.
            alpha: As in `whiten_and_colour`, at each level.

        Raises:
            ConfigError: alpha is not within 0..1.
            TrainError: the painting is too small.
        """
        if not 0 <= alpha <= 1:
            raise ConfigError(f"alpha: expected 0..1, got {alpha:g}")
        self.alpha = alpha
        self.levels = [networks[level] for level in sorted(networks, reverse=True)]
        painting = to_multiple(painting, 1)
        with torch.no_grad():
            self.styles = [level.encode(painting) for level in self.levels]

    @torch.no_grad()
    def __call__(self, pixels: Tensor) -> Tensor:
        """Return the painted picture.

        Args:
            pixels: RGB, shape ``(1, 3, H, W)``, 0..1; not changed.

        Returns:
            RGB, same shape, 0..1.

        Raises:
            TrainError: it is too small.
        """
        height, width = pixels.shape[-2:]
        x = to_multiple(pixels, max(level.stride for level in self.levels))
        for level, style in zip(self.levels, self.styles, strict=True):
            features = whiten_and_colour(level.encode(x), style, alpha=self.alpha)
            x = level.decode(features).clamp(0, 1)
        return x[:, :, :height, :width]


def _principal(centred: Tensor) -> tuple[Tensor, Tensor]:
    """Return variances above `SMALLEST`, shape ``(k,)``, and axes, ``(C, k)``."""
    covariance = centred @ centred.T / max(1, centred.shape[1] - 1)
    values, vectors = torch.linalg.eigh(covariance)
    kept = values > SMALLEST
    return values[kept], vectors[:, kept]
