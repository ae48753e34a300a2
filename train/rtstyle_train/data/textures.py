"""Textures drawn by code: style pictures that no painting's rights stand upon."""

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from rtstyle_streams.frame import Pixels

Palette = npt.NDArray[np.float32]
"""RGB colours, shape ``(K, 3)``, 0..255."""


def render_texture(random: np.random.Generator, *, side: int) -> Pixels:
    """Draw one texture of a kind, colours and scale that chance decides.

    Args:
        random: Decides all of it.
        side: Height and width, in pixels.

    Returns:
        RGB, shape ``(side, side, 3)``, uint8.
    """
    draw = KINDS[int(random.integers(len(KINDS)))]
    picture = draw(random, _palette(random), side)
    if random.random() < 0.5:
        grain = random.normal(0, random.uniform(2, 14), (side, side, 1))
        picture = np.asarray(picture + grain, np.float32)
    return np.asarray(np.clip(picture, 0, 255), np.uint8)


def _palette(random: np.random.Generator) -> Palette:
    """Return three to seven colours, from nearly one hue to all of them."""
    count = int(random.integers(3, 8))
    hues = random.uniform(0, 180) + random.uniform(-1, 1, count) * random.choice(
        [12.0, 40.0, 90.0]
    )
    saturations = random.uniform(20, 255, count) * random.uniform(0.3, 1)
    values = np.linspace(random.uniform(10, 90), random.uniform(160, 255), count)
    hsv = np.stack([hues % 180, saturations, values], axis=1)[None].astype(np.uint8)
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0], np.float32)


def _from_levels(levels: npt.NDArray[np.floating], palette: Palette) -> Palette:
    """Map 0..1 onto the palette, in between by interpolation; ``(H, W, 3)``."""
    at = np.clip(levels, 0, 1) * (len(palette) - 1)
    low = np.minimum(at.astype(int), len(palette) - 2)
    share = (at - low)[..., None]
    mixed = palette[low] * (1 - share) + palette[low + 1] * share
    return np.asarray(mixed, np.float32)


def _smooth_noise(
    random: np.random.Generator, side: int, *, cells: int
) -> npt.NDArray[np.float32]:
    """Return noise with features of ``side / cells`` pixels, about 0..1."""
    coarse = random.random((cells + 3, cells + 3)).astype(np.float32)
    fine = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
    return np.asarray(fine, np.float32)


def _stripes(random: np.random.Generator, palette: Palette, side: int) -> Palette:
    """Bands, straight or bent by noise, soft or hard."""
    rows, columns = np.mgrid[0:side, 0:side].astype(np.float32)
    angle = random.uniform(0, np.pi)
    along = rows * np.sin(angle) + columns * np.cos(angle)
    bend = random.choice([0.0, 30.0, 120.0])
    along += bend * _smooth_noise(random, side, cells=int(random.integers(2, 6)))
    waves = 0.5 + 0.5 * np.sin(along * 2 * np.pi / random.uniform(6, 60))
    return _from_levels(waves if random.random() < 0.5 else waves.round(), palette)


def _clouds(random: np.random.Generator, palette: Palette, side: int) -> Palette:
    """Noise of several scales."""
    roughness = random.uniform(0.4, 0.9)
    levels = np.zeros((side, side), np.float32)
    for octave in range(1, 8):
        noise = _smooth_noise(random, side, cells=2**octave)
        levels += (noise - 0.5) * np.float32(roughness**octave)
    return _from_levels(0.5 + levels / (4 * levels.std() + 1e-6), palette)


def _dots(random: np.random.Generator, palette: Palette, side: int) -> Palette:
    """Discs strewn over a ground."""
    canvas = np.empty((side, side, 3), np.float32)
    canvas[:] = palette[0]
    radius = random.uniform(2, 14)
    count = int(random.uniform(0.4, 2.5) * side * side / (np.pi * radius**2))
    centres = random.integers(0, side, (count, 2))
    sizes = random.uniform(0.5, 1.3, count) * radius
    colours = palette[random.integers(1, len(palette), count)]
    for centre, size, colour in zip(centres, sizes, colours, strict=True):
        cv2.circle(
            canvas,
            centre.tolist(),
            max(1, round(size)),
            colour.tolist(),
            -1,
            cv2.LINE_8,
        )
    return canvas


def _strokes(random: np.random.Generator, palette: Palette, side: int) -> Palette:
    """Brush strokes that follow a smooth field of directions."""
    ground = _smooth_noise(random, side, cells=int(random.integers(2, 7)))
    canvas = _from_levels(ground, palette)
    field = _smooth_noise(random, side, cells=int(random.integers(2, 5)))
    turns = random.uniform(1, 3) * np.pi
    length, width = random.uniform(8, 40), int(random.integers(2, 8))
    count = int(min(5000, 3 * side * side / (length * width)))
    for row, column in random.integers(0, side, (count, 2)):
        angle = field[row, column] * turns + random.normal(0, 0.15)
        level = ground[row, column] + random.normal(0, 0.18)
        colour = _from_levels(np.array([level]), palette)[0] + random.normal(0, 12)
        dx, dy = length / 2 * np.cos(angle), length / 2 * np.sin(angle)
        start = (round(column - dx), round(row - dy))
        end = (round(column + dx), round(row + dy))
        cv2.line(canvas, start, end, colour.tolist(), width, cv2.LINE_8)
    return canvas


def _mosaic(random: np.random.Generator, palette: Palette, side: int) -> Palette:
    """Cells of one colour each, with or without joints between them."""
    count = int(random.uniform(60, 1500))
    seeds = np.full((side, side), 255, np.uint8)
    seeds[random.integers(0, side, count), random.integers(0, side, count)] = 0
    distance, labels = cv2.distanceTransformWithLabels(
        seeds, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    colours = palette[random.integers(0, len(palette), int(labels.max()) + 1)]
    shades = colours + random.normal(0, 14, colours.shape)
    canvas = np.asarray(shades[labels], np.float32)
    if random.random() < 0.7:
        edges = cv2.morphologyEx(
            labels.astype(np.float32), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)
        )
        canvas[edges > 0] = palette[0] * random.uniform(0.1, 1)
    return canvas


def _hatching(random: np.random.Generator, palette: Palette, side: int) -> Palette:
    """Thin lines in a few directions on paper, denser where noise is dark."""
    canvas = np.empty((side, side, 3), np.float32)
    paper, ink = palette[-1], palette[0] * 0.6
    canvas[:] = 0.6 * paper + 100
    shade = _smooth_noise(random, side, cells=int(random.integers(2, 8)))
    for angle in random.uniform(0, np.pi, int(random.integers(1, 4))):
        count = int(random.uniform(800, 4000))
        for row, column in random.integers(0, side, (count, 2)):
            if shade[row, column] < random.random():
                continue
            reach = random.uniform(5, 22)
            dx, dy = round(reach * np.cos(angle)), round(reach * np.sin(angle))
            ends = (int(column - dx), int(row - dy)), (int(column + dx), int(row + dy))
            cv2.line(canvas, *ends, ink.tolist(), 1, cv2.LINE_8)
    return canvas


KINDS: tuple[Callable[[np.random.Generator, Palette, int], Palette], ...] = (
    _stripes,
    _clouds,
    _dots,
    _strokes,
    _mosaic,
    _hatching,
)
"""Every kind of texture."""
