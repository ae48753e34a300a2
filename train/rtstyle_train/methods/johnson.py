"""Perceptual losses for a feed-forward network, one painting or many at once."""

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rtstyle.networks import SWIFT_SIZES, JohnsonNet, SwiftNet
from rtstyle.networks.normalisation import FrozenNorm
from rtstyle.networks.swift import SwiftConfig, mirrored_edges, stylize_padded
from rtstyle_train.config import TrainConfig
from rtstyle_train.data import Photos
from rtstyle_train.errors import ConfigError
from rtstyle_train.loss_networks import VggFeatures
from rtstyle_train.losses.content import content_loss, structure_loss
from rtstyle_train.losses.gram import (
    batch_means,
    covariance_loss,
    gram_matrix_with_mean,
    style_loss,
)
from rtstyle_train.losses.grid import grid_loss
from rtstyle_train.losses.temporal import temporal_terms
from rtstyle_train.losses.total_variation import range_loss, total_variation
from rtstyle_train.motion import luminance
from rtstyle_train.synthetic_motion import MOTION_DRAWS, draw_motion, move

HEADROOM = 0.05
"""How far outside 0..1 the loss network may see a pixel."""
JITTER = 8
"""Pixels by which the loss window moves, so that strides do not lock to pooling."""


def make_network(config: TrainConfig) -> SwiftNet | JohnsonNet:
    """Build the transform net of a recipe, with weights from its seed.

    Raises:
        ConfigError: no network has that name.
    """
    torch.manual_seed(config.seed)
    if config.network == "johnson":
        if len(config.styles) > 1:
            raise ConfigError("network johnson: expected one painting, got several")
        return JohnsonNet()
    if config.network not in SWIFT_SIZES:
        raise ConfigError(
            f"network: expected johnson, {', '.join(SWIFT_SIZES)}, "
            f"got {config.network!r}"
        )
    base = SWIFT_SIZES[config.network]
    return SwiftNet(
        SwiftConfig(
            channels=base.channels,
            blocks=base.blocks,
            deep_channels=base.deep_channels,
            separable=base.separable,
            norm=config.norm,
            head=config.head,
            num_styles=max(1, len(config.styles)),
            padding=config.padding,
        )
    )


class PerceptualLoss(nn.Module):
    """Content, style, total-variation and range loss of Johnson's method, and tone.

    Style is looked at in several sizes: what is a fringe along an edge and what is an
    area differ from afar only. Tone asks that light areas stay light and dark ones
    dark, whatever their colour.

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
                seen = [vgg.float()(reduced(p, scale), layers) for p in paintings]
            for layer in layers:
                rows = torch.cat([gram_matrix_with_mean(x[layer]) for x in seen])
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
            stylized: What the network made, shape ``(N, 3, H, W)``, not clamped.
            content: The photographs, same shape, 0..1.
            style: Row of each picture's painting, shape ``(N,)``, int64.
        """
        config = self.config
        shown = stylized.clamp(-HEADROOM, 1 + HEADROOM)
        tones, style_terms = [], []
        for scale in config.scales:
            near = config.content_layers if scale == 1 else ()
            small = reduced(shown, scale)
            seen = self.vgg(small, {*near, *style_layers_at(config, scale)})
            style_terms.append(self._style_terms(seen, style, scale=scale))
            if scale == 1:
                kept = self._content(seen, content)
            else:
                wanted = luminance(reduced(content, scale))
                tones.append(structure_loss(luminance(small), wanted))
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

    def _content(self, seen: Mapping[str, Tensor], content: Tensor) -> Tensor:
        """Return the mean content loss over its layers."""
        is_normalised = self.config.content == "normalised"
        distance = structure_loss if is_normalised else content_loss
        layers = self.config.content_layers
        with torch.no_grad():
            wanted = self.vgg(content, layers)
        far = [distance(seen[layer], wanted[layer]) for layer in layers]
        return torch.stack(far).mean()

    def _style_terms(
        self, seen: Mapping[str, Tensor], style: Tensor, *, scale: int
    ) -> Tensor:
        """Return the mean style loss of one scale over its layers."""
        weights = dict(zip(self.config.style_layers, self.weights, strict=True))
        terms = [
            weights[layer] * self._style_term(seen[layer], layer, style, scale=scale)
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
    """Return the style layers that look at pictures reduced by `scale`.

    Below full size those up to relu3 do: deeper ones would see a few pixels.
    """
    if scale == 1:
        return config.style_layers
    return tuple(n for n in config.style_layers if n[: len("relu3")] <= "relu3")


def reduced(pictures: Tensor, scale: int) -> Tensor:
    """Return the means of cells of ``scale x scale`` pixels; what is over is cut."""
    return pictures if scale == 1 else F.avg_pool2d(pictures, scale)


def loss_window(
    config: TrainConfig, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Return which lines and columns of a batch the loss network looks at.

    The window is `JITTER` pixels smaller than the batch and moves from step to step;
    one time in four it is everything, borders included.

    Returns:
        Their numbers, int64.
    """
    top, left, whole = torch.randint(0, JITTER + 1, (3,), generator=generator).tolist()
    if whole < 2:
        return torch.arange(config.size), torch.arange(config.size)
    side = torch.arange(config.size - JITTER)
    return top + side, left + side


class ImageStyle:
    """Learns paintings from photographs: one step's losses.

    A network that sees where its picture ends fills a frame there with the colours that
    the painting has more of. So it sees a crop with what is around it and no zeros
    beyond, and what it makes of a crop that ends, as in use, is to be the same.
    """

    def __init__(
        self, config: TrainConfig, loss: PerceptualLoss, photos: Photos
    ) -> None:
        """Put together what is learnt.

        Args:
            config: Of the training.
            loss: Of its paintings.
            photos: Cut with the margin of `config`.
        """
        self.config = config
        self.loss = loss
        self.photos = photos

    def begin(self, network: nn.Module, step: int) -> int:
        """Freeze what a recipe freezes from this step on; return 1 then, else 0."""
        if step < self.config.freeze_after:
            return 0
        for module in network.modules():
            if isinstance(module, FrozenNorm):
                module.freeze()
        return 1

    def inputs(self, *, step: int, rank: int) -> dict[str, Tensor]:
        """Draw photographs, styles, window and motion of a step, on the CPU."""
        config = self.config
        generator = torch.Generator().manual_seed(config.seed + 1_000_003 * step + rank)
        lines, columns = loss_window(config, generator)
        # styles take turns, so that every batch holds as many as it can
        first = (step * config.batch_size) % max(1, len(config.styles))
        rows = torch.arange(first, first + config.batch_size)
        drawn = self.photos.draw(config.batch_size, seed=config.seed + rank, step=step)
        inputs = {
            "photos": drawn,
            "style": rows % max(1, len(config.styles)),
            "lines": lines,
            "columns": columns,
        }
        if config.temporal_weight:
            motion = draw_motion(max(1, config.batch_size // 2), generator)
            inputs |= {f"motion_{name}": value for name, value in motion.items()}
        return inputs

    def terms(
        self, network: nn.Module, inputs: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """Return the weighted terms of a step.

        Args:
            network: The transform net.
            inputs: Of `inputs`, on its device.
        """
        config, style = self.config, inputs["style"]
        around = self.photos.cut(inputs["photos"])
        around = around.contiguous(memory_format=torch.channels_last)
        inner = slice(config.margin, config.margin + config.size)
        content = around[:, :, inner, inner]
        content = content.contiguous(memory_format=torch.channels_last)
        with mirrored_edges(network):
            stylized = network(around, style)[:, :, inner, inner]
        window = [(x, inputs["lines"], inputs["columns"]) for x in (stylized, content)]
        seen = [x.index_select(2, down).index_select(3, to) for x, down, to in window]
        terms: dict[str, Tensor] = self.loss(*seen, style)
        if config.border_weight:
            few = slice(max(1, config.batch_size // 4))
            ending = self._ending(network, content[few], style[few])
            change = F.mse_loss(ending, stylized[few].detach())
            terms["border"] = config.border_weight * change
        if config.temporal_weight:
            motion = {n: inputs[f"motion_{n}"] for n in MOTION_DRAWS}
            half = motion["amount"].shape[0]
            both = style[:half].repeat(2)
            terms |= temporal_terms(
                lambda moved: self._ending(network, moved, both),
                move(content[:half], motion),
                output_weight=config.temporal_weight,
            )
        return terms

    def _ending(self, network: nn.Module, pixels: Tensor, style: Tensor) -> Tensor:
        """Stylize pictures that end where they end, as in use."""
        padding = 0 if self.config.network == "johnson" else self.config.padding
        return stylize_padded(network, pixels, style, padding=padding)

    def losses(
        self, network: nn.Module, *, step: int, rank: int, device: torch.device
    ) -> dict[str, Tensor]:
        """Return the weighted terms of one step; the same for the same step."""
        self.begin(network, step)
        inputs = self.inputs(step=step, rank=rank)
        return self.terms(network, {n: t.to(device) for n, t in inputs.items()})
