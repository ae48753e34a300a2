"""Measure whether a recurrent stylizer drifts on a still scene."""

from dataclasses import dataclass

import numpy as np

from rtstyle.metrics.sharpness import laplacian_energy
from rtstyle_streams.frame import Pixels

REFERENCE_INDEX = 10
"""Index of the frame to compare later ones with; smoothing has settled by then."""


@dataclass(frozen=True, slots=True)
class Drift:
    """Differences of a late frame of a still scene from an early one."""

    num_frames: int
    """Number of frames so far."""
    colour: float
    """Largest change of a channel's mean, in 1/255."""
    texture: float
    """Laplacian energy of the late frame over the early one; 1 is no change."""
    difference: float
    """Root mean squared difference of the two frames, in 1/255."""


class DriftMeter:
    """Compares the latest frame with frame `REFERENCE_INDEX`."""

    def __init__(self) -> None:
        self._count = 0
        self._early: Pixels | None = None
        self._late: Pixels | None = None

    def add(self, pixels: Pixels) -> None:
        """Take one frame, ``(H, W, 3)`` uint8; it must not be changed afterwards."""
        if self._count == REFERENCE_INDEX:
            self._early = pixels
        self._late = pixels
        self._count += 1

    @property
    def value(self) -> Drift | None:
        """Return the drift so far; None before the reference frame."""
        if self._early is None or self._late is None:
            return None
        early, late = self._early.astype(np.float64), self._late.astype(np.float64)
        gap = late - early
        return Drift(
            num_frames=self._count,
            colour=float(np.abs(gap.mean((0, 1))).max()),
            texture=laplacian_energy(self._late)
            / max(laplacian_energy(self._early), 1e-9),
            difference=float(np.sqrt(np.square(gap).mean())),
        )
