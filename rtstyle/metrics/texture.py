"""Compare textures without a trained network: Gram matrices of fixed filters."""

from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

from rtstyle_streams.frame import Pixels

NUM_FILTERS, SIZE, NUM_SCALES = 32, 5, 4
"""Number of random filters, their width in pixels, and number of scales."""

Floats = npt.NDArray[np.float32]


def texture_distance(one: Pixels, other: Pixels) -> float:
    """Return the relative distance between the textures of two pictures.

    Args:
        one: RGB, shape ``(H, W, 3)``, uint8, at least 64 pixels each way.
        other: RGB, any such shape.

    Returns:
        The distance between the pictures' Gram matrices over the norm of the first
        one's, averaged over scales: 0 for equal pictures, about 1 for unrelated ones.

    Source:
        Gram matrices of Gatys et al. 2016, equation 3, over one layer of random
        filters, which describe textures nearly as well as learnt ones: Ustyuzhaninov
        et al. 2017, "What does it take to generate natural textures?".
    """
    return float(
        np.mean(
            [
                np.linalg.norm(a - b) / np.linalg.norm(a)
                for a, b in zip(_grams(one), _grams(other), strict=True)
            ]
        )
    )


def _grams(picture: Pixels) -> list[Floats]:
    level: Floats = picture.astype(np.float32) / np.float32(255.0)
    grams = []
    for _ in range(NUM_SCALES):
        features = np.stack([_response(level, kernel) for kernel in _filters()])
        flat = np.maximum(features, 0.0).reshape(NUM_FILTERS, -1)
        grams.append(np.asarray(flat @ flat.T / flat.shape[1], np.float32))
        level = np.asarray(cv2.pyrDown(level), np.float32)
    return grams


def _response(picture: Floats, kernel: Floats) -> Floats:
    channels = [
        cv2.filter2D(picture[:, :, colour], cv2.CV_32F, kernel[colour])
        for colour in range(3)
    ]
    return np.asarray(np.sum(channels, axis=0), np.float32)


@cache
def _filters() -> Floats:
    """Return the zero-mean filters, shape ``(NUM_FILTERS, 3, SIZE, SIZE)``."""
    random = np.random.default_rng(2017)
    kernels = random.normal(size=(NUM_FILTERS, 3, SIZE, SIZE)).astype(np.float32)
    return np.asarray(kernels - kernels.mean(axis=(1, 2, 3), keepdims=True), np.float32)
