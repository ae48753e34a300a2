"""Render pictures of captions: a pattern in its colour, or the words in writing."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np

from rtstyle_experiments.small_clip.captions import COLOURS, PATTERNS, Caption
from rtstyle_experiments.small_clip.patterns import draw_pattern
from rtstyle_experiments.small_clip.scenes import SIDE, Picture, cloud, render_scene
from rtstyle_streams.frame import Pixels

Scene: TypeAlias = Callable[[np.random.Generator], Pixels]
"""Returns photographs, rendered or real, RGB ``(SIDE, SIDE, 3)``."""
WORDS_SHARE = 0.5
"""Share of a caption's pictures that show its written words."""
PALE_SHARE = 0.5
"""Share of the backgrounds of written words that are made pale."""
SMALL_SHARE = 0.1
"""Share of the written words that cover only part of the picture."""


def render(
    caption: Caption,
    random: np.random.Generator,
    *,
    words_share: float = WORDS_SHARE,
    scene: Scene = render_scene,
) -> Pixels:
    """Draw a picture of `caption`, or its words, as often as `words_share` says.

    Args:
        caption: What the picture shows.
        random: Generator of all random choices.
        words_share: Share of pictures that show the caption in writing.
        scene: Draws photographs and the backgrounds of patterns and words.

    Returns:
        RGB, shape ``(SIDE, SIDE, 3)``, uint8.
    """
    if caption.pattern is None:
        return scene(random)
    if random.random() >= words_share:
        return render_pattern(caption, random, scene=scene)
    ground = render_ground(random, scene=scene)
    if random.random() < PALE_SHARE:
        ground = pale(ground)
    if random.random() < SMALL_SHARE:
        return write_small(ground, caption.text, random)
    return write_words(ground, caption.text, random)


def render_pattern(
    caption: Caption, random: np.random.Generator, *, scene: Scene = render_scene
) -> Pixels:
    """Draw the pattern of `caption` in its colour, on plain paper or over a scene."""
    assert caption.pattern is not None and caption.colour is not None
    mask = draw_pattern(caption.pattern, random)[..., None]
    ink = _near(COLOURS[caption.colour], random)
    ground: Picture
    kind = random.random()
    if caption.paper:
        ground = random.uniform(222, 250) + 4 * cloud(random, 112)[..., None]
        ground = ground + np.array([2, 0, -8], np.float32)
        ink = np.full(3, random.uniform(40, 110))
    elif kind < 0.55:
        behind = scene(random).astype(np.float32)
        light = behind.mean(axis=2, keepdims=True)
        keep = random.uniform(0.0, 0.7)
        ground = keep * behind + (1 - keep) * (0.5 * light + 90)
        strength = random.uniform(0.6, 1.0)
        mask = mask * np.float32(strength)
        ink = ink * (0.6 + 0.6 * light / 255)
    else:
        tone = random.uniform(180, 250) if kind < 0.85 else random.uniform(20, 120)
        ground = np.full((SIDE, SIDE, 3), tone, np.float32) + random.normal(0, 8, 3)
    picture = mask * ink + (1 - mask) * ground
    shaded = picture * (1 + 0.08 * cloud(random)[..., None])
    return np.clip(shaded, 0, 255).astype(np.uint8)


def render_ground(
    random: np.random.Generator, *, scene: Scene = render_scene
) -> Pixels:
    """Draw a background for words: a scene, a plain colour or a faint pattern."""
    kind = random.random()
    if kind < 0.6:
        return scene(random)
    plain = np.full((SIDE, SIDE, 3), random.uniform(30, 235, 3), np.float32)
    plain *= 1 + 0.12 * cloud(random)[..., None]
    if kind < 0.8:
        mask = draw_pattern(str(random.choice(PATTERNS)), random)[..., None]
        plain += mask * random.uniform(-45, 45, 3).astype(np.float32)
    return np.clip(plain, 0, 255).astype(np.uint8)


def pale(picture: Pixels) -> Pixels:
    """Return a pale copy of the picture, as if behind tracing paper."""
    return (150 + 0.4 * picture.astype(np.float32)).astype(np.uint8)


FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
)
"""Fonts with and without serifs; OpenCV 5 draws the same letters for all."""


@dataclass(frozen=True, slots=True)
class Lettering:
    """How much the writing of words may vary."""

    fonts: tuple[int, ...] = FONTS
    """Fonts to choose from."""
    thickness: tuple[int, int] = (2, 6)
    """Smallest and largest thickness, in pixels."""
    size: tuple[float, float] = (0.6, 1.0)
    """Width of a word as a share of the width that fits."""
    shift: int = 40
    """Largest shift from the left and up or down, in pixels."""
    opacity: tuple[float, float] = (0.6, 1.0)
    """Opacity of the letters, 0..1."""


POSTER = Lettering(thickness=(4, 6), size=(0.9, 1.0), shift=6, opacity=(0.75, 1.0))
"""Lettering for the small CLIP: any font, mostly large."""
ANYHOW = Lettering(thickness=(4, 6), size=(0.75, 1.0), shift=24, opacity=(0.4, 1.0))
"""Lettering for the word detector."""


def write_small(
    picture: Pixels,
    text: str,
    random: np.random.Generator,
    *,
    lettering: Lettering = POSTER,
) -> Pixels:
    """Write `text` on a copy of `picture`, in a square of half its side or more."""
    side = int(random.integers(SIDE // 2, SIDE))
    top, left = (int(v) for v in random.integers(0, SIDE - side + 1, 2))
    part = picture[top : top + side, left : left + side]
    large = np.asarray(cv2.resize(part, (SIDE, SIDE)), np.uint8)
    small = cv2.resize(
        write_words(large, text, random, lettering=lettering),
        (side, side),
        interpolation=cv2.INTER_AREA,
    )
    whole = picture.copy()
    whole[top : top + side, left : left + side] = small
    return whole


def write_words(
    picture: Pixels,
    text: str,
    random: np.random.Generator,
    *,
    lettering: Lettering = POSTER,
) -> Pixels:
    """Write `text` on a copy of `picture`, one word per line, from the left.

    Args:
        picture: RGB, shape ``(SIDE, SIDE, 3)``, uint8.
        text: Words of a caption.
        random: Generator of place, size, font and colour.
        lettering: How much these may vary.
    """
    canvas = np.zeros((SIDE, SIDE), np.uint8)
    words = [word for word in text.split() if word != "on"]
    font = int(random.choice(lettering.fonts))
    low, high = lettering.thickness
    thickness = int(random.integers(low, high + 1))
    height = SIDE // max(2, len(words))
    for row, word in enumerate(words):
        fit = fitting_scale(word, font, thickness)
        scale = random.uniform(*lettering.size) * fit
        (w, h), _ = cv2.getTextSize(word, font, scale, thickness)
        room = max(1, min(lettering.shift, SIDE - w - 4))
        x = 4 + int(random.integers(room))
        drop = min(8, lettering.shift)
        y = (row + 1) * height - (height - h) // 2 + int(random.integers(-drop, drop))
        cv2.putText(canvas, word, (x, y), font, scale, 255, thickness, cv2.LINE_AA)
    around = float(picture.mean())
    letters = random.uniform(0, 70, 3) if around > 128 else random.uniform(185, 255, 3)
    cover = random.uniform(*lettering.opacity) * canvas[..., None].astype(np.float32)
    return ((cover * letters + (255 - cover) * picture) / 255).astype(np.uint8)


def fitting_scale(word: str, font: int, thickness: int) -> float:
    """Return the font scale at which `word` fills the width, up to a maximum."""
    (width, _), _ = cv2.getTextSize(word, font, 1.0, thickness)
    return float(min(2.6, (SIDE - 12) / width))


def _near(colour: tuple[int, int, int], random: np.random.Generator) -> Picture:
    """Return a shade of `colour`."""
    shade = np.asarray(colour) * random.uniform(0.8, 1.15) + random.normal(0, 8, 3)
    return np.asarray(shade.clip(0, 255))
