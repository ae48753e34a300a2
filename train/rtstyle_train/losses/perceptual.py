"""Compute the perceptual losses of a stylized batch for one or many paintings."""

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rtstyle_train.config.image import TrainConfig
from rtstyle_train.data.motion import luminance
from rtstyle_train.loss_networks import VggFeatures
from rtstyle_train.losses.content import content_loss, structure_loss
from rtstyle_train.losses.gram import (
    batch_means,
    covariance_loss,
    gram_matrix_with_mean,
    style_loss,
)
from rtstyle_train.losses.grid import grid_loss
from rtstyle_train.losses.total_variation import range_loss, total_variation

HEADROOM = 0.05
"""How far outside 0..1 a pixel may be for the loss network."""


class PerceptualLoss(nn.Module):
    """Content, style, total-variation, range and tone loss after Johnson's method.

    Style is compared at several sizes, because only at a small size do areas differ
    from fringes along edges. Tone keeps light areas light and dark areas dark,
    whatever their colour.

    Source:
        Johnson et al. 2016, section 3; several sizes as in the scale control of Gatys
        et al. 2017; relative terms, tone and weights in ``TrainConfig``: ours.
    """

    def __init__(
        self, config: TrainConfig, vgg: VggFeatures, paintings: Sequence[Tensor]
    ) -> None:
        """Measure the paintings.

        Args:
            config: Layers and weights.
            vgg: The loss network.
            paintings: One RGB tensor ``(1, 3, H, W)``, 0..1, for each style.
        """
        super().__init__()
        vgg.check({*config.content_layers, *config.style_layers})
        self.config = config
        self.weights = config.style_layer_weights or (1.0,) * len(config.style_layers)
        for scale in config.scales:
            layers = style_layers_at(config, scale)
            with torch.no_grad():
                features = [vgg.float()(reduced(p, scale), layers) for p in paintings]
            for layer in layers:
                rows = torch.cat([gram_matrix_with_mean(x[layer]) for x in features])
                self.register_buffer(f"style_{layer}_{scale}", rows)
        for layer, triangle in vgg.widen.items():
            self.register_buffer(f"widen_{layer}", triangle)
        is_narrow = config.loss_precision == "bf16"
        self.vgg = vgg.to(torch.bfloat16 if is_narrow else torch.float32)
        self.vgg = self.vgg.to(memory_format=torch.channels_last)

    def forward(
        self, stylized: Tensor, content: Tensor, style: Tensor
    ) -> dict[str, Tensor]:
        """Return the weighted terms; training minimises their sum.

        Args:
            stylized: The network's output, shape ``(N, 3, H, W)``, not clamped.
            content: The photographs, same shape, 0..1.
            style: Row of each picture's painting, shape ``(N,)``, int64.
        """
        config = self.config
        shown = stylized.clamp(-HEADROOM, 1 + HEADROOM)
        tones, style_terms = [], []
        for scale in config.scales:
            near = config.content_layers if scale == 1 else ()
            small = reduced(shown, scale)
            features = self.vgg(small, {*near, *style_layers_at(config, scale)})
            style_terms.append(self._style_terms(features, style, scale=scale))
            if scale == 1:
                kept = self._content(features, content)
            elif config.tone_weight:
                expected = luminance(reduced(content, scale))
                tones.append(structure_loss(luminance(small), expected))
        terms = {
            "content": config.content_weight * kept,
            "style": config.style_weight * torch.stack(style_terms).sum(),
            "tv": config.tv_weight * total_variation(stylized),
            "range": config.range_weight * range_loss(stylized),
            "grid": config.grid_weight * grid_loss(stylized),
        }
        if tones:
            terms["tone"] = config.tone_weight * torch.stack(tones).sum()
        return terms

    def _content(self, features: Mapping[str, Tensor], content: Tensor) -> Tensor:
        """Return the mean content loss over its layers."""
        is_normalised = self.config.content == "normalised"
        distance = structure_loss if is_normalised else content_loss
        layers = self.config.content_layers
        with torch.no_grad():
            expected = self.vgg(content, layers)
        far = [distance(features[layer], expected[layer]) for layer in layers]
        return torch.stack(far).mean()

    def _style_terms(
        self, features: Mapping[str, Tensor], style: Tensor, *, scale: int
    ) -> Tensor:
        """Return the mean style loss of one scale over its layers."""
        weights = dict(zip(self.config.style_layers, self.weights, strict=True))
        terms = [
            weights[layer]
            * self._style_term(features[layer], layer, style, scale=scale)
            for layer in style_layers_at(self.config, scale)
        ]
        return torch.stack(terms).mean()

    def _style_term(
        self, features: Tensor, layer: str, style: Tensor, *, scale: int
    ) -> Tensor:
        target = self.get_buffer(f"style_{layer}_{scale}")[style]
        has_widen = f"widen_{layer}" in dict(self.named_buffers(recurse=False))
        widen = self.get_buffer(f"widen_{layer}") if has_widen else None
        grams = gram_matrix_with_mean(features)
        share = self.config.batch_style
        distance = style_loss if self.config.style == "gram" else covariance_loss
        terms = []
        if share < 1:
            terms.append((1 - share) * distance(grams, target, widen))
        if share > 0:
            means = batch_means(grams, style)
            terms.append(share * distance(means, target, widen))
        return torch.stack(terms).sum()


def style_layers_at(config: TrainConfig, scale: int) -> tuple[str, ...]:
    """Return the style layers for pictures reduced by `scale`.

    Below full size only those up to relu3: deeper ones would have too few pixels.
    """
    if scale == 1:
        return config.style_layers
    return tuple(n for n in config.style_layers if n[: len("relu3")] <= "relu3")


def reduced(pictures: Tensor, scale: int) -> Tensor:
    """Return the means of cells of ``scale x scale`` pixels, without partial cells."""
    return pictures if scale == 1 else F.avg_pool2d(pictures, scale)
