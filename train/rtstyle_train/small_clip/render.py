"""Pictures of captions: the pattern in its colour, or the caption's written words."""

import cv2
import numpy as np

from rtstyle_streams.frame import Pixels
from rtstyle_train.small_clip.captions import COLOURS, PATTERNS, Caption
from rtstyle_train.small_clip.patterns import draw_pattern
from rtstyle_train.small_clip.scenes import SIDE, Picture, cloud, render_scene

FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
)
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
        return write_words(render_ground(random), caption.text, random)
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


def write_words(
    picture: Pixels,
    text: str,
    random: np.random.Generator,
    *,
    contrast: tuple[float, float] = (0.6, 1.0),
) -> Pixels:
    """Write `text` on a copy of `picture`, its words below each other from the left.

    Args:
        picture: RGB, shape ``(SIDE, SIDE, 3)``, uint8.
        text: Words of a caption.
        random: Of place, size, font and colour.
        contrast: Range of the letters' opacity, 0..1.
    """
    canvas = np.zeros((SIDE, SIDE), np.uint8)
    words = [word for word in text.split() if word != "on"]
    font = int(random.choice(FONTS))
    thickness = int(random.integers(3, 7))
    height = SIDE // max(2, len(words))
    for row, word in enumerate(words):
        scale = random.uniform(0.85, 1.0) * _fitting_scale(word, font, thickness)
        (w, h), _ = cv2.getTextSize(word, font, scale, thickness)
        x = int(random.integers(2, max(3, min(24, SIDE - w - 2))))
        y = (row + 1) * height - (height - h) // 2 + int(random.integers(-8, 9))
        cv2.putText(canvas, word, (x, y), font, scale, 255, thickness, cv2.LINE_AA)
    around = float(picture.mean())
    letters = random.uniform(0, 70, 3) if around > 128 else random.uniform(185, 255, 3)
    opacity = random.uniform(*contrast) * canvas[..., None].astype(np.float32) / 255
    return (opacity * letters + (1 - opacity) * picture).astype(np.uint8)


def _fitting_scale(word: str, font: int, thickness: int) -> float:
    """Return the font scale at which `word` fills the width, up to a limit."""
    (width, _), _ = cv2.getTextSize(word, font, 1.0, thickness)
    return float(min(2.6, (SIDE - 12) / width))


def _near(colour: tuple[int, int, int], random: np.random.Generator) -> Picture:
    """Return a shade of `colour`."""
    shade = np.asarray(colour) * random.uniform(0.8, 1.15) + random.normal(0, 8, 3)
    return np.asarray(shade.clip(0, 255))
