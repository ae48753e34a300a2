"""Give a painting the colours of the content before its style is read."""

import numpy as np
import numpy.typing as npt

from rtstyle_streams.frame import Pixels

LEAST_DEVIATION = 4.0
"""Of 255: what varies less in a direction of colour is noise, and is not blown up."""

Matrix = npt.NDArray[np.float64]


def colour_moments(pixels: Pixels) -> tuple[Matrix, Matrix]:
    """Return mean and covariance of a picture's colours.

    Args:
        pixels: RGB, shape ``(H, W, 3)``, uint8.

    Returns:
        Shapes ``(3,)`` and ``(3, 3)``, in units of 1/255 and their squares.
    """
    colours = pixels.reshape(-1, 3).astype(np.float64)
    mean = colours.mean(axis=0)
    centred = colours - mean
    return mean, centred.T @ centred / len(colours)


def match_colours(painting: Pixels, content: Pixels) -> Pixels:
    """Return the painting with mean and covariance of the content's colours.

    Args:
        painting: RGB, shape ``(H, W, 3)``, uint8.
        content: RGB, any other size.

    Returns:
        RGB, shape of `painting`, uint8, clamped.

    Source:
        CORAL, Sun et al. 2016, as used for style transfer by Gatys et al. 2016,
        "Preserving Color", section 5.1: ``C_content^(1/2) C_painting^(-1/2)``. The
        floor under the painting's eigenvalues is ours.
    """
    mean, covariance = colour_moments(painting)
    wanted_mean, wanted_covariance = colour_moments(content)
    whiten = _power(covariance, -0.5, floor=LEAST_DEVIATION**2)
    transform = _power(wanted_covariance, 0.5, floor=0.0) @ whiten
    colours = painting.reshape(-1, 3).astype(np.float64) - mean
    matched = np.rint(colours @ transform.T + wanted_mean)
    return np.asarray(np.clip(matched, 0, 255), np.uint8).reshape(painting.shape)


def _power(covariance: Matrix, exponent: float, *, floor: float) -> Matrix:
    """Return a power of a symmetric matrix, its eigenvalues at least `floor`."""
    values, vectors = np.linalg.eigh(covariance)
    powers = np.maximum(values, max(floor, 0.0)) ** exponent
    return np.asarray((vectors * powers) @ vectors.T, np.float64)
