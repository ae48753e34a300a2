"""Pictures of wet colour, chalk and light: watercolour, pastel, neon."""

import cv2
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
    posterised,
)


def watercolour(scene: Pixels) -> Colours:
    """Thin washes on rough paper, darker at their rims, that run into each other."""
    shape = scene.shape[:2]
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    x = x + 5 * noise(shape, scale=14, seed=1)
    y = y + 5 * noise(shape, scale=14, seed=2)
    flat = flattened(scene, strength=3)
    wet = cv2.remap(flat, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    colours, labels = posterised(np.asarray(wet, np.uint8), 12, seed=7)
    picture = blurred(np.asarray(colours / 255.0, np.float32), 1.4)
    picture = np.asarray(1 - (1 - picture) * 0.8, np.float32)  # thin
    rims = np.zeros(shape, np.float32)
    for label in range(12):
        area = np.asarray(labels == label, np.float32)
        rims += np.clip(blurred(area, 1.2) - blurred(area, 5.0), 0, 1) * area
    pigment = 1 + 0.16 * noise(shape, scale=22, seed=3) - 0.9 * rims
    picture = np.power(picture, (1.25 - 0.25 * pigment)[..., None], dtype=np.float32)
    picture = picture * paper(shape, grain=0.03, seed=4)[..., None]
    line = 0.35 * outlines(scene, width=1.0, least=0.07)
    return np.asarray(picture * (1 - line[..., None]), np.float32)


def pastel(scene: Pixels) -> Colours:
    """Chalk on dark paper, laid in broad strokes that leave the paper's grain."""
    flat = flattened(scene, strength=2)
    shape = flat.shape[:2]
    grey = blurred(grey_of(flat), 4.0)
    strokes = [
        hatching(shape, angle=angle, period=8, waver=3.0, seed=30 + number)
        for number, angle in enumerate((-35, 50, 15))
    ]
    chosen = np.where(grey > 0.62, strokes[0], np.where(grey > 0.35, *strokes[1:]))
    grain = 0.5 + 0.22 * noise(shape, scale=1.6, seed=33)
    chalk = np.clip(0.95 + 0.55 * chosen - grain, 0.1, 1)[..., None]
    picture = np.asarray(flat / 255.0, np.float32)
    picture = np.float32(1) - (1 - picture) * np.float32(0.88)
    ground = np.array([0.22, 0.18, 0.20], np.float32)
    return np.asarray(picture * chalk + ground * (1 - chalk), np.float32)


def neon(scene: Pixels) -> Colours:
    """Tubes of light along the contours, glowing into a dark night."""
    flat = flattened(scene, strength=2)
    hsv = cv2.cvtColor(flat, cv2.COLOR_RGB2HSV)
    hue = (hsv[..., 0].astype(np.float32) * 2.0 + 200) % 180
    bright = np.full(hue.shape, 255, np.uint8)
    colour = cv2.merge([hue.astype(np.uint8), (bright * 0.86).astype(np.uint8), bright])
    light = np.asarray(cv2.cvtColor(colour, cv2.COLOR_HSV2RGB) / 255.0, np.float32)
    light = blurred(light, 6.0)
    tubes = outlines(flat, width=2.0, least=0.035)
    core = np.clip(2.2 * blurred(tubes, 0.8) - 0.9, 0, 1)[..., None]
    glow = sum(share * blurred(tubes, s) for share, s in ((0.7, 3.0), (0.55, 9.0)))
    night = np.array([0.03, 0.02, 0.09], np.float32)
    shade = 0.10 * grey_of(flat)[..., None]
    picture = night + light * (np.asarray(glow, np.float32)[..., None] + shade)
    return np.asarray(picture * (1 - 0.75 * core) + core * (0.35 + 0.65 * light))
