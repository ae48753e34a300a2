"""Measure the peak signal-to-noise ratio of two pictures."""

import math

PEAK = 255.0
"""Largest value of a byte."""
LEAST_ERROR = 1e-6
"""In levels squared: gives equal pictures 108 dB, which JSON can hold."""


def psnr_db(mean_squared_error: float) -> float:
    """Return the peak signal-to-noise ratio in dB, at most 108.

    Args:
        mean_squared_error: Mean squared error of the bytes, in levels squared.
    """
    return 10.0 * math.log10(PEAK**2 / max(mean_squared_error, LEAST_ERROR))
