"""Learns to stylize after any painting: targets are measured from each batch's own."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from rtstyle.networks.swift_adain import SwiftAdain, SwiftAdainConfig
from rtstyle_train.config.adain import AdainConfig
from rtstyle_train.config.image import JITTER
from rtstyle_train.data.content_images import Photos
from rtstyle_train.data.styled_batches import Pictures, StyledBatches
from rtstyle_train.loss_networks import VggFeatures
from rtstyle_train.losses.content import content_loss
from rtstyle_train.losses.gram import gram_matrix_with_mean, style_loss
from rtstyle_train.losses.grid import grid_loss
from rtstyle_train.losses.perceptual import HEADROOM
from rtstyle_train.losses.total_variation import range_loss, total_variation


def make_swift_adain(config: AdainConfig) -> SwiftAdain:
    """Build the light network of a recipe, with weights from its seed."""
    torch.manual_seed(config.seed)
    return SwiftAdain(
        SwiftAdainConfig(
            placement=config.placement, padding=config.padding, hidden=config.hidden
        )
    )


class LiveStyleLoss(nn.Module):
    """`PerceptualLoss` whose style targets are the pictures of the batch.

    Source:
        Ghiasi et al. 2017, section 3.1; relative terms as in `PerceptualLoss`.
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

    def forward(
        self, stylized: Tensor, content: Tensor, paintings: Tensor
    ) -> dict[str, Tensor]:
        """Return the weighted terms.

        Args:
            stylized: What the network made, shape ``(N, 3, H, W)``, not clamped.
            content: The photographs, same shape, 0..1.
            paintings: Each picture's style, shape ``(N, 3, h, w)``, 0..1.
        """
        config = self.config
        shown = stylized.clamp(-HEADROOM, 1 + HEADROOM)
        seen = self.vgg(shown, {*config.content_layers, *config.style_layers})
        with torch.no_grad():
            wanted = self.vgg(content, config.content_layers)
            styles = self.vgg(paintings, config.style_layers)
        content_terms = [
            content_loss(seen[n], wanted[n]) for n in config.content_layers
        ]
        style_terms = [
            self._style_term(seen[n], styles[n], n) for n in config.style_layers
        ]
        terms = {
            "content": config.content_weight * torch.stack(content_terms).mean(),
            "style": config.style_weight * torch.stack(style_terms).mean(),
            "tv": config.tv_weight * total_variation(stylized),
            "range": config.range_weight * range_loss(stylized),
        }
        if config.grid_weight:
            terms["grid"] = config.grid_weight * grid_loss(stylized)
        return terms

    def _style_term(self, seen: Tensor, style: Tensor, layer: str) -> Tensor:
        buffers = dict(self.named_buffers(recurse=False))
        with torch.no_grad():
            target = gram_matrix_with_mean(style)
        found = gram_matrix_with_mean(seen)
        return style_loss(found, target, buffers.get(f"widen_{layer}"))


class SwiftAdainStyle:
    """One step of the light network: photographs after themselves and after others."""

    def __init__(
        self, config: AdainConfig, loss: LiveStyleLoss, pictures: Pictures
    ) -> None:
        self.config = config
        self.loss = loss
        self.batches = StyledBatches(config, pictures)

    def begin(self, network: nn.Module, step: int) -> int:
        """Return the phase of training: there is one."""
        return 0

    def inputs(self, *, step: int, rank: int) -> dict[str, Tensor]:
        """Draw a step's pictures and the loss network's window, on the CPU."""
        seed = self.config.seed + rank + 1_000_003 * step
        generator = torch.Generator().manual_seed(seed)
        lines, columns = self._window(generator)
        drawn = self.batches.draw(step=step, rank=rank)
        return drawn | {"lines": lines, "columns": columns}

    def terms(
        self, network: nn.Module, inputs: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """Return the weighted terms of one step.

        Args:
            network: A `SwiftAdain`.
            inputs: Of `inputs`, on the network's device.
        """
        content, styles = self.batches.cut(inputs)
        stylized = network(content, styles)
        seen = [
            pictures.index_select(2, inputs["lines"]).index_select(3, inputs["columns"])
            for pictures in (stylized, content)
        ]
        terms: dict[str, Tensor] = self.loss(*seen, styles)
        if own := self.batches.num_self:
            change = (stylized[:own] - content[:own]).abs().mean()
            terms["identity"] = self.config.identity_weight * change
        return terms

    def _window(self, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return the lines and columns that the loss network sees.

        `JITTER` fewer than there are, from step to step others; one time in four all.
        """
        size = self.config.size
        top, left, whole = torch.randint(
            0, JITTER + 1, (3,), generator=generator
        ).tolist()
        if whole < 2:
            return torch.arange(size), torch.arange(size)
        side = torch.arange(size - JITTER)
        return top + side, left + side

    def losses(
        self, network: nn.Module, *, step: int, rank: int, device: torch.device
    ) -> dict[str, Tensor]:
        """Return the weighted terms of one step; the same for the same step."""
        drawn = self.inputs(step=step, rank=rank)
        return self.terms(network, {k: v.to(device) for k, v in drawn.items()})


@torch.no_grad()
def measure_neutral(
    network: SwiftAdain, photos: Photos, *, count: int, seed: int
) -> Tensor:
    """Return the mean modulation of photographs.

    Args:
        network: Trained; on the device of `photos`.
        photos: Where they come from.
        count: How many.
        seed: Which.

    Returns:
        Shape ``(M,)``.
    """
    parameter = next(network.parameters())
    total = torch.zeros(network.size, device=parameter.device)
    step, size = 0, 16
    while step * size < count:
        drawn = photos.draw(size, seed=seed, step=step)
        total += network.encoder(photos.cut(drawn.to(parameter.device))).sum(dim=0)
        step += 1
    return total / (step * size)
