"""Whether the painting's colours are there, all of them.

Measured in CIE L*a*b* (D65), where a distance of about 2 can just be seen.
"""

import cv2
import numpy as np
import numpy.typing as npt

from rtstyle_streams.frame import Pixels

NUM_DIRECTIONS = 64
"""Projections of the sliced distance."""
NUM_QUANTILES = 512
"""Points at which two sorted projections are compared."""
NUM_HUES = 24
"""Sectors of the hue circle, 15 degrees each."""
LEAST_CHROMA = 6.0
"""Below this a pixel counts as grey."""

Points = npt.NDArray[np.float32]


def to_lab(pixels: Pixels) -> Points:
    """Return L* 0..100, a*, b* of every pixel, shape ``(H, W, 3)``, float32."""
    scaled = pixels.astype(np.float32) / 255.0
    return np.asarray(cv2.cvtColor(scaled, cv2.COLOR_RGB2Lab), np.float32)


class Palette:
    """The colours of one picture, ready to be compared with many."""

    def __init__(self, pixels: Pixels) -> None:
        lab = to_lab(pixels)
        self._sorted = _projections(lab)
        self.hues = hue_shares(lab)
        """Share of each sector of the hue circle; all 0 for a grey picture."""
        self.variety = _effective_number(self.hues)
        """How many hues there are in effect: 0 (grey), 1 (one tone) to 24."""
        self.chroma = float(np.hypot(lab[..., 1], lab[..., 2]).mean())
        """Mean distance from grey."""

    def distance(self, other: "Palette") -> float:
        """Return the sliced Wasserstein-1 distance of the two colour clouds.

        0 for the same colours in any arrangement. Scaled so that a picture whose
        colours all moved by d has the distance d.

        Source:
            Bonneel et al. 2015, over evenly spread directions. The mean length of a
            unit vector's projection is 1/2, hence the factor 2.
        """
        return 2.0 * float(np.abs(self._sorted - other._sorted).mean())

    def hue_overlap(self, other: "Palette") -> float:
        """Return how much of the hues is shared: 0 (none) to 1 (equal shares)."""
        return float(np.minimum(self.hues, other.hues).sum())


def hue_shares(lab: Points) -> npt.NDArray[np.float64]:
    """Return the share of each hue, each pixel weighted by its chroma.

    Args:
        lab: From `to_lab`.

    Returns:
        Shape ``(24,)``, sums to 1, or all 0 where every pixel is grey.
    """
    a, b = lab[..., 1].ravel(), lab[..., 2].ravel()
    chroma = np.hypot(a, b)
    weight = np.where(chroma < LEAST_CHROMA, 0.0, chroma)
    turn = np.arctan2(b, a) / (2 * np.pi) % 1.0
    sector = np.minimum((turn * NUM_HUES).astype(np.int64), NUM_HUES - 1)
    shares = np.bincount(sector, weights=weight, minlength=NUM_HUES)
    total = float(shares.sum())
    return np.asarray(shares / total if total else shares, np.float64)


def _effective_number(shares: npt.NDArray[np.float64]) -> float:
    """Return the exponential of the entropy: n equal shares give n."""
    used = shares[shares > 0]
    if not len(used):
        return 0.0
    return float(np.exp(-(used * np.log(used)).sum()))


def _directions() -> Points:
    """Return unit vectors spread evenly over half a sphere, a Fibonacci spiral."""
    index = np.arange(NUM_DIRECTIONS)
    height = 1.0 - (index + 0.5) / NUM_DIRECTIONS
    angle = np.pi * (3.0 - np.sqrt(5.0)) * index
    radius = np.sqrt(1.0 - height**2)
    spread = [radius * np.cos(angle), radius * np.sin(angle), height]
    return np.stack(spread, axis=1).astype(np.float32)


def _projections(lab: Points) -> Points:
    """Return the quantiles of the colours along each direction."""
    flat = lab.reshape(-1, 3) @ _directions().T
    flat.sort(axis=0)
    places = (np.arange(NUM_QUANTILES) + 0.5) / NUM_QUANTILES * len(flat)
    return np.asarray(flat[places.astype(np.int64)], np.float32)
