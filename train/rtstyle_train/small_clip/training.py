"""Trains the small CLIP: every caption against every picture of a batch."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import open_clip
import torch
import torch.nn.functional as F
from torch import Tensor

from rtstyle_train.muon import Muon
from rtstyle_train.small_clip.captions import CAPTIONS
from rtstyle_train.small_clip.model import build, save, start_folder
from rtstyle_train.small_clip.render import render
from rtstyle_train.small_clip.scenes import SIDE
from rtstyle_train.templates import prompt_templates

BARE = 0.4
"""Share of the captions that are shown as they are, in no template."""


@dataclass(frozen=True, slots=True)
class SmallClipConfig:
    """How large the small CLIP is and how it is trained."""

    steps: int = 600
    """Steps of the optimiser."""
    batch_size: int = 64
    """Pictures a step."""
    fresh: int = 20
    """Pictures a step that are new; the others come from the last `pool` ones."""
    pool: int = 2048
    """Pictures that are kept, 150 kB each."""
    width: int = 128
    """Of the image encoder."""
    layers: int = 4
    """Of the image encoder."""
    learning_rate: float = 1e-3
    """Peak of AdamW's; Muon's is `MUON` times it."""
    seed: int = 1234
    """Of weights and pictures."""


SAVE_EVERY = 100
"""Steps between two writings of the weights."""
MUON = 10.0
"""Learning rate of Muon over that of AdamW."""


class PicturePool:
    """Rendered pictures, some new for every batch and the rest drawn again."""

    def __init__(self, config: SmallClipConfig) -> None:
        self.config = config
        self.random = np.random.default_rng(config.seed)
        self.pixels = np.empty((config.pool, SIDE, SIDE, 3), np.uint8)
        self.labels = np.empty(config.pool, np.int64)
        self.count = 0

    def batch(self) -> tuple[Tensor, Tensor]:
        """Return pictures ``(N, 3, SIDE, SIDE)``, 0..1, and numbers of captions."""
        size, pool = self.config.batch_size, self.config.pool
        fresh = size if self.count < size else self.config.fresh
        new = []
        for _ in range(fresh):
            spot = self.count % pool
            label = int(self.random.integers(len(CAPTIONS)))
            self.pixels[spot] = render(CAPTIONS[label], self.random)
            self.labels[spot] = label
            new.append(spot)
            self.count += 1
        old = self.random.integers(0, min(self.count, pool), size - fresh)
        rows = np.concatenate([np.array(new, np.int64), old])
        images = torch.from_numpy(self.pixels[rows]).permute(0, 3, 1, 2)
        return images.float().div(255.0), torch.from_numpy(self.labels[rows])


def train(folder: Path, config: SmallClipConfig) -> Iterator[tuple[int, float]]:
    """Train a small CLIP into `folder`, reporting step and loss.

    The folder then is what ``--clip FOLDER`` takes.
    """
    torch.manual_seed(config.seed)
    description = start_folder(folder, width=config.width, layers=config.layers)
    network, tokenizer = build(folder, description)
    pool = PicturePool(config)
    random = np.random.default_rng(config.seed + 1)
    optimizers = _optimizers(network, config)
    mean = torch.tensor(open_clip.OPENAI_DATASET_MEAN).view(1, 3, 1, 1)
    std = torch.tensor(open_clip.OPENAI_DATASET_STD).view(1, 3, 1, 1)
    for step in range(config.steps):
        images, labels = pool.batch()
        tokens = tokenizer(_sentences(random))
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * _rate(step, config.steps)
            optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = contrastive_loss(network, (images - mean) / std, tokens, labels)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
        with torch.no_grad():
            network.logit_scale.clamp_(0, math.log(100))
        if step % SAVE_EVERY == SAVE_EVERY - 1 or step == config.steps - 1:
            save(folder, network)
        yield step, loss.item()


def contrastive_loss(
    network: open_clip.CLIP, images: Tensor, tokens: Tensor, labels: Tensor
) -> Tensor:
    """Return the mean of the picture-to-caption and caption-to-picture losses.

    Args:
        network: The CLIP in training.
        images: Normalised pictures, ``(N, 3, 224, 224)``.
        tokens: One sentence for each of all C captions, ``(C, L)``.
        labels: Caption of each picture, ``(N,)``.

    Source:
        Radford et al. 2021, figure 3; all captions count in every step, and the
        pictures of one caption share its target, because 67 captions repeat.
    """
    seen = network.encode_image(images, normalize=True)
    read = network.encode_text(tokens, normalize=True)
    logits = network.logit_scale.exp() * seen.float() @ read.float().T
    to_text = F.cross_entropy(logits, labels, label_smoothing=0.02)
    own = F.one_hot(labels, logits.shape[1]).T.float()
    present = own.sum(dim=1) > 0
    share = own[present] / own[present].sum(dim=1, keepdim=True)
    to_image = F.cross_entropy(logits.T[present], share)
    return to_text + 0.5 * to_image


def _sentences(random: np.random.Generator) -> list[str]:
    """Return every caption, bare or in a random template."""
    templates = prompt_templates()
    return [
        caption.text
        if random.random() < BARE
        else templates[random.integers(len(templates))].format(caption.text)
        for caption in CAPTIONS
    ]


def _rate(step: int, steps: int) -> float:
    """Return the share of the peak learning rate: up in 5 %, then down as a cosine."""
    warm = min(1.0, (step + 1) / (0.05 * steps))
    return warm * 0.5 * (1 + math.cos(math.pi * step / steps))


def _optimizers(
    network: open_clip.CLIP, config: SmallClipConfig
) -> list[torch.optim.Optimizer]:
    """Return Muon for the matrices of the blocks and AdamW for the rest."""
    inner = [
        p for n, p in network.named_parameters() if "resblocks" in n and p.dim() == 2
    ]
    inner_ids = {id(p) for p in inner}
    rest = [p for p in network.parameters() if id(p) not in inner_ids]
    adam = torch.optim.AdamW(rest, lr=config.learning_rate, weight_decay=0.02)
    muon = Muon(inner, lr=MUON * config.learning_rate)
    optimizers: list[torch.optim.Optimizer] = [adam, muon]
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["peak"] = group["lr"]
    return optimizers
