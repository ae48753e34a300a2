"""Train a network to read words (`rtstyle_experiments.small_clip.word_network`).

Run it with ``python -m``. It is better than the shapes of `word_detector` if words
have many fonts, but needs a minute of training on a GPU.
"""

import itertools
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import Dataset

from rtstyle.networks.weights_file import load_tensors, save_tensors
from rtstyle.process.terminal import echo
from rtstyle_experiments.small_clip.captions import CAPTIONS
from rtstyle_experiments.small_clip.pool import PicturePool, PoolConfig, scenes_of
from rtstyle_experiments.small_clip.render import Scene
from rtstyle_experiments.small_clip.scenes import SIDE, render_scene
from rtstyle_experiments.small_clip.word_detector import (
    Values,
    measure_detector,
    render_writing,
    words_of,
)
from rtstyle_streams.frame import Pixels

FALSE_SHARE = 0.01
"""Share of unwritten words that are found, after `calibrate`."""


class WordNetwork(nn.Module):
    """Finds words anywhere in a picture by convolutions; the surest place counts."""

    def __init__(self, words: Sequence[str], *, width: int = 32) -> None:
        super().__init__()
        self.words = tuple(words)
        self.width = width
        w = width
        layers: list[nn.Module] = []
        inputs = 1
        for outputs, stride, dilation in (
            (w, 2, 1), (2 * w, 2, 1), (2 * w, 1, 1), (3 * w, 2, 1), (3 * w, 1, 1),
            (4 * w, 2, 1), (4 * w, 1, 2), (4 * w, 1, 2), (4 * w, 1, 1),
        ):  # fmt: skip
            layers += [
                nn.Conv2d(inputs, outputs, 3, stride, dilation, dilation, bias=False),
                nn.BatchNorm2d(outputs),
                nn.ReLU(),
            ]
            inputs = outputs
        self.layers = nn.Sequential(*layers, nn.Conv2d(inputs, len(self.words), 1))

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the log odds of every word, ``(N, num_words)``.

        Args:
            pixels: RGB, shape ``(N, 3, SIDE, SIDE)``, 0..1.
        """
        light = pixels.mean(dim=1, keepdim=True) - 0.5
        odds: Tensor = self.layers(light).amax(dim=(2, 3))
        return odds

    @torch.no_grad()
    def odds(self, picture: Pixels, rows: Sequence[int]) -> Values:
        """Return the log odds that words are written in a picture."""
        odds = self.eval()(_batch([picture], next(self.parameters()).device))
        return np.asarray(odds[0].double().cpu())[list(rows)]


def _batch(pictures: Sequence[Pixels], device: torch.device) -> Tensor:
    """Return pictures of any sizes as ``(N, 3, SIDE, SIDE)``, 0..1."""
    squares = [
        np.asarray(cv2.resize(p, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR))
        for p in pictures
    ]
    pixels = torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2)
    return pixels.to(device).float() / 255.0


class Written(Dataset[tuple[Tensor, Tensor]]):
    """Small batches of pictures, some with words; the same for the same number."""

    def __init__(self, config: PoolConfig, words: Sequence[str]) -> None:
        self.config = config
        self.words = tuple(words)
        self._scene: Scene | None = None

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor]:
        """Return pictures ``(fresh, 3, SIDE, SIDE)``, and 1 for each written word."""
        cv2.setNumThreads(1)
        if self._scene is None:
            photos = self.config.photos
            self._scene = render_scene if photos is None else scenes_of(photos)
        random = np.random.default_rng((self.config.seed, number))
        renderings = [
            render_writing(self.words, random, scene=self._scene)
            for _ in range(self.config.fresh)
        ]
        pixels = torch.from_numpy(np.stack([picture for picture, _ in renderings]))
        targets = torch.from_numpy(np.stack([target for _, target in renderings]))
        return pixels.permute(0, 3, 1, 2).contiguous(), targets


@dataclass(frozen=True, slots=True)
class WordConfig:
    """Training settings of a word network."""

    steps: int = 1500
    """Largest number of optimiser steps."""
    seconds: float = 0.0
    """Time limit; 0: none."""
    batch_size: int = 96
    """Number of pictures per step."""
    fresh: int = 24
    """Number of new pictures per step."""
    pool: int = 4096
    """Number of pictures to keep, 150 kB each."""
    workers: int = 0
    """Number of processes that render."""
    learning_rate: float = 2e-3
    """Peak learning rate of AdamW."""
    photos: Path | None = None
    """Folder of photographs to write on, in addition to rendered scenes."""
    seed: int = 77
    """Seed of weights and pictures."""


def train_words(
    network: WordNetwork, config: WordConfig, *, device: str = "cpu"
) -> Iterator[tuple[int, float]]:
    """Train a word network in place, reporting step and loss."""
    network.to(device)
    pool_config = PoolConfig(
        size=config.pool,
        batch_size=config.batch_size,
        fresh=config.fresh,
        workers=config.workers,
        photos=config.photos,
        seed=config.seed,
    )
    pool = PicturePool(pool_config, Written(pool_config, network.words), device=device)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1.0, weight_decay=0.01)
    began = time.monotonic()
    for step in itertools.count():
        done = step / config.steps
        if config.seconds:
            done = max(done, (time.monotonic() - began) / config.seconds)
        if done >= 1:
            return
        rate = 0.5 * (1 + math.cos(math.pi * done)) * min(1.0, (step + 1) / 50)
        optimizer.param_groups[0]["lr"] = config.learning_rate * rate
        pixels, targets = pool.batch()
        with torch.autocast(pixels.device.type, dtype=torch.bfloat16):
            odds = network.train()(pixels)
        loss = F.binary_cross_entropy_with_logits(odds.float(), targets)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        yield step, loss.item()


@torch.no_grad()
def calibrate(network: WordNetwork, *, pictures: int = 200, seed: int = 78) -> None:
    """Shift the log odds so that `FALSE_SHARE` of unwritten words are above zero.

    In training most words are absent, so the network says "no" too often.
    """
    random = np.random.default_rng(seed)
    renderings = [render_writing(network.words, random) for _ in range(pictures)]
    every = range(len(network.words))
    odds = np.stack([network.odds(picture, every) for picture, _ in renderings])
    absent = odds[np.stack([target for _, target in renderings]) == 0]
    last = network.layers[-1]
    assert isinstance(last, nn.Conv2d) and last.bias is not None
    last.bias -= float(np.quantile(absent, 1 - FALSE_SHARE))


def save_words(path: Path, network: WordNetwork) -> None:
    """Write a word network."""
    meta = {"words": list(network.words), "width": network.width}
    save_tensors(path, network.state_dict(), meta=meta)


def load_words(path: Path) -> WordNetwork:
    """Read a word network.

    Raises:
        WeightsFileError: it is missing, or not a word network.
    """
    tensors, meta = load_tensors(path)
    network = WordNetwork(meta["words"], width=meta["width"])
    network.load_state_dict(tensors)
    return network.eval()


def all_words(prompts: Sequence[str] = ()) -> list[str]:
    """Return the words of all captions and of further prompts."""
    texts = (*prompts, *(caption.text for caption in CAPTIONS[:-1]))
    return sorted({word for text in texts for word in words_of(text)})


@click.command()
@click.option("--out", required=True, type=click.Path(path_type=Path), help="File.")
@click.option("--steps", default=1500, help="Step limit.")
@click.option("--seconds", default=0.0, help="Time limit; 0: none.")
@click.option("--pool", default=4096, help="Pictures to keep.")
@click.option("--batch-size", default=96, help="Pictures per step.")
@click.option("--workers", default=0, help="Processes that render.")
@click.option(
    "--photos",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Photographs to write on, in addition to rendered scenes.",
)
def main(
    out: Path,
    steps: int,
    seconds: float,
    pool: int,
    batch_size: int,
    workers: int,
    photos: Path | None,
) -> None:
    """Train a network that reads the words of all captions."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(77)
    network = WordNetwork(all_words())
    config = WordConfig(
        steps=steps,
        seconds=seconds,
        batch_size=batch_size,
        pool=pool,
        workers=workers,
        photos=photos,
    )
    step, loss = 0, math.nan
    for step, loss in train_words(network, config, device=device):
        if step % 100 == 99:
            echo(f"step {step + 1}: loss {loss:.4f}", err=True)
    calibrate(network)
    save_words(out, network)
    figures = measure_detector(network)
    echo(
        f"{out}: {step + 1} steps, loss {loss:.4f}; finds {figures.found:.1%} of "
        f"written words and {figures.wrong:.2%} of others"
    )


if __name__ == "__main__":
    main()
