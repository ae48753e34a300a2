"""Drawings of ink, graphite and chalk: pencil, ink wash, woodcut, blueprint."""

import numpy as np

from rtstyle_streams.frame import Pixels
from rtstyle_train.drawings.parts import (
    Colours,
    blurred,
    flattened,
    grey_of,
    hatching,
    noise,
    outlines,
    paper,
    toned,
)

INK, CREAM = (24.0, 22.0, 26.0), (246.0, 240.0, 226.0)


def pencil_sketch(scene: Pixels) -> Colours:
    """Graphite on white paper: hatched shadows, in three directions, and outlines."""
    grey = blurred(grey_of(scene), 1.0)
    sheet = np.ones_like(grey)
    for number, (angle, upto) in enumerate(((35, 0.78), (-40, 0.52), (5, 0.3))):
        strokes = hatching(
            grey.shape, angle=angle, period=5.5, waver=1.6, seed=10 + number
        )
        depth = np.clip((upto - grey) / 0.3, 0, 1)
        sheet -= 0.42 * depth * np.clip(1.5 * strokes - 0.35, 0, 1)
    sheet -= 0.75 * outlines(scene, width=1.2, least=0.05)
    sheet *= paper(grey.shape, grain=0.035, seed=3)
    return toned(np.clip(sheet, 0, 1), (40, 40, 46), (250, 248, 243))


def ink_wash(scene: Pixels) -> Colours:
    """Ink on rice paper: wet washes that run, a few brush lines."""
    flat = flattened(scene, strength=3)
    grey = blurred(grey_of(flat), 3.0)
    grey = grey + 0.10 * noise(grey.shape, scale=28, seed=5)
    wash = np.zeros_like(grey)
    for level in (0.25, 0.42, 0.6, 0.78):
        step = np.clip((level - grey) / 0.035 + 0.5, 0, 1)
        rim = np.clip(1 - np.abs(level - grey) / 0.02, 0, 1)
        wash += 0.19 * step + 0.08 * rim
    wash += 0.75 * outlines(flat, width=2.6, least=0.05)
    wash *= np.clip(1.0 + 0.14 * noise(grey.shape, scale=7, seed=6), 0, 2)
    sheet = (1 - np.clip(wash, 0, 1)) * paper(grey.shape, grain=0.02, seed=7)
    return toned(np.clip(sheet, 0, 1), (22, 26, 34), (238, 230, 212))


def woodcut(scene: Pixels) -> Colours:
    """Black printing ink on cream: carved lines that swell with the light."""
    flat = flattened(scene, strength=2)
    grey = blurred(grey_of(flat), 2.0)
    shape = grey.shape
    fields = [
        hatching(shape, angle=angle, period=9, waver=waver, seed=20 + angle)
        for angle, waver in ((12, 5.0), (62, 4.0))
    ]
    carved = np.where(grey < 0.42, fields[1], fields[0])
    cut = np.clip((grey * 1.25 - (1 - carved)) / 0.12 + 0.5, 0, 1)
    cut = np.where(grey > 0.74, 1.0, np.where(grey < 0.2, 0.0, cut))
    cut = np.minimum(cut, 1 - outlines(flat, width=2.4, least=0.04))
    speck = noise(shape, scale=2, seed=9) > 2.3
    cut = np.where(speck, 1 - 0.7 * (1 - cut), cut)
    return toned(np.asarray(cut, np.float32), INK, CREAM)


def blueprint(scene: Pixels) -> Colours:
    """White lines on blue, over a ruled grid."""
    flat = flattened(scene, strength=2)
    lines = np.maximum(
        outlines(flat, width=1.4, least=0.03),
        0.55 * outlines(scene, width=0.9, least=0.06),
    )
    shade = np.clip(0.55 - grey_of(flat), 0, 1) * hatching(
        lines.shape, angle=45, period=7, waver=0.4, seed=4
    )
    y, x = np.mgrid[: lines.shape[0], : lines.shape[1]]
    grid = ((x % 32 == 0) | (y % 32 == 0)) * 0.22
    sheet = np.clip(np.maximum(lines, grid) + 0.6 * shade, 0, 1)
    ground = 1 + 0.06 * noise(lines.shape, scale=90, seed=8)
    blue = toned(np.asarray(sheet, np.float32), (20, 58, 128), (236, 243, 252))
    return np.asarray(blue * ground[..., None], np.float32)
