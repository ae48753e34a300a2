"""Compare a stylized crop with its painting, place by place, or by likeness."""

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rtstyle_train.config.frames import FramesConfig
from rtstyle_train.loss_networks import VggFeatures
from rtstyle_train.losses.gram import gram_matrix_with_mean, style_distances

HEADROOM = 0.05
"""How far outside 0..1 a pixel may be for the loss network."""
PAINTED = 0.95
"""Share of a crop from which on its own painting's statistics are wanted."""
LIKENESS_LAYERS = ("relu2_1", "relu3_1")
"""Layers by which crops of similar content are found."""


def pixel_loss(stylized: Tensor, painted: Tensor, share: Tensor) -> Tensor:
    """Return the mean absolute difference of what is painted.

    Args:
        stylized: Shape ``(N, 3, H, W)``.
        painted: Same shape.
        share: How far each pixel counts, ``(N, 1, H, W)``, 0..1.

    Returns:
        A scalar: 0 for equal pictures, and where nothing is painted.

    Source:
        Texler et al. 2020, section 3.1, the L1 term; the share is ours.
    """
    difference = share * (stylized - painted).abs()
    return difference.mean(dim=1).sum() / share.sum().clamp_min(1.0)


def feature_loss(stylized: Tensor, painted: Tensor, share: Tensor) -> Tensor:
    """Return the mean absolute difference of features, relative to the painting's.

    Args:
        stylized: Features, shape ``(N, C, h, w)``, any float type.
        painted: Same shape; no gradient.
        share: How far each pixel of the picture counts, ``(N, 1, H, W)``, 0..1.

    Returns:
        A scalar, float32: 0 for equal features, 1 for none.

    Source:
        Johnson et al. 2016, equation 2, with absolute values, relative.
    """
    small = F.adaptive_avg_pool2d(share, (painted.shape[-2], painted.shape[-1])).to(
        painted.dtype
    )
    wide = torch.promote_types(painted.dtype, torch.float32)
    difference = (small * (stylized - painted).abs()).sum(dtype=wide)
    scale = (small * painted.abs()).sum(dtype=wide)
    return difference / scale.clamp_min(1e-3)


class PaintedLoss(nn.Module):
    """Pixels, features and, where no painting is known, statistics of one alike.

    Statistics are those of the painted crop whose content is most similar: those of a
    whole painting would put a bit of everything everywhere.
    """

    def __init__(
        self,
        config: FramesConfig,
        vgg: VggFeatures,
        contents: Sequence[Tensor],
        paintings: Sequence[Tensor],
    ) -> None:
        """Measure painted crops.

        Args:
            config: Layers and weights.
            vgg: The loss network.
            contents: Crops of frames, RGB ``(1, 3, H, W)``, 0..1, at least one.
            paintings: The same crops of their paintings.
        """
        super().__init__()
        self.layers = {*config.feature_layers, *config.style_layers}
        vgg.check({*self.layers, *LIKENESS_LAYERS})
        self.config = config
        for layer, triangle in vgg.widen.items():
            self.register_buffer(f"widen_{layer}", triangle)
        is_narrow = config.loss_precision == "bf16"
        self.vgg = vgg.to(torch.bfloat16 if is_narrow else torch.float32)
        self.vgg = self.vgg.to(memory_format=torch.channels_last)
        self.likeness: Tensor
        self.spread: Tensor
        with torch.no_grad():
            seen = torch.cat([self._likeness_of(x) for x in contents])
            grams: dict[str, list[Tensor]] = {n: [] for n in config.style_layers}
            for painting in paintings:
                features = self.vgg(painting, config.style_layers)
                for name in config.style_layers:
                    grams[name].append(gram_matrix_with_mean(features[name]))
        self.register_buffer("likeness", seen)
        spread = seen.std(dim=0, correction=0) + 0.05 * seen.abs().mean() + 1e-6
        self.register_buffer("spread", spread)
        for name, rows in grams.items():
            self.register_buffer(f"style_{name}", torch.cat(rows))

    def forward(
        self, stylized: Tensor, inputs: Mapping[str, Tensor], *, content: Tensor
    ) -> dict[str, Tensor]:
        """Return the weighted terms.

        Args:
            stylized: Crops, shape ``(N, 3, H, W)``, not clamped.
            inputs: ``target`` and ``share`` of all rows.
            content: The crops before they are stylized, shape ``(N, 3, H, W)``.
        """
        config = self.config
        target, share = inputs["target"], inputs["share"]
        shown = stylized.clamp(-HEADROOM, 1 + HEADROOM)
        features = self.vgg(shown, self.layers)
        with torch.no_grad():
            expected = self.vgg(target, self.layers)
        far = [
            feature_loss(features[name], expected[name], share)
            for name in config.feature_layers
        ]
        terms = {
            "pixels": config.pixel_weight * pixel_loss(stylized, target, share),
            "features": config.feature_weight * torch.stack(far).mean(),
        }
        if config.style_weight:
            is_painted = share.mean(dim=(1, 2, 3)) > PAINTED
            style = self._style(features, expected, is_painted, content)
            terms["style"] = config.style_weight * style
        return terms

    def nearest(self, content: Tensor) -> Tensor:
        """Return the painted crop with the most similar content for each crop.

        Args:
            content: RGB, shape ``(N, 3, H, W)``, 0..1.

        Returns:
            Rows, shape ``(N,)``, int64.
        """
        seen = (self._likeness_of(content) - self.likeness.mean(dim=0)) / self.spread
        known = (self.likeness - self.likeness.mean(dim=0)) / self.spread
        return torch.cdist(seen, known).argmin(dim=1)

    def _likeness_of(self, content: Tensor) -> Tensor:
        """Return the mean features of crops, float32, ``(N, D)``."""
        with torch.no_grad():
            found = self.vgg(content, LIKENESS_LAYERS)
        means = [found[name].float().mean(dim=(2, 3)) for name in LIKENESS_LAYERS]
        return torch.cat(means, dim=1)

    def _style(
        self,
        features: Mapping[str, Tensor],
        expected: Mapping[str, Tensor],
        is_painted: Tensor,
        content: Tensor,
    ) -> Tensor:
        """Return the mean style loss over its layers.

        Args:
            features: Of stylized crops.
            expected: Of their paintings.
            is_painted: Whether those are known, ``(N,)``; else the statistics are
                those of the painted crop of most similar content.
            content: The crops before.
        """
        rows = self.nearest(content)
        buffers = dict(self.named_buffers(recurse=False))
        far = []
        for name in self.config.style_layers:
            with torch.no_grad():
                own = gram_matrix_with_mean(expected[name])
                known = is_painted[:, None, None]
                wanted = torch.where(known, own, self.get_buffer(f"style_{name}")[rows])
            distances = style_distances(
                gram_matrix_with_mean(features[name]),
                wanted,
                buffers.get(f"widen_{name}"),
                kind="covariance",
                growth="log",
            )
            far.append(distances.mean())
        return torch.stack(far).mean()
