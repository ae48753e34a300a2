"""Render photographs from a seed: sky, ground, objects, light and grain."""

from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from rtstyle_streams.frame import Pixels

Picture: TypeAlias = npt.NDArray[np.floating[Any]]
"""RGB, last axis 3, 0..255, not yet rounded."""
SIDE = 224
"""Height and width of every rendered picture, in pixels."""
SEEN_SIDE = 112
"""Height and width of what the small CLIP sees, in pixels: 7 patches of 16 each way."""


def render_scene(random: np.random.Generator) -> Pixels:
    """Draw an invented outdoor or indoor scene.

    Returns:
        RGB, shape ``(SIDE, SIDE, 3)``, uint8.
    """
    horizon = int(random.integers(SIDE // 4, 4 * SIDE // 5))
    picture = np.empty((SIDE, SIDE, 3), np.float32)
    sky, ground = _dull(random, 60, 235), _dull(random, 30, 190)
    fade = np.linspace(1.15, 0.85, SIDE, dtype=np.float32)[:, None, None]
    picture[:] = np.where(
        np.arange(SIDE)[:, None, None] < horizon, sky * fade, ground / fade
    )
    canvas = picture.clip(0, 255).astype(np.uint8)
    for _ in range(int(random.integers(2, 9))):
        _draw_thing(canvas, random)
    light = 1.0 + 0.35 * cloud(random) + random.normal(0, 0.05)
    softness = float(random.uniform(0.3, 1.4))
    soft = cv2.GaussianBlur(
        canvas.astype(np.float32) * light[..., None], (0, 0), softness
    )
    grain = random.standard_normal((SIDE, SIDE, 1), np.float32) * random.uniform(0, 6)
    return np.clip(soft + grain, 0, 255).astype(np.uint8)


def cloud(random: np.random.Generator, finest: int = 56) -> npt.NDArray[np.float32]:
    """Return smooth noise with equal strength in every octave.

    Returns:
        Shape ``(SIDE, SIDE)``, float32, about -1..1.
    """
    total = np.zeros((SIDE, SIDE), np.float32)
    cells = 3
    while cells <= finest:
        octave = random.standard_normal((cells, cells), np.float32)
        total += cv2.resize(octave, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
        cells *= 2
    scale = 1.0 / (2.0 * float(np.abs(total).mean()) + 1e-6)
    return np.asarray(total * scale, np.float32)


def _dull(random: np.random.Generator, low: float, high: float) -> Picture:
    """Return a colour that is mostly grey, like most objects."""
    colour = random.uniform(low, high, 3)
    purity = random.uniform(0.1, 0.8) ** 1.5
    return np.asarray(purity * colour + (1 - purity) * colour.mean())


def _draw_thing(canvas: Pixels, random: np.random.Generator) -> None:
    """Draw one ellipse, box or polygon with a lit and a dark side, in place."""
    centre = random.integers(0, SIDE, 2)
    radius = random.integers(12, 80, 2)
    colour = _dull(random, 10, 245)
    darker = tuple(float(v) for v in colour * random.uniform(0.5, 0.85))
    lighter = tuple(float(v) for v in colour)
    kind = random.integers(3)
    x, y = (int(v) for v in centre)
    w, h = (int(v) for v in radius)
    if kind == 0:
        turn = float(random.uniform(0, 180))
        cv2.ellipse(canvas, (x, y), (w, h), turn, 0, 360, darker, -1, cv2.LINE_AA)
        cv2.ellipse(
            canvas, (x - w // 6, y - h // 6), (3 * w // 4, 3 * h // 4), turn, 0, 360,
            lighter, -1, cv2.LINE_AA,
        )  # fmt: skip
    elif kind == 1:
        cv2.rectangle(canvas, (x - w, y - h), (x + w, y + h), darker, -1)
        cv2.rectangle(canvas, (x - w, y - h), (x + w // 3, y + h), lighter, -1)
    else:
        angles = np.sort(random.uniform(0, 2 * np.pi, int(random.integers(3, 8))))
        points = np.stack([x + w * np.cos(angles), y + h * np.sin(angles)], axis=1)
        cv2.fillPoly(canvas, [points.astype(np.int32)], lighter, cv2.LINE_AA)
