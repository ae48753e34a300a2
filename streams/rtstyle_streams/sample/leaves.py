"""Render a picture with the statistics of photographs, which needs no file."""

import cv2
import numpy as np

from rtstyle_streams.frame import Pixels

NUM_LEAVES = 1500
"""How many discs lie on each other."""
SMALLEST_RADIUS, LARGEST_RADIUS = 2.0, 150.0
"""Of a disc, in pixels."""
LIGHT, COLOUR, GRAIN = 60.0, 25.0, 3.0
"""Deviations of a disc's brightness, of its colours and of single pixels, of 255."""


def dead_leaves(seed: int, *, width: int, height: int) -> Pixels:
    """Return opaque discs of all sizes and colours that cover each other.

    Args:
        seed: Of what is random; one seed gives one picture.
        width: Columns.
        height: Lines.

    Returns:
        RGB, shape ``(height, width, 3)``, uint8.

    Source:
        Lee, Mumford and Huang 2001, "Occlusion Models for Natural Images": radii by
        the inverse cube give edges and spectra of photographs.
    """
    random = np.random.default_rng(seed)
    picture = np.zeros((height, width, 3), np.uint8)
    ground = random.integers(0, 256, 3)
    for _ in range(NUM_LEAVES):
        radius = 2.0 * SMALLEST_RADIUS / np.sqrt(random.random() + 1e-4)
        radius = float(np.clip(radius, SMALLEST_RADIUS, LARGEST_RADIUS))
        colour = ground + random.normal(0.0, LIGHT) + random.normal(0.0, COLOUR, 3)
        centre = int(random.integers(0, width)), int(random.integers(0, height))
        levels = [int(level) for level in np.clip(colour, 0, 255)]
        cv2.circle(picture, centre, int(radius), levels, -1)
    grainy = picture + random.normal(0.0, GRAIN, picture.shape)
    return np.asarray(np.clip(np.rint(grainy), 0, 255), np.uint8)
