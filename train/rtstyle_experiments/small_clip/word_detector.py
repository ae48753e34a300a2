"""Find written words in pictures by shapes and thresholds learnt from renderings."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from rtstyle_experiments.small_clip.captions import CAPTIONS
from rtstyle_experiments.small_clip.render import (
    ANYHOW,
    POSTER,
    Scene,
    fitting_scale,
    render_ground,
    render_pattern,
    write_small,
    write_words,
)
from rtstyle_experiments.small_clip.scenes import SIDE, render_scene
from rtstyle_streams.frame import Pixels

Values: TypeAlias = npt.NDArray[np.float64]
"""One value for each word."""
SEEN_SIDE = 112
"""Side of the pictures that the detector reads, in pixels."""
FONT, THICKNESS, MARGIN = cv2.FONT_HERSHEY_DUPLEX, 5, 4
"""Drawing of the shapes before they are reduced; thickness and margin in pixels."""
SIZES = tuple(0.95**step for step in range(16))
"""Sizes of the shapes, as shares of the width that fits."""
ABOVE = 0.25
"""Place of the threshold between rare false and typical true correlations."""
RIDGE = 1e-3
"""Ridge that keeps the slope finite if all words are told apart."""
LETTERS = "abcdefghijklmnoprstuwy"
"""Letters of the meaningless words."""
SMALL_WORDS = {"a", "an", "and", "in", "of", "on", "the", "with"}
"""Words that are too short to tell from other marks."""


def words_of(text: str) -> list[str]:
    """Return the words of a prompt for a detector to look for."""
    return [word for word in text.lower().split() if word not in SMALL_WORDS]


class Detector(Protocol):
    """Interface of word detectors."""

    @property
    def words(self) -> tuple[str, ...]:
        """Return the words that it can find."""
        ...

    def odds(self, picture: Pixels, rows: Sequence[int]) -> Values:
        """Return the log odds that words are written in a picture."""
        ...


def score(detector: Detector, picture: Pixels, text: str) -> float:
    """Return a detector's probability that the words of `text` are written.

    It looks at the picture, its quarters and its middle, because CLIP's patches are
    quarters too; the view with the highest probability counts.

    Args:
        detector: A word detector.
        picture: RGB, shape ``(H, W, 3)``, uint8.
        text: A prompt whose words the detector knows.

    Returns:
        0..1: mean probability of the prompt's words.

    Raises:
        ValueError: the detector does not know a word.
    """
    rows = [detector.words.index(word) for word in words_of(text)]
    height, width = picture.shape[:2]
    views = [picture]
    for down, right in ((0, 0), (0, 2), (1, 1), (2, 0), (2, 2)):
        top, left = down * height // 4, right * width // 4
        views.append(picture[top : top + height // 2, left : left + width // 2])
    odds = np.stack([detector.odds(view, rows) for view in views])
    return float((1 / (1 + np.exp(-odds))).mean(axis=1).max())


@dataclass(frozen=True, slots=True)
class WordDetector:
    """Finds words by their shape, at any place and in any colour.

    Each word's rendered shape is matched over the picture at several sizes;
    `train_detector` learns from rendered pictures how well the best correlation tells a
    written word from none.
    """

    words: tuple[str, ...]
    """Words that it can find."""
    slope: Values
    """Log odds per unit of correlation, shape ``(num_words,)``."""
    threshold: Values
    """Correlation at which the odds are even, shape ``(num_words,)``."""

    def peaks(self, picture: Pixels, rows: Sequence[int]) -> Values:
        """Return the best correlation of words anywhere in a picture, 0..1.

        Args:
            picture: RGB, any size; made square.
            rows: Indices into `words`.

        Returns:
            Shape ``(len(rows),)``, float64; the same for dark and light letters.
        """
        gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        size = (SEEN_SIDE, SEEN_SIDE)
        small = cv2.resize(gray, size, interpolation=cv2.INTER_AREA).astype(np.float32)
        small += np.linspace(0, 0.5, SEEN_SIDE, dtype=np.float32)  # no empty windows
        best = []
        for row in rows:
            maps = (
                cv2.matchTemplate(small, shape, cv2.TM_CCOEFF_NORMED)
                for shape in word_shapes(self.words[row])
            )
            best.append(max(float(np.abs(response).max()) for response in maps))
        return np.asarray(best)

    def odds(self, picture: Pixels, rows: Sequence[int]) -> Values:
        """Return the log odds that words are written in a picture."""
        indices = list(rows)
        peaks = self.peaks(picture, indices)
        return np.asarray(self.slope[indices] * (peaks - self.threshold[indices]))


@functools.cache
def word_shapes(word: str) -> tuple[npt.NDArray[np.float32], ...]:
    """Return the written shapes of a word, large to small, 255 on 0."""
    shapes = []
    scale = fitting_scale(word, FONT, THICKNESS)
    (width, height), below = cv2.getTextSize(word, FONT, scale, THICKNESS)
    canvas = np.zeros((height + below + 2 * MARGIN, width + 2 * MARGIN), np.uint8)
    place = (MARGIN, MARGIN + height)
    cv2.putText(canvas, word, place, FONT, scale, 255, THICKNESS, cv2.LINE_AA)
    for size in SIZES:
        share = size * SEEN_SIDE / SIDE
        target = (round(canvas.shape[1] * share), round(canvas.shape[0] * share))
        small = cv2.resize(canvas, target, interpolation=cv2.INTER_AREA)
        shapes.append(small.astype(np.float32))
    return tuple(shapes)


@dataclass(frozen=True, slots=True)
class DetectorFigures:
    """How well a detector reads words in new pictures."""

    found: float
    """Share of written words with a probability above one half."""
    wrong: float
    """Share of unwritten words with a probability above one half."""


def render_writing(
    words: Sequence[str], random: np.random.Generator, *, scene: Scene = render_scene
) -> tuple[Pixels, npt.NDArray[np.float32]]:
    """Draw a picture with one or two words, meaningless letters, or nothing written.

    Returns:
        RGB ``(SIDE, SIDE, 3)``, uint8, and for each of `words` 1 if it is written.
    """
    written = np.zeros(len(words), np.float32)
    kind = random.random()
    if kind < 0.4:
        ground = render_ground(random, scene=scene)
    elif kind < 0.7:
        pattern = CAPTIONS[int(random.integers(len(CAPTIONS) - 1))]
        ground = render_pattern(pattern, random, scene=scene)
    else:
        ground = scene(random)
    if random.random() < 0.35:
        return ground, written
    if random.random() < 0.25:
        return _write(ground, _nonsense(random), random), written
    rows = random.choice(len(words), int(random.integers(1, 3)), replace=False)
    written[rows] = 1.0
    text = " ".join(words[row] for row in rows)
    return _write(ground, text, random), written


def _write(ground: Pixels, text: str, random: np.random.Generator) -> Pixels:
    """Write on the picture, or smaller on part of it."""
    lettering = POSTER if random.random() < 0.4 else ANYHOW
    write = write_words if random.random() < 0.6 else write_small
    return write(ground, text, random, lettering=lettering)


def _nonsense(random: np.random.Generator) -> str:
    lengths = random.integers(3, 9, int(random.integers(1, 3)))
    return " ".join("".join(random.choice(list(LETTERS), n)) for n in lengths)


def train_detector(
    words: Sequence[str], *, pictures: int = 240, seed: int = 77
) -> WordDetector:
    """Learn how well correlations tell written words from anything else.

    Args:
        words: Words to tell apart.
        pictures: Number of pictures to render: with words, with letters, with neither.
        seed: Seed of the pictures.

    Source:
        Logistic regression on the best correlation: one slope for all words, a
        threshold for each, by Newton's method with a small ridge.
    """
    random = np.random.default_rng(seed)
    renderings = [render_writing(words, random) for _ in range(pictures)]
    even = WordDetector(tuple(words), np.ones(len(words)), np.zeros(len(words)))
    every = range(len(words))
    peaks = np.stack([even.peaks(picture, every) for picture, _ in renderings])
    written = np.stack([target for _, target in renderings]) > 0
    threshold = np.empty(len(words))
    for row in every:
        absent = peaks[~written[:, row], row]
        present = peaks[written[:, row], row]
        high = np.median(present) if present.size else absent.max() + 0.2
        rare = np.quantile(absent, 0.99)
        threshold[row] = rare + ABOVE * max(0.0, high - rare)
    slope = _fit_slope((peaks - threshold).ravel(), written.ravel())
    return WordDetector(tuple(words), np.full(len(words), slope), threshold)


def _fit_slope(distance: Values, is_written: npt.NDArray[np.bool_]) -> float:
    """Return the slope of a logistic curve through 0, by Newton's method."""
    slope = 10.0
    for _ in range(50):
        chance = 1 / (1 + np.exp(-slope * distance))
        first = ((is_written - chance) * distance).sum() - RIDGE * slope
        second = (chance * (1 - chance) * distance**2).sum() + RIDGE
        slope = float(np.clip(slope + first / second, 1.0, 200.0))
    return slope


def measure_detector(detector: Detector, *, pictures: int = 150) -> DetectorFigures:
    """Judge a detector on new pictures."""
    random = np.random.default_rng(880_001)
    renderings = [render_writing(detector.words, random) for _ in range(pictures)]
    every = range(len(detector.words))
    sure = np.stack([detector.odds(picture, every) > 0 for picture, _ in renderings])
    written = np.stack([target for _, target in renderings]) > 0
    return DetectorFigures(float(sure[written].mean()), float(sure[~written].mean()))
