"""Learn from painted frames of a film: few pairs, and the film's other frames."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from rtstyle.networks.normalisation import FrozenNorm
from rtstyle.networks.swift import stylize_padded
from rtstyle.networks.transform_net import TransformNet
from rtstyle_train.config.frames import FramesConfig
from rtstyle_train.data.film_frames import (
    Bytes,
    FilmFrames,
    LearntFrame,
    cut,
    to_tensor,
)
from rtstyle_train.losses.painted import PaintedLoss
from rtstyle_train.losses.temporal import output_consistency
from rtstyle_train.losses.total_variation import range_loss

NUM_LOOKS = 48
"""Painted crops whose statistics others are compared with."""


class PaintedFrames:
    """Computes one step's losses for learning a film's painting.

    Source:
        Texler et al. 2020, "Interactive Video Stylization Using Few-Shot Patch-Based
        Training": patches of the painted frames, pixel and perceptual loss. Instead of
        their discriminator: paint that was carried to other frames along the motion,
        statistics of similar painted crops, and a temporal loss; a network that was
        trained before; norms with the film's typical statistics.
    """

    def __init__(
        self, config: FramesConfig, loss: PaintedLoss, frames: FilmFrames
    ) -> None:
        self.config = config
        self.loss = loss
        self.frames = frames

    def begin(self, network: nn.Module, step: int) -> int:
        """Keep the norms' statistics as they are; there is one phase, 0."""
        freeze(network)
        return 0

    def inputs(self, *, step: int, rank: int) -> dict[str, Tensor]:
        """Draw a step's crops, on the CPU; each process draws its own."""
        return self.frames.batch(seed=self.config.seed + 7919 * rank, step=step)

    def terms(
        self, network: nn.Module, inputs: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """Return the weighted terms of a step.

        Args:
            network: The transform net.
            inputs: From `inputs`, on the network's device.
        """
        config, num_others = self.config, self.frames.num_others
        inner = slice(config.margin, config.margin + config.size)
        content = inputs["content"]
        seen = torch.cat([content, inputs["following"]]) if num_others else content
        seen = seen.contiguous(memory_format=torch.channels_last)
        stylized = network(seen)[:, :, inner, inner]
        stylized, following = stylized[: len(content)], stylized[len(content) :]
        first = len(content) - num_others
        terms = self.loss(stylized, inputs, content=content[:, :, inner, inner])
        terms["range"] = config.range_weight * range_loss(stylized)
        if num_others and config.temporal_weight:
            change = output_consistency(
                following,
                stylized[first:],
                flow_cur_to_prev=inputs["flow"],
                mask=inputs["visible"],
                luminance_change=torch.zeros_like(inputs["visible"]),
            )
            terms["temporal"] = config.temporal_weight * change
        return dict(terms)

    def losses(
        self, network: nn.Module, *, step: int, rank: int, device: torch.device
    ) -> dict[str, Tensor]:
        """Return the weighted terms of one step; the same for the same step."""
        self.begin(network, step)
        inputs = self.inputs(step=step, rank=rank)
        return self.terms(network, {n: t.to(device) for n, t in inputs.items()})


def freeze(network: nn.Module) -> None:
    """Let the norms of a network use their averages, also in training."""
    for module in network.modules():
        if isinstance(module, FrozenNorm):
            module.freeze()


@torch.no_grad()
def measure_norms(network: TransformNet, frames: Sequence[Tensor]) -> None:
    """Set the statistics of frozen norms to the mean over whole frames.

    Args:
        network: Changed in place; stays in the mode that it is in.
        frames: RGB, shape ``(1, 3, H, W)``, 0..1, at least one.
    """
    norms = [m for m in network.modules() if isinstance(m, FrozenNorm)]
    was_training = network.training
    network.train()
    for count, frame in enumerate(frames, 1):
        for norm in norms:
            norm.is_frozen, norm.momentum = False, 1.0 / count
        stylize_padded(
            network,
            _at_multiple(frame, network.multiple),
            None,
            padding=network.padding,
        )
    for norm in norms:
        norm.momentum = FrozenNorm.momentum
        norm.freeze()
    network.train(was_training)


def _at_multiple(frame: Tensor, multiple: int) -> Tensor:
    """Return a frame with its edges repeated to whole multiples of a length."""
    height, width = frame.shape[2:]
    down, right = -height % multiple, -width % multiple
    return nn.functional.pad(frame, (0, right, 0, down), mode="replicate")


def painted_crops(
    painted: Sequence[LearntFrame], config: FramesConfig
) -> tuple[list[Tensor], list[Tensor]]:
    """Return crops of painted frames and of their paintings, spread over them.

    Args:
        painted: At least one frame.
        config: Has the size of the crops and the seed.

    Returns:
        `NUM_LOOKS` crops of each, RGB, shape ``(1, 3, size, size)``, 0..1; those of
        which most is painted.
    """
    random = np.random.default_rng(config.seed)
    drawn: list[tuple[float, Bytes, Bytes]] = []
    for number in range(2 * NUM_LOOKS):
        frame = painted[number % len(painted)]
        corner = [
            int(random.integers(max(1, length - config.size + 1)))
            for length in frame.share.shape
        ]
        share, *pair = (
            cut(x, corner[0], corner[1], config.size)
            for x in (frame.share, frame.content, frame.painted)
        )
        drawn.append((float(share.mean()), pair[0], pair[1]))
    drawn.sort(key=lambda row: -row[0])
    most = drawn[:NUM_LOOKS]
    return [to_tensor([row[1]]) for row in most], [to_tensor([row[2]]) for row in most]
