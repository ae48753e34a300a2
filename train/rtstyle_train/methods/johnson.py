"""Train a feed-forward network on one painting, or many at once (Johnson's method)."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rtstyle.networks import SWIFT_SIZES, JohnsonNet, SwiftNet
from rtstyle.networks.normalisation import FrozenNorm
from rtstyle.networks.swift import SwiftConfig, stylize_padded
from rtstyle_train.config.image import JITTER, TrainConfig
from rtstyle_train.data.content_images import Photos
from rtstyle_train.data.film_motion import Motion, SyntheticMotion
from rtstyle_train.errors import ConfigError
from rtstyle_train.losses.perceptual import PerceptualLoss
from rtstyle_train.losses.temporal import temporal_terms
from rtstyle_train.methods.mirrored_edges import mirrored_edges


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


def loss_window(
    config: TrainConfig, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Return the lines and columns of a batch that the loss network sees.

    The window is `JITTER` pixels smaller than the crops and moves from step to step;
    about one time in four it covers the whole crops.

    Returns:
        Indices of the lines and of the columns, int64.
    """
    top, left, whole = torch.randint(0, JITTER + 1, (3,), generator=generator).tolist()
    if whole < 2:
        return torch.arange(config.size), torch.arange(config.size)
    side = torch.arange(config.size - JITTER)
    return top + side, left + side


def share_of_batch(batch_size: int, rank: int) -> tuple[slice, int]:
    """Return this process's part of the batch of all, and the size of that batch.

    Args:
        batch_size: Of each process.
        rank: Of this process, from 0.
    """
    is_shared = torch.distributed.is_available() and torch.distributed.is_initialized()
    num_processes = torch.distributed.get_world_size() if is_shared else 1
    own = slice(rank * batch_size, (rank + 1) * batch_size)
    return own, batch_size * num_processes


class ImageStyle:
    """Computes one step's losses for learning paintings from photographs.

    A network that can tell where its picture ends paints a frame there, in colours
    that are more frequent in the painting. So in training it sees a crop with its
    surroundings and no zero padding; its output for a crop without surroundings, as
    in use, must match.
    """

    def __init__(
        self,
        config: TrainConfig,
        loss: PerceptualLoss,
        photos: Photos,
        motion: Motion | None = None,
    ) -> None:
        """Combine losses and photographs.

        Args:
            config: Settings of the training.
            loss: Losses of its paintings.
            photos: Photographs at the size of `config`, with a margin.
            motion: What is to be steady; None: photographs that are moved.
        """
        self.config = config
        self.loss = loss
        self.photos = photos
        self.motion = motion or SyntheticMotion()

    def begin(self, network: nn.Module, step: int) -> int:
        """Freeze norms from the recipe's step on; return 1 if frozen, else 0."""
        if step < self.config.freeze_after:
            return 0
        for module in network.modules():
            if isinstance(module, FrozenNorm):
                module.freeze()
        return 1

    def inputs(self, *, step: int, rank: int) -> dict[str, Tensor]:
        """Draw a step's photographs, styles, window, motion and more, on the CPU.

        Several processes share one draw: each takes its part of the photographs that a
        single process with as large a batch as all of theirs would see.
        """
        config = self.config
        generator = torch.Generator().manual_seed(config.seed + 1_000_003 * step)
        lines, columns = loss_window(config, generator)
        own, total = share_of_batch(config.batch_size, rank)
        # styles take turns, so that every batch holds as many as it can
        first = (step * total) % max(1, len(config.styles))
        rows = torch.arange(first, first + total)[own]
        crops = self.photos.draw(total, seed=config.seed, step=step)[own]
        few = torch.arange(max(1, config.batch_size // 4))
        inputs = {
            "photos": crops,
            "style": rows % max(1, len(config.styles)),
            "ending": (step + few) % config.batch_size,
            "lines": lines,
            "columns": columns,
        }
        if config.temporal_weight:
            inputs |= self.motion.draw(max(1, config.batch_size // 2), generator)
        return inputs

    def terms(
        self, network: nn.Module, inputs: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """Return the weighted terms of a step.

        Args:
            network: The transform net.
            inputs: From `inputs`, on the network's device.
        """
        config, style = self.config, inputs["style"]
        around = self.photos.cut(inputs["photos"])
        around = around.contiguous(memory_format=torch.channels_last)
        inner = slice(self.photos.margin, self.photos.margin + config.size)
        content = around[:, :, inner, inner]
        content = content.contiguous(memory_format=torch.channels_last)
        with mirrored_edges(network):
            stylized = network(around, style)[:, :, inner, inner]
        window = [(x, inputs["lines"], inputs["columns"]) for x in (stylized, content)]
        windowed = [
            x.index_select(2, down).index_select(3, to) for x, down, to in window
        ]
        terms: dict[str, Tensor] = self.loss(*windowed, style)
        if config.border_weight:
            few = [x.index_select(0, inputs["ending"]) for x in (content, style)]
            expected = stylized.detach().index_select(0, inputs["ending"])
            change = F.mse_loss(self._ending(network, *few), expected)
            terms["border"] = config.border_weight * change
        if config.temporal_weight:
            drawn = {n: t for n, t in inputs.items() if n.startswith("motion_")}
            pair = self.motion.pair(content, drawn)
            both = style[: len(pair.prev)].repeat(2)
            terms |= temporal_terms(
                lambda moved: self._ending(network, moved, both),
                pair,
                output_weight=config.temporal_weight,
            )
        return terms

    def _ending(self, network: nn.Module, pixels: Tensor, style: Tensor) -> Tensor:
        """Stylize pictures without surroundings, as in use."""
        padding = 0 if self.config.network == "johnson" else self.config.padding
        return stylize_padded(network, pixels, style, padding=padding)

    def losses(
        self, network: nn.Module, *, step: int, rank: int, device: torch.device
    ) -> dict[str, Tensor]:
        """Return the weighted terms of one step; the same for the same step."""
        self.begin(network, step)
        inputs = self.inputs(step=step, rank=rank)
        return self.terms(network, {n: t.to(device) for n, t in inputs.items()})
