"""Learns to stylize after any painting, from new style pictures in every step."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from rtstyle.networks.swift_adain import SwiftAdain, SwiftAdainConfig
from rtstyle_train.config.adain import AdainConfig
from rtstyle_train.config.image import JITTER
from rtstyle_train.data.content_images import Photos
from rtstyle_train.data.styled_batches import Pictures, StyledBatches
from rtstyle_train.losses.styled_batch import StyledBatchLoss
from rtstyle_train.methods.mirrored_edges import mirrored_edges


def make_swift_adain(config: AdainConfig) -> SwiftAdain:
    """Build the light network of a recipe, with weights from its seed."""
    torch.manual_seed(config.seed)
    return SwiftAdain(
        SwiftAdainConfig(
            placement=config.placement, padding=config.padding, hidden=config.hidden
        )
    )


class SwiftAdainStyle:
    """One step of the light network: photographs after themselves and after others."""

    def __init__(
        self, config: AdainConfig, loss: StyledBatchLoss, pictures: Pictures
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
        window = draw_window(self.config.size, seed=seed)
        return self.batches.draw(step=step, rank=rank) | window

    def terms(
        self, network: nn.Module, inputs: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """Return the weighted terms of one step.

        Args:
            network: A `SwiftAdain`.
            inputs: Of `inputs`, on the network's device.
        """
        content, styles = self.batches.cut(inputs)
        with mirrored_edges(transfer_of(network)):
            stylized = network(content, styles)
        seen = [windowed(pictures, inputs) for pictures in (stylized, content)]
        terms: dict[str, Tensor] = self.loss(*seen, self.loss.measure(styles))
        if own := self.batches.num_self:
            change = (stylized[:own] - content[:own]).abs().mean()
            terms["identity"] = self.config.identity_weight * change
        return terms

    def losses(
        self, network: nn.Module, *, step: int, rank: int, device: torch.device
    ) -> dict[str, Tensor]:
        """Return the weighted terms of one step; the same for the same step."""
        drawn = self.inputs(step=step, rank=rank)
        return self.terms(network, {k: v.to(device) for k, v in drawn.items()})


def transfer_of(network: nn.Module) -> nn.Module:
    """Return the transform net of a `SwiftAdain`, wrapped for several GPUs or not."""
    modules = dict(network.named_modules())
    found: nn.Module = next(m for n, m in modules.items() if n.endswith("transfer"))
    return found


def draw_window(size: int, *, seed: int) -> dict[str, Tensor]:
    """Return the ``lines`` and ``columns`` that the loss network sees of a batch.

    `JITTER` fewer than there are, from step to step others; one time in four all.
    """
    generator = torch.Generator().manual_seed(seed)
    top, left, whole = torch.randint(0, JITTER + 1, (3,), generator=generator).tolist()
    if whole < 2:
        return {"lines": torch.arange(size), "columns": torch.arange(size)}
    side = torch.arange(size - JITTER)
    return {"lines": top + side, "columns": left + side}


def windowed(pictures: Tensor, window: Mapping[str, Tensor]) -> Tensor:
    """Return the lines and columns of pictures that `draw_window` chose."""
    lines = pictures.index_select(2, window["lines"])
    return lines.index_select(3, window["columns"])


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
