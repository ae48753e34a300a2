"""Finds written words in pictures: a small network trained on words that we write."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rtstyle_streams.frame import Pixels
from rtstyle_train.small_clip.captions import CAPTIONS
from rtstyle_train.small_clip.render import (
    ANYHOW,
    render_ground,
    render_pattern,
    write_words,
)
from rtstyle_train.small_clip.scenes import SIDE, render_scene

SEEN_SIDE = 112
"""Side of what the detector reads, in pixels."""
LETTERS = "abcdefghijklmnoprstuwy"
"""Of the words that mean nothing."""
SMALL_WORDS = {"a", "an", "and", "in", "of", "on", "the", "with"}
"""Too short to be told from other marks."""


def words_of(text: str) -> list[str]:
    """Return the words of a prompt that a detector looks for."""
    return [word for word in text.lower().split() if word not in SMALL_WORDS]


class WordDetector(nn.Module):
    """Says which of some words are written in a picture.

    Every place is judged on its surroundings of about 100 pixels; the best one counts.
    """

    def __init__(self, words: Sequence[str]) -> None:
        super().__init__()
        self.words = tuple(words)
        widths = ((1, 16, 5, 2, 1), (16, 32, 3, 2, 1), (32, 48, 3, 2, 1))
        around = ((48, 64, 3, 1, 1), (64, 64, 3, 1, 2), (64, 64, 3, 1, 4))
        layers: list[nn.Module] = []
        for inputs, outputs, kernel, stride, dilation in (*widths, *around):
            padding = kernel // 2 * dilation
            layers += [
                nn.Conv2d(
                    inputs, outputs, kernel, stride, padding, dilation, bias=False
                ),
                nn.BatchNorm2d(outputs),
                nn.ReLU(),
            ]
        self.features = nn.Sequential(*layers)
        self.judge = nn.Conv2d(64, len(self.words), 1)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the log odds of each word, shape ``(N, num_words)``.

        Args:
            pixels: RGB, shape ``(N, 3, H, W)``, 0..1, any size; made square.
        """
        small = F.interpolate(
            pixels.mean(dim=1, keepdim=True),
            (SEEN_SIDE, SEEN_SIDE),
            mode="bilinear",
            antialias=True,
        )
        places: Tensor = self.judge(self.features(small * 4 - 2))
        return torch.logsumexp(places.flatten(2), dim=2) - 2.0

    @torch.no_grad()
    def score(self, pixels: Tensor, text: str) -> Tensor:
        """Return how sure the detector is that the words of `text` are written.

        The picture and nine overlapping quarters of it are looked at, because CLIP's
        patches are quarters too; the surest view counts.

        Args:
            pixels: RGB, shape ``(N, 3, H, W)``, 0..1.
            text: A prompt whose words are among `words`.

        Returns:
            Shape ``(N,)``, 0..1: mean probability of the prompt's words.

        Raises:
            ValueError: the detector does not know a word.
        """
        rows = [self.words.index(word) for word in words_of(text)]
        n, _, height, width = pixels.shape
        views = [pixels]
        for top in (0, height // 4, height // 2):
            for left in (0, width // 4, width // 2):
                part = pixels[..., top : top + height // 2, left : left + width // 2]
                views.append(F.interpolate(part, (height, width), mode="bilinear"))
        odds = self(torch.cat(views)).view(len(views), n, -1)
        sure: Tensor = odds[..., rows].sigmoid().mean(dim=2)
        return sure.amax(dim=0)


@dataclass(frozen=True, slots=True)
class DetectorFigures:
    """How well a detector reads words on pictures that it never saw."""

    found: float
    """Share of written words with a probability above one half."""
    wrong: float
    """Share of words that are not written, with a probability above one half."""


def render_writing(
    words: Sequence[str], random: np.random.Generator
) -> tuple[Pixels, npt.NDArray[np.float32]]:
    """Draw a picture with one or two words, meaningless letters, or nothing written.

    Returns:
        RGB ``(SIDE, SIDE, 3)``, uint8, and 1 for each of `words` that is written.
    """
    written = np.zeros(len(words), np.float32)
    kind = random.random()
    if kind < 0.4:
        ground = render_ground(random)
    elif kind < 0.7:
        pattern = CAPTIONS[int(random.integers(len(CAPTIONS) - 1))]
        ground = render_pattern(pattern, random)
    else:
        ground = render_scene(random)
    if random.random() < 0.35:
        return ground, written
    if random.random() < 0.25:
        return _write(ground, _nonsense(random), random), written
    rows = random.choice(len(words), int(random.integers(1, 3)), replace=False)
    written[rows] = 1.0
    text = " ".join(words[row] for row in rows)
    return _write(ground, text, random), written


def _write(ground: Pixels, text: str, random: np.random.Generator) -> Pixels:
    """Write on the picture, or smaller on a part of it."""
    if random.random() < 0.6:
        return write_words(ground, text, random, lettering=ANYHOW)
    side = int(random.integers(SIDE // 2, SIDE))
    top, left = (int(v) for v in random.integers(0, SIDE - side + 1, 2))
    part = ground[top : top + side, left : left + side]
    large = np.asarray(cv2.resize(part, (SIDE, SIDE)), np.uint8)
    small = cv2.resize(
        write_words(large, text, random, lettering=ANYHOW),
        (side, side),
        interpolation=cv2.INTER_AREA,
    )
    whole = ground.copy()
    whole[top : top + side, left : left + side] = small
    return whole


def _nonsense(random: np.random.Generator) -> str:
    lengths = random.integers(3, 9, int(random.integers(1, 3)))
    return " ".join("".join(random.choice(list(LETTERS), n)) for n in lengths)


def train_detector(
    words: Sequence[str], *, steps: int = 700, batch_size: int = 48, seed: int = 77
) -> Iterator[tuple[WordDetector, float]]:
    """Train a detector, yielding it and the loss after every step.

    Args:
        words: What to tell apart.
        steps: Steps of AdamW.
        batch_size: Pictures a step; a third of them new, the others drawn again.
        seed: Of weights and pictures.
    """
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    detector = WordDetector(words)
    optimizer = torch.optim.AdamW(detector.parameters(), lr=3e-3, weight_decay=0.01)
    plan = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    pool: list[tuple[Pixels, npt.NDArray[np.float32]]] = []
    for _ in range(steps):
        fresh = batch_size if len(pool) < batch_size else batch_size // 3
        pool += [render_writing(words, random) for _ in range(fresh)]
        pool = pool[-1500:]
        rows = random.integers(0, len(pool), batch_size - fresh)
        batch = [*pool[-fresh:], *(pool[row] for row in rows)]
        pixels = torch.from_numpy(np.stack([picture for picture, _ in batch]))
        written = torch.from_numpy(np.stack([target for _, target in batch]))
        odds = detector.train()(pixels.permute(0, 3, 1, 2) / 255.0)
        weight = torch.tensor(4.0)  # few of many words are written
        loss = F.binary_cross_entropy_with_logits(odds, written, pos_weight=weight)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        plan.step()
        yield detector.eval(), loss.item()


@torch.no_grad()
def measure_detector(detector: WordDetector, *, pictures: int = 300) -> DetectorFigures:
    """Judge a detector on new pictures."""
    random = np.random.default_rng(880_001)
    made = [render_writing(detector.words, random) for _ in range(pictures)]
    pixels = torch.from_numpy(np.stack([picture for picture, _ in made]))
    written = torch.from_numpy(np.stack([target for _, target in made])) > 0
    sure = torch.cat(
        [
            detector(part.permute(0, 3, 1, 2) / 255.0) > 0
            for part in torch.split(pixels, 50)
        ]
    )
    found, wrong = sure[written].float().mean(), sure[~written].float().mean()
    return DetectorFigures(found.item(), wrong.item())
