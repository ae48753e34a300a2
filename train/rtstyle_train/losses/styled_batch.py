"""Perceptual losses of a batch in which each picture has a style of its own."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from rtstyle_train.config.adain import AdainConfig
from rtstyle_train.data.motion import luminance
from rtstyle_train.loss_networks import VggFeatures
from rtstyle_train.losses.content import content_loss, structure_loss
from rtstyle_train.losses.gram import gram_matrix_with_mean, style_distances
from rtstyle_train.losses.grid import grid_loss
from rtstyle_train.losses.perceptual import HEADROOM, reduced
from rtstyle_train.losses.total_variation import range_loss, total_variation


class StyledBatchLoss(nn.Module):
    """`PerceptualLoss` of a batch in which each picture has a style of its own.

    Source:
        Ghiasi et al. 2017, section 3.1; terms and scales as in `PerceptualLoss`.
    """

    def __init__(self, config: AdainConfig, vgg: VggFeatures) -> None:
        super().__init__()
        vgg.check((*config.content_layers, *config.style_layers))
        self.config = config
        for layer in config.style_layers:
            if layer in vgg.widen:
                self.register_buffer(f"widen_{layer}", vgg.widen[layer])
        is_narrow = config.loss_precision == "bf16"
        vgg = vgg.to(torch.bfloat16 if is_narrow else torch.float32)
        self.vgg = vgg.to(memory_format=torch.channels_last)

    @torch.no_grad()
    def measure(self, paintings: Tensor) -> dict[str, Tensor]:
        """Return what the styles of paintings are compared by.

        Args:
            paintings: RGB, shape ``(N, 3, h, w)``, 0..1.

        Returns:
            By scale and layer a Gram matrix with means, ``(N, C + 1, C + 1)``.
        """
        found: dict[str, Tensor] = {}
        for scale in self.config.scales:
            layers = style_layers_at(self.config, scale)
            seen = self.vgg(reduced(paintings, scale), layers)
            for layer in layers:
                found[target_name(layer, scale)] = gram_matrix_with_mean(seen[layer])
        return found

    def forward(
        self, stylized: Tensor, content: Tensor, targets: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """Return the weighted terms.

        Args:
            stylized: What the network made, shape ``(N, 3, H, W)``, not clamped.
            content: The photographs, same shape, 0..1.
            targets: Of `measure`, each picture's style.
        """
        config = self.config
        shown = stylized.clamp(-HEADROOM, 1 + HEADROOM)
        kept, style_terms = [], []
        for scale in config.scales:
            near, layers = (
                content_layers_at(config, scale),
                style_layers_at(config, scale),
            )
            seen = self.vgg(reduced(shown, scale), {*near, *layers})
            if near:
                kept += self._content_terms(seen, reduced(content, scale), near)
            of_scale = [self._style_term(seen[n], targets, n, scale) for n in layers]
            style_terms.append(torch.stack(of_scale).mean())
        terms = {
            "content": config.content_weight * torch.stack(kept).mean(),
            "style": config.style_weight * torch.stack(style_terms).sum(),
            "tv": config.tv_weight * total_variation(stylized),
            "range": config.range_weight * range_loss(stylized),
        }
        if config.grid_weight:
            terms["grid"] = config.grid_weight * grid_loss(stylized)
        if config.tone_weight:
            coarse = max(config.scales)
            pair = [luminance(reduced(x, coarse)) for x in (shown, content)]
            terms["tone"] = config.tone_weight * structure_loss(*pair)
        return terms

    def _content_terms(
        self, seen: Mapping[str, Tensor], content: Tensor, layers: Sequence[str]
    ) -> list[Tensor]:
        is_normalised = self.config.content == "normalised"
        distance = structure_loss if is_normalised else content_loss
        with torch.no_grad():
            wanted = self.vgg(content, layers)
        return [distance(seen[layer], wanted[layer]) for layer in layers]

    def _style_term(
        self, seen: Tensor, targets: Mapping[str, Tensor], layer: str, scale: int
    ) -> Tensor:
        buffers = dict(self.named_buffers(recurse=False))
        return style_distances(
            gram_matrix_with_mean(seen),
            targets[target_name(layer, scale)],
            buffers.get(f"widen_{layer}"),
            kind=self.config.style,
            growth=self.config.style_growth,
        ).mean()


def target_name(layer: str, scale: int) -> str:
    """Return the name of what is compared at a layer and a scale."""
    return f"{layer}_{scale}"


def style_layers_at(config: AdainConfig, scale: int) -> tuple[str, ...]:
    """Return the style layers that look at pictures reduced by `scale`.

    All, where there is one scale. Else those up to relu3, and at half size relu3 and
    relu4, which there see shapes twice as large: half of what all layers cost at full
    size.
    """
    if len(config.scales) == 1:
        return config.style_layers
    first, last = ("relu3", "relu4") if scale == 2 else ("relu1", "relu3")
    return tuple(n for n in config.style_layers if first <= n[: len("relu1")] <= last)


def content_layers_at(config: AdainConfig, scale: int) -> tuple[str, ...]:
    """Return the content layers that look at pictures reduced by `scale`.

    Those at full size, but from relu4 on at half size where that is looked at.
    """
    if 2 not in config.scales:
        return config.content_layers if scale == 1 else ()
    kept = [n for n in config.content_layers if (n < "relu4") == (scale == 1)]
    return tuple(kept) if scale in (1, 2) else ()
