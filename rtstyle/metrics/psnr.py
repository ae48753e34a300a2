"""How far two pictures are apart, in the decibels that everybody knows."""

import math

PEAK = 255.0
"""Largest value of a byte."""
LEAST_ERROR = 1e-6
"""In levels squared: equal pictures have 108 dB, a number that JSON can hold."""


def psnr_db(mean_squared_error: float) -> float:
    """Return the peak signal-to-noise ratio in dB, at most 108.

    Args:
        mean_squared_error: Of the bytes, in levels squared.
    """
    return 10.0 * math.log10(PEAK**2 / max(mean_squared_error, LEAST_ERROR))
