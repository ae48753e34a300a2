"""Learns to stylize after any painting, from style pictures that are measured once."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from rtstyle.networks.swift_adain import SwiftAdain
from rtstyle_train.config.adain import AdainConfig
from rtstyle_train.data.content_images import Photos
from rtstyle_train.data.style_looks import StyleLooks
from rtstyle_train.data.synthetic_motion import MOTION_DRAWS, draw_motion, move
from rtstyle_train.losses.styled_batch import StyledBatchLoss
from rtstyle_train.losses.temporal import output_consistency
from rtstyle_train.methods.mirrored_edges import mirrored_edges
from rtstyle_train.methods.swift_adain import draw_window, transfer_of, windowed

STATISTICS = "statistics"
"""Name of what the style encoder sees of a painting, beside the loss's targets."""


class CachedAdainStyle:
    """One step of the light network after style pictures that were measured before.

    A step whose first photograph is its own style comes by chance, as often as
    `AdainConfig.self_share` says of a whole batch.
    """

    def __init__(
        self,
        config: AdainConfig,
        loss: StyledBatchLoss,
        photos: Photos,
        looks: Mapping[str, StyleLooks],
    ) -> None:
        """Keep the parts.

        Args:
            config: The recipe.
            loss: On the network's device.
            photos: Content images.
            looks: ``paintings`` and ``textures``, measured by `measure_style`.
        """
        self.config, self.loss, self.photos, self.looks = config, loss, photos, looks

    def begin(self, network: nn.Module, step: int) -> int:
        """Return how many photographs of a step are their own style: 0 or 1."""
        random = np.random.default_rng((self.config.seed, step, 3))
        return int(random.random() < self.config.self_share * self.config.batch_size)

    def inputs(self, *, step: int, rank: int) -> dict[str, Tensor]:
        """Draw a step's photographs, styles and window, on the CPU."""
        config, seed = self.config, self.config.seed + rank
        random = np.random.default_rng((seed, step, 4))
        count = config.batch_size - self.begin(self.loss, step)
        rows = [self._draw_style(random) for _ in range(count)]
        drawn = {name: torch.cat([row[name] for row in rows]) for name in rows[0]}
        window = draw_window(config.size, seed=seed + 1_000_003 * step)
        drawn["content"] = self.photos.draw(config.batch_size, seed=seed, step=step)
        if config.temporal_weight:
            generator = torch.Generator().manual_seed(seed + 1_000_003 * step + 1)
            motion = draw_motion(max(1, config.batch_size // 4), generator)
            drawn |= {f"motion_{name}": value for name, value in motion.items()}
        return drawn | window

    def _draw_style(self, random: np.random.Generator) -> dict[str, Tensor]:
        is_texture = random.random() < self.config.texture_share
        looks = self.looks["textures" if is_texture else "paintings"]
        return looks.measured(*looks.draw(random))

    def terms(
        self, network: nn.Module, inputs: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """Return the weighted terms of one step.

        Args:
            network: A `SwiftAdain`.
            inputs: Of `inputs`, on the network's device.
        """
        cut = self.photos.cut(inputs["content"])
        content = cut.contiguous(memory_format=torch.channels_last)
        own = len(content) - len(inputs[STATISTICS])
        stylized, steady = self._stylize(network, content, inputs, own=own)
        seen = [windowed(pictures, inputs)[own:] for pictures in (stylized, content)]
        terms: dict[str, Tensor] = self.loss(*seen, inputs)
        if own:
            change = (stylized[:own] - content[:own]).abs().mean()
            terms["identity"] = self.config.identity_weight * change
        return terms | steady

    def _stylize(
        self,
        network: nn.Module,
        content: Tensor,
        inputs: Mapping[str, Tensor],
        *,
        own: int,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the stylized batch and the temporal term, where it is wanted.

        The last photographs are stylized a second time, moved, in the same batch.
        """
        statistics, weight = inputs[STATISTICS], self.config.temporal_weight
        count = len(content)
        pair = None
        if weight:
            motion = {name: inputs[f"motion_{name}"] for name in MOTION_DRAWS}
            few = len(motion["amount"])
            pair = move(content[-few:], motion)
            content = torch.cat([content, pair.cur])
            statistics = torch.cat([statistics, statistics[-few:]])
        with mirrored_edges(transfer_of(network)):
            made = network(content, content[:own], statistics)
        if pair is None:
            return made, {}
        change = output_consistency(
            made[count:],
            made[2 * count - len(made) : count],
            flow_cur_to_prev=pair.flow_cur_to_prev,
            mask=pair.mask,
            luminance_change=pair.luminance_change,
        )
        return made[:count], {"temporal": weight * change}

    def losses(
        self, network: nn.Module, *, step: int, rank: int, device: torch.device
    ) -> dict[str, Tensor]:
        """Return the weighted terms of one step; the same for the same step."""
        drawn = self.inputs(step=step, rank=rank)
        return self.terms(network, {k: v.to(device) for k, v in drawn.items()})


@torch.no_grad()
def measure_style(
    network: SwiftAdain, loss: StyledBatchLoss, paintings: Tensor
) -> dict[str, Tensor]:
    """Return what a training needs to know of paintings, on the CPU.

    Args:
        network: Whose encoder's convolutions do not change any more.
        loss: On the same device.
        paintings: RGB, shape ``(N, 3, h, w)``, 0..1, on the CPU.
    """
    shown = paintings.to(network.neutral.device)
    found = loss.measure(shown) | {STATISTICS: network.encoder.statistics(shown)}
    return {name: value.float().cpu() for name, value in found.items()}
