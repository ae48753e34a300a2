"""Whether the network paints a frame around its pictures."""

import cv2
import numpy as np
import numpy.typing as npt

from rtstyle_streams.frame import Pixels
from rtstyle_train.evaluation.quality.colour import to_lab

Steps = npt.NDArray[np.float64]

BAND = 16
"""Width of the bands along each side, in pixels."""
DEPTH = 3
"""Steps from band to band in which a frame can lie: its width is up to 48 px."""
SMALLEST_SIDE = 2 * (2 * DEPTH + 1) * BAND
"""Pixels that all bands need."""


def border_colour(stylized: Pixels, content: Pixels) -> float:
    """Return how far a frame of up to 48 px is from the colour it should have.

    On each side, the steps in mean colour (L*a*b*) from each band of 16 px to the next
    are compared with the content's own steps there; the largest of the outer three
    counts, less the largest of the three further in, where no frame can be. About 0
    for no frame, d for a frame that is off by d.

    Args:
        stylized: RGB ``(H, W, 3)`` uint8, both sides at least 224.
        content: The same shape.

    Raises:
        ValueError: the pictures are too small.
    """
    change = to_lab(stylized) - to_lab(content)
    gaps = []
    for side in _sides(change):
        bands = _band_means(side)
        steps = np.linalg.norm(np.diff(bands, axis=0), axis=1)
        gaps.append(_outer_less_inner(steps))
    return float(np.mean(gaps))


def border_energy(stylized: Pixels, content: Pixels) -> float:
    """Return how much louder or duller a frame of up to 48 px is, in dB.

    As `border_colour`, for the Laplacian energy of the luma instead of the colour.

    Args:
        stylized: RGB ``(H, W, 3)`` uint8, both sides at least 224.
        content: The same shape.

    Raises:
        ValueError: the pictures are too small.
    """
    gaps = []
    for made, own in zip(
        _sides(_detail(stylized)), _sides(_detail(content)), strict=True
    ):
        change = _loudness(made) - _loudness(own)
        gaps.append(_outer_less_inner(np.abs(np.diff(change))))
    return float(np.mean(gaps))


def _outer_less_inner(steps: Steps) -> float:
    return float(steps[:DEPTH].max() - steps[DEPTH:].max())


def _sides(picture: npt.NDArray[np.float32]) -> list[npt.NDArray[np.float32]]:
    """Return the picture turned so that each side is once on top."""
    if min(picture.shape[:2]) < SMALLEST_SIDE:
        raise ValueError(
            f"picture: expected at least {SMALLEST_SIDE} pixels to a side, "
            f"got {picture.shape[1]}x{picture.shape[0]}"
        )
    return [np.rot90(picture, turns) for turns in range(4)]


def _band_means(side: npt.NDArray[np.float32]) -> Steps:
    """Return the mean of each band from the top down, without the corners."""
    inner = side[:, DEPTH * BAND : -DEPTH * BAND]
    bands = [inner[k * BAND : (k + 1) * BAND] for k in range(2 * DEPTH + 1)]
    return np.stack([band.mean((0, 1), np.float64) for band in bands])


def _loudness(energy: npt.NDArray[np.float32]) -> Steps:
    """Return the energy of each band in dB."""
    return np.asarray(10.0 * np.log10(_band_means(energy[..., None])[:, 0] + 1.0))


def _detail(pixels: Pixels) -> npt.NDArray[np.float32]:
    """Return the squared Laplacian of the luma, in (1/255)^2."""
    luma = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    edges = cv2.Laplacian(luma, cv2.CV_32F, borderType=cv2.BORDER_REFLECT)
    return np.asarray(np.square(edges), np.float32)
