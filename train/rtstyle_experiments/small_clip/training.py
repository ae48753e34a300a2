"""Train the small CLIP on every caption against every picture of a batch."""

import itertools
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import open_clip
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from rtstyle_experiments.small_clip.captions import CAPTIONS
from rtstyle_experiments.small_clip.model import WEIGHTS_FILE, build, save, start_folder
from rtstyle_experiments.small_clip.pool import Captioned, PicturePool, PoolConfig
from rtstyle_train.clip.templates import prompt_templates
from rtstyle_train.loop.muon import Muon
from rtstyle_train.losses.patch import random_patches

BARE = 0.4
"""Share of the captions that are used without a template."""
VIEW_SHARE = 0.35
"""Share of the pictures that are used as distorted crops, as in the patch loss."""
SMALLEST_VIEW = 0.45
"""Smallest side of such a crop, as a share of the picture's."""


@dataclass(frozen=True, slots=True)
class SmallClipConfig:
    """Size and training settings of the small CLIP."""

    steps: int = 2000
    """Largest number of optimiser steps."""
    seconds: float = 0.0
    """Time limit, by which the learning rate has fallen to zero; 0: no limit."""
    batch_size: int = 64
    """Number of pictures per step."""
    fresh: int = 20
    """Number of new pictures per step; the others come from the last `pool` ones."""
    pool: int = 2048
    """Number of pictures to keep, 38 kB each, on the network's device."""
    workers: int = 0
    """Number of processes that render; 0 renders between the steps."""
    width: int = 128
    """Of the image encoder."""
    layers: int = 4
    """Of the image encoder."""
    noise: float = 0.15
    """Largest standard deviation of noise on the pictures, which are 0..1."""
    attack: float = 3.0
    """Largest L2 norm (of pictures 0..1) of the adversarial changes to some pictures in
    training; 0 for none. What still changes the output of a network trained against
    these and against noise is visible to people."""
    learning_rate: float = 1e-3
    """Peak learning rate of AdamW; Muon's is `MUON` times it."""
    photos: Path | None = None
    """Folder of photographs to use along with rendered scenes."""
    start: Path | None = None
    """Folder of a small CLIP of the same architecture to start from."""
    seed: int = 1234
    """Seed of weights and pictures."""


CALM_SHARE = 0.15
"""Share of the training without adversarial changes; after that they grow."""
ATTACK_SHARE = 0.25
"""Share of the pictures with adversarial changes."""
SAVE_EVERY = 100
"""Number of steps between two saves of the weights."""
MUON = 10.0
"""Ratio of Muon's learning rate to AdamW's."""


def train(
    folder: Path, config: SmallClipConfig, *, device: str = "cpu"
) -> Iterator[tuple[int, float]]:
    """Train a small CLIP into `folder`, reporting step and loss.

    The folder can then be passed to ``--clip FOLDER``.
    """
    torch.manual_seed(config.seed)
    description = start_folder(folder, width=config.width, layers=config.layers)
    network, tokenizer = build(folder, description)
    if config.start:
        network.load_state_dict(load_file(config.start / WEIGHTS_FILE))
    network = network.to(device)
    pool = _pool(config, device)
    random = np.random.default_rng(config.seed + 1)
    generator = torch.Generator().manual_seed(config.seed + 2)
    optimizers = _optimizers(network, config)
    began = time.monotonic()
    for step in itertools.count():
        done = step / config.steps
        if config.seconds:
            done = max(done, (time.monotonic() - began) / config.seconds)
        if done >= 1:
            break
        images, labels = pool.batch()
        images = seen_as_views(images, generator)
        tokens = tokenizer(_sentences(random)).to(device)
        images = noisy(images, config.noise, generator)
        if config.attack and done > CALM_SHARE:
            length = config.attack * random.random() * min(1.0, 2 * done)
            some = int(len(images) * ATTACK_SHARE)
            worse = attacked(network, images[:some], tokens, labels[:some], length)
            images = torch.cat([worse, images[some:]])
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * _rate(done)
            optimizer.zero_grad(set_to_none=True)
        loss = contrastive_loss(network, images, tokens, labels)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
        with torch.no_grad():
            network.logit_scale.clamp_(0, math.log(100))
        if step % SAVE_EVERY == SAVE_EVERY - 1:
            save(folder, network)
        yield step, loss.item()
    save(folder, network)


def _pool(config: SmallClipConfig, device: str) -> PicturePool:
    pool = PoolConfig(
        size=config.pool,
        batch_size=config.batch_size,
        fresh=config.fresh,
        workers=config.workers,
        photos=config.photos,
        seed=config.seed,
    )
    return PicturePool(pool, Captioned(pool), device=device)


def seen_as_views(images: Tensor, generator: torch.Generator) -> Tensor:
    """Return the pictures, the first `VIEW_SHARE` of them as distorted crops.

    Args:
        images: RGB, shape ``(N, 3, S, S)``, 0..1.
        generator: Generator for the crops, on the CPU.
    """
    count, whole = int(len(images) * VIEW_SHARE), images.shape[-1]
    low = int(SMALLEST_VIEW * whole)
    side = int(torch.randint(low, whole + 1, (1,), generator=generator))
    views = random_patches(
        images[:count],
        num_patches=count,
        crop_size=side,
        size=whole,
        generator=generator,
    )
    return torch.cat([views.pixels, images[count:]])


def noisy(images: Tensor, most: float, generator: torch.Generator) -> Tensor:
    """Return pictures with noise, each with a different strength of 0..`most`.

    Args:
        images: RGB, shape ``(N, 3, H, W)``, 0..1.
        most: Largest standard deviation.
        generator: Generator for the strengths; the noise itself is the device's.

    Source:
        Kaur et al. 2019: networks trained like this have gradients that people can
        interpret.
    """
    strength = most * torch.rand(len(images), 1, 1, 1, generator=generator)
    return images + strength.to(images.device) * torch.randn_like(images)


def attacked(
    network: open_clip.CLIP,
    images: Tensor,
    tokens: Tensor,
    labels: Tensor,
    length: float,
) -> Tensor:
    """Return slightly changed pictures on which the network errs.

    Args:
        network: The CLIP in training; its gradients are not changed.
        images: RGB, shape ``(N, 3, S, S)``, 0..1.
        tokens: As for `contrastive_loss`.
        labels: As for `contrastive_loss`.
        length: L2 norm of each picture's change.

    Source:
        Wong et al. 2020 (one step from a random start), with the L2 norm; why its
        gradients are visible: Engstrom et al. 2019.
    """
    start = torch.randn_like(images)
    start *= 0.5 * length / start.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    near = (images + start).requires_grad_()
    loss = contrastive_loss(network, near, tokens, labels)
    (way,) = torch.autograd.grad(loss, near)
    size = way.flatten(1).norm(dim=1).clamp_min(1e-12).view(-1, 1, 1, 1)
    changed: Tensor = images + start + length * way / size
    return changed.detach()


def contrastive_loss(
    network: open_clip.CLIP, images: Tensor, tokens: Tensor, labels: Tensor
) -> Tensor:
    """Return the mean of the picture-to-caption and caption-to-picture losses.

    Args:
        network: The CLIP in training.
        images: RGB, shape ``(N, 3, S, S)``, 0..1.
        tokens: One sentence for each of all C captions, ``(C, L)``.
        labels: Caption of each picture, ``(N,)``.

    Source:
        Radford et al. 2021, figure 3; all captions are used in every step, and the
        pictures of one caption share its target, because 67 captions repeat.
    """
    mean, std = (
        torch.tensor(values, device=images.device).view(1, 3, 1, 1)
        for values in (open_clip.OPENAI_DATASET_MEAN, open_clip.OPENAI_DATASET_STD)
    )
    with torch.autocast(images.device.type, dtype=torch.bfloat16):
        embedded = network.encode_image((images - mean) / std, normalize=True)
        read = network.encode_text(tokens, normalize=True)
    logits = network.logit_scale.exp() * embedded.float() @ read.float().T
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


def _rate(done: float) -> float:
    """Return the share of the peak learning rate: 5 % warm-up, then a cosine decay.

    Args:
        done: Share of the training that is done, 0..1.
    """
    warm = min(1.0, (done + 1e-3) / 0.05)
    return warm * 0.5 * (1 + math.cos(math.pi * done))


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
