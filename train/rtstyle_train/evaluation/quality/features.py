"""What a loss network says: how much content is left, how much style is there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from rtstyle.networks.pixels import to_batch
from rtstyle_streams.frame import Pixels
from rtstyle_train.loss_networks import VggFeatures
from rtstyle_train.losses.gram import (
    covariance_loss,
    gram_matrix_with_mean,
    style_loss,
)

AREA_SCALE = 4
"""By which a picture is reduced before its areas are compared."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the loss network saw in one picture."""

    content: Tensor
    """Normalised features of the content layer, ``(1, C, h, w)``."""
    grams: Mapping[str, Tensor]
    """Gram matrices of the style layers, ``(1, C + 1, C + 1)`` each."""
    areas: Mapping[str, Tensor]
    """The same of the picture at a quarter of its size."""


class FeatureJudge:
    """Content and style loss of finished pictures under one loss network."""

    def __init__(
        self, vgg: VggFeatures, *, content_layer: str, style_layers: Sequence[str]
    ) -> None:
        """Take a loss network.

        Args:
            vgg: Held out, or the one that was trained on; then it flatters.
            content_layer: Such as ``relu3_1``.
            style_layers: Their losses are averaged.

        Raises:
            ConfigError: it has no such layer.
        """
        vgg.check((content_layer, *style_layers))
        self.vgg = vgg
        self.content_layer = content_layer
        self.style_layers = tuple(style_layers)

    @torch.inference_mode()
    def see(self, pixels: Pixels) -> Seen:
        """Look at a picture, RGB ``(H, W, 3)`` uint8, at least 64 pixels a side."""
        tensor = to_batch(pixels)
        found = self.vgg(tensor, {self.content_layer, *self.style_layers})
        grams = self._grams(found)
        small = F.avg_pool2d(tensor, AREA_SCALE)
        areas = self._grams(self.vgg(small, self.style_layers))
        return Seen(_normalised(found[self.content_layer].float()), grams, areas)

    def _grams(self, seen: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {name: gram_matrix_with_mean(seen[name]) for name in self.style_layers}

    def content(self, stylized: Seen, content: Seen) -> float:
        """Return the mean squared distance of normalised features.

        Each channel has mean 0 and variance 1, so that changed light and colour cost
        nothing: 0 for equal pictures, 2 for unrelated ones.
        """
        return float((stylized.content - content.content).square().mean())

    def style(self, stylized: Seen, painting: Seen) -> float:
        """Return the relative Gram distance, averaged over the layers.

        0 for equal statistics, 1 for a black picture.

        Source:
            Johnson et al. 2016, equation 4; see `losses.gram.style_loss`.
        """
        losses = [
            style_loss(stylized.grams[n], painting.grams[n], self.vgg.widen.get(n))
            if n in self.vgg.widen
            else style_loss(
                stylized.grams[n][:, :-1, :-1], painting.grams[n][:, :-1, :-1]
            )
            for n in self.style_layers
        ]
        return float(torch.stack(losses).mean())

    def areas(self, stylized: Seen, painting: Seen) -> float:
        """Return the relative distance of what is large, averaged over the layers.

        Of covariances and means apart, at a quarter of the size: Gram matrices of the
        whole hardly see whether a painting's colours stand in its areas or in fringes
        along edges. 0 for equal statistics, 1 for a black picture.
        """
        losses = [
            covariance_loss(stylized.areas[n], painting.areas[n], self.vgg.widen.get(n))
            for n in self.style_layers
        ]
        return float(torch.stack(losses).mean())


def _normalised(features: Tensor) -> Tensor:
    mean = features.mean(dim=(2, 3), keepdim=True)
    variance = features.var(dim=(2, 3), keepdim=True, unbiased=False)
    return (features - mean) * (variance + 1e-5).rsqrt()
