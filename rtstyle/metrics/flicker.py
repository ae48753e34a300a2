"""Measure how much a film of a still scene flickers."""

import numpy as np
import numpy.typing as npt

from rtstyle_streams.frame import Pixels


class TemporalDeviation:
    """Mean standard deviation of the pixels over time; keeps no frames."""

    def __init__(self) -> None:
        self._count = 0
        self._mean: npt.NDArray[np.float64] | None = None
        self._squares: npt.NDArray[np.float64] | None = None

    def add(self, pixels: Pixels) -> None:
        """Take one frame, ``(H, W, 3)`` uint8, of one size throughout.

        Source:
            Welford 1962, numerically stable in one pass.
        """
        values = pixels.astype(np.float64)
        if self._mean is None or self._squares is None:
            self._mean, self._squares = np.zeros_like(values), np.zeros_like(values)
        self._count += 1
        step = values - self._mean
        self._mean += step / self._count
        self._squares += step * (values - self._mean)

    @property
    def value(self) -> float:
        """Return the mean over pixels, in units of 1/255; NaN before two frames."""
        if self._count < 2 or self._squares is None:
            return float("nan")
        return float(np.sqrt(self._squares / (self._count - 1)).mean())


def flicker_gain(output: float, content: float) -> float:
    """Return the output's flicker as a multiple of its input's."""
    return output / content if content > 0 else float("nan")
