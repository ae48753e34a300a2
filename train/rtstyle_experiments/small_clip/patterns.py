"""Draw the ink masks of patterns: where the colour of a caption goes."""

from collections.abc import Callable
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from rtstyle_experiments.small_clip.scenes import SIDE, cloud

Mask: TypeAlias = npt.NDArray[np.float32]
"""Shape ``(SIDE, SIDE)``, 0 no ink to 1 full ink."""


TURN = 10.0
"""Largest rotation of a pattern in either direction, in degrees."""


def draw_pattern(name: str, random: np.random.Generator) -> Mask:
    """Return the ink mask of a pattern, at a random size, angle and place.

    Raises:
        KeyError: no pattern has that name.
    """
    return _PATTERNS[name](random)


def _axes(
    random: np.random.Generator, period: float, *, degrees: float
) -> tuple[Mask, Mask]:
    """Return the phases along and across a roughly given direction, in radians."""
    angle = np.radians(degrees + random.uniform(-TURN, TURN))
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    scale = np.float32(2 * np.pi / period)
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    start = random.uniform(0, 2 * np.pi, 2).astype(np.float32)
    along = scale * (cos * x + sin * y) + start[0]
    across = scale * (cos * y - sin * x) + start[1]
    return along, across


def _edge(wave: npt.NDArray[np.floating[Any]], sharpness: float = 6.0) -> Mask:
    """Turn a wave of -1..1 into ink with soft edges."""
    return np.asarray(np.clip(0.5 + sharpness * wave, 0, 1), np.float32)


def _stripes(random: np.random.Generator) -> Mask:
    along, _ = _axes(random, random.uniform(26, 36), degrees=45)
    return _edge(np.sin(along) + np.float32(random.uniform(-0.3, 0.3)), 3.0)


def _waves(random: np.random.Generator) -> Mask:
    along, across = _axes(random, random.uniform(30, 40), degrees=90)
    bend = np.float32(random.uniform(1.2, 2.2))
    return _edge(np.sin(along + bend * np.sin(across * np.float32(0.6))), 3.0)


def _dots(random: np.random.Generator) -> Mask:
    along, across = _axes(random, random.uniform(28, 36), degrees=0)
    return _edge(
        np.cos(along) + np.cos(across) - np.float32(random.uniform(0.3, 0.9)), 3.0
    )


def _checks(random: np.random.Generator) -> Mask:
    along, across = _axes(random, random.uniform(56, 72), degrees=0)
    return _edge(np.sin(along) * np.sin(across), 6.0)


def _rings(random: np.random.Generator) -> Mask:
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    nearest = np.full((SIDE, SIDE), np.inf, np.float32)
    for _ in range(int(random.integers(1, 3))):
        cx, cy = random.uniform(0, SIDE, 2).astype(np.float32)
        nearest = np.minimum(nearest, np.hypot(x - cx, y - cy))
    return _edge(np.sin(nearest * np.float32(2 * np.pi / random.uniform(20, 26))), 2.0)


def _hatching(random: np.random.Generator) -> Mask:
    period = random.uniform(8, 11)
    ink = np.zeros((SIDE, SIDE), np.float32)
    for degrees in (30, 120):
        along, _ = _axes(random, period, degrees=degrees)
        ink = np.maximum(
            ink, _edge(np.sin(along + 0.4 * cloud(random, 12)) - 0.45, 2.0)
        )
    shade = np.clip(0.75 + 0.6 * cloud(random, 12), 0.1, 1)
    return np.asarray(ink * shade, np.float32)


def _mosaic(random: np.random.Generator) -> Mask:
    """Draw closed cells of different strengths, with gaps between them."""
    count = int(random.integers(60, 110))
    seeds = np.full((SIDE, SIDE), 255, np.uint8)
    spots = random.integers(0, SIDE, (count, 2))
    seeds[spots[:, 0], spots[:, 1]] = 0
    _, labels = cv2.distanceTransformWithLabels(
        seeds, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_CCOMP
    )
    strength = random.uniform(0.55, 1.0, int(labels.max()) + 1).astype(np.float32)
    kind = labels.astype(np.float32)
    gap = cv2.dilate(kind, np.ones((3, 3))) != cv2.erode(kind, np.ones((3, 3)))
    return np.where(gap, np.float32(0), strength[labels]).astype(np.float32)


def _strokes(random: np.random.Generator) -> Mask:
    canvas = np.zeros((SIDE, SIDE), np.uint8)
    flow = random.uniform(0, np.pi)
    length, thickness = random.uniform(14, 36), int(random.integers(4, 10))
    for _ in range(int(random.integers(110, 220))):
        x, y = random.uniform(0, SIDE, 2)
        angle = flow + random.normal(0, 0.35)
        dx, dy = length * np.cos(angle), length * np.sin(angle)
        value = int(random.integers(90, 256))
        cv2.line(
            canvas, (int(x), int(y)), (int(x + dx), int(y + dy)), value, thickness,
            cv2.LINE_AA,
        )  # fmt: skip
    return (canvas / np.float32(255)).astype(np.float32)


_PATTERNS: dict[str, Callable[[np.random.Generator], Mask]] = {
    "stripes": _stripes,
    "dots": _dots,
    "mosaic": _mosaic,
    "checks": _checks,
    "waves": _waves,
    "hatching": _hatching,
    "strokes": _strokes,
    "rings": _rings,
}
