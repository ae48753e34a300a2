"""Learn a style from pairs of pictures: before and after a teacher painted them."""

from collections.abc import Mapping
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rtstyle.networks.swift import stylize_padded
from rtstyle_train.config.distil import DistilConfig
from rtstyle_train.loss_networks import VggFeatures
from rtstyle_train.losses.content import content_loss
from rtstyle_train.losses.gram import covariance_loss, gram_matrix_with_mean
from rtstyle_train.losses.perceptual import HEADROOM
from rtstyle_train.methods.johnson import share_of_batch


class Pairs(Protocol):
    """Where pairs come from."""

    def batch(self, count: int, *, seed: int, step: int) -> tuple[Tensor, Tensor]:
        """Return crops before and after; the same for the same numbers.

        Returns:
            Two tensors RGB, shape ``(count, 3, size, size)``, float32, 0..1.
        """
        ...


class PairLoss(nn.Module):
    """How far a student's pictures are from a teacher's.

    Source:
        Johnson et al. 2016, equation 2, with the teacher's picture as the target; the
        covariance of features as in ``losses.gram``.
    """

    def __init__(self, config: DistilConfig, vgg: VggFeatures) -> None:
        super().__init__()
        vgg.check(config.layers)
        self.config = config
        for layer, triangle in vgg.widen.items():
            self.register_buffer(f"widen_{layer}", triangle)
        is_narrow = config.loss_precision == "bf16"
        vgg = vgg.to(torch.bfloat16 if is_narrow else torch.float32)
        self.vgg = vgg.to(memory_format=torch.channels_last)

    def forward(self, stylized: Tensor, painted: Tensor) -> dict[str, Tensor]:
        """Return the weighted terms; training minimises their sum.

        Args:
            stylized: The student's, RGB, shape ``(N, 3, H, W)``, not clamped.
            painted: The teacher's, same shape, 0..1.
        """
        config = self.config
        terms = {"pixels": config.pixel_weight * F.l1_loss(stylized, painted)}
        if not config.perceptual_weight and not config.style_weight:
            return terms
        seen = self.vgg(stylized.clamp(-HEADROOM, 1 + HEADROOM), config.layers)
        with torch.no_grad():
            wanted = self.vgg(painted, config.layers)
        far = [content_loss(seen[layer], wanted[layer]) for layer in config.layers]
        terms["perceptual"] = config.perceptual_weight * torch.stack(far).mean()
        if config.style_weight:
            off = [self._style(seen[n], wanted[n], n) for n in config.layers]
            terms["style"] = config.style_weight * torch.stack(off).mean()
        return terms

    def _style(self, seen: Tensor, wanted: Tensor, layer: str) -> Tensor:
        widen = dict(self.named_buffers(recurse=False)).get(f"widen_{layer}")
        with torch.no_grad():
            target = gram_matrix_with_mean(wanted)
        return covariance_loss(gram_matrix_with_mean(seen), target, widen)


class DistilledStyle:
    """One step: the student is to paint what the teacher painted."""

    def __init__(self, config: DistilConfig, loss: PairLoss, pairs: Pairs) -> None:
        self.config, self.loss, self.pairs = config, loss, pairs

    def begin(self, network: nn.Module, step: int) -> int:
        """Return the one phase."""
        return 0

    def inputs(self, *, step: int, rank: int) -> dict[str, Tensor]:
        """Draw a step's pairs, on the CPU; processes share one draw."""
        own, total = share_of_batch(self.config.batch_size, rank)
        before, after = self.pairs.batch(total, seed=self.config.seed, step=step)
        return {"content": before[own], "painted": after[own]}

    def terms(
        self, network: nn.Module, inputs: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """Return the weighted terms of a step; the network runs as it will in use."""
        content = inputs["content"].contiguous(memory_format=torch.channels_last)
        padding = 0 if self.config.network == "johnson" else self.config.padding
        stylized = stylize_padded(network, content, None, padding=padding)
        terms: dict[str, Tensor] = self.loss(stylized, inputs["painted"])
        return terms

    def losses(
        self, network: nn.Module, *, step: int, rank: int, device: torch.device
    ) -> dict[str, Tensor]:
        """Return the weighted terms of one step; the same for the same step."""
        inputs = self.inputs(step=step, rank=rank)
        return self.terms(network, {n: t.to(device) for n, t in inputs.items()})
