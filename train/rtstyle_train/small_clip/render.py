"""Pictures of captions: the pattern in its colour, or the caption's written words."""

from dataclasses import dataclass

import cv2
import numpy as np

from rtstyle_streams.frame import Pixels
from rtstyle_train.small_clip.captions import COLOURS, PATTERNS, Caption
from rtstyle_train.small_clip.patterns import draw_pattern
from rtstyle_train.small_clip.scenes import SIDE, Picture, cloud, render_scene

WORDS_SHARE = 0.35
"""Share of the pictures of a caption that show its written words."""


def render(
    caption: Caption,
    random: np.random.Generator,
    *,
    words_share: float = WORDS_SHARE,
) -> Pixels:
    """Draw a picture that `caption` describes; words only with `words_share`.

    Returns:
        RGB, shape ``(SIDE, SIDE, 3)``, uint8.
    """
    if caption.pattern is None:
        return render_scene(random)
    if random.random() < words_share:
        return write_words(pale(render_ground(random)), caption.text, random)
    return render_pattern(caption, random)


def render_pattern(caption: Caption, random: np.random.Generator) -> Pixels:
    """Draw the pattern of `caption` in its colour, on plain ground or over a scene."""
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
        scene = render_scene(random).astype(np.float32)
        light = scene.mean(axis=2, keepdims=True)
        keep = random.uniform(0.0, 0.7)
        ground = keep * scene + (1 - keep) * (0.5 * light + 90)
        strength = random.uniform(0.6, 1.0)
        mask = mask * np.float32(strength)
        ink = ink * (0.6 + 0.6 * light / 255)
    else:
        tone = random.uniform(180, 250) if kind < 0.85 else random.uniform(20, 120)
        ground = np.full((SIDE, SIDE, 3), tone, np.float32) + random.normal(0, 8, 3)
    picture = mask * ink + (1 - mask) * ground
    shaded = picture * (1 + 0.08 * cloud(random)[..., None])
    return np.clip(shaded, 0, 255).astype(np.uint8)


def render_ground(random: np.random.Generator) -> Pixels:
    """Draw what words stand on: a scene, plain ground or a faint pattern."""
    kind = random.random()
    if kind < 0.5:
        return render_scene(random)
    plain = np.full((SIDE, SIDE, 3), random.uniform(30, 235, 3), np.float32)
    plain *= 1 + 0.12 * cloud(random)[..., None]
    if kind < 0.75:
        mask = draw_pattern(str(random.choice(PATTERNS)), random)[..., None]
        plain += mask * random.uniform(-45, 45, 3).astype(np.float32)
    return np.clip(plain, 0, 255).astype(np.uint8)


def pale(picture: Pixels) -> Pixels:
    """Return the picture as if behind tracing paper."""
    return (150 + 0.4 * picture.astype(np.float32)).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class Lettering:
    """How freely words are written."""

    fonts: tuple[int, ...] = (cv2.FONT_HERSHEY_DUPLEX,)
    """Of which one is taken."""
    thickness: tuple[int, int] = (4, 6)
    """Smallest and largest, in pixels."""
    size: tuple[float, float] = (0.92, 1.0)
    """Width of a word as a share of what fits."""
    shift: int = 5
    """Pixels from the left and up or down."""
    opacity: tuple[float, float] = (0.75, 1.0)
    """Of the letters, 0..1."""


POSTER = Lettering()
"""As the small CLIP sees words: large, below each other, nearly always the same."""
ANYHOW = Lettering(
    thickness=(4, 6),
    size=(0.75, 1.0),
    shift=24,
    opacity=(0.4, 1.0),
)
"""As the word detector sees them."""


def write_words(
    picture: Pixels,
    text: str,
    random: np.random.Generator,
    *,
    lettering: Lettering = POSTER,
) -> Pixels:
    """Write `text` on a copy of `picture`, its words below each other from the left.

    Args:
        picture: RGB, shape ``(SIDE, SIDE, 3)``, uint8.
        text: Words of a caption.
        random: Of place, size, font and colour.
        lettering: How far these may vary.
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
    """Return the font scale at which `word` fills the width, up to a limit."""
    (width, _), _ = cv2.getTextSize(word, font, 1.0, thickness)
    return float(min(2.6, (SIDE - 12) / width))


def _near(colour: tuple[int, int, int], random: np.random.Generator) -> Picture:
    """Return a shade of `colour`."""
    shade = np.asarray(colour) * random.uniform(0.8, 1.15) + random.normal(0, 8, 3)
    return np.asarray(shade.clip(0, 255))
