"""Weights in bytes whose sums no CPU can get wrong.

CPUs without VNNI (AVX2, and AVX-512 before it) multiply unsigned by signed bytes with
`vpmaddubsw`, which adds two products in 16 bits and saturates. Which two is up to the
library, so the two largest weights of an output channel are held small enough for any.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

MOST_OF_TWO = 128
"""Largest sum of two weights' absolute values: 255 times it is below 2^15."""
MOST = 127
"""Largest absolute value of a weight in bytes."""
FINER = 1.002
"""Factor by which a scale grows until its weights fit."""

Floats = npt.NDArray[np.float32]


def weight_scales(weight: Floats) -> Floats:
    """Return the finest scale of each output channel whose sums cannot saturate.

    Args:
        weight: Shape ``(n, ...)``.

    Returns:
        Shape ``(n,)``, float32: bytes are weights over their scale, rounded.
    """
    rows = np.sort(np.abs(weight.reshape(len(weight), -1)), axis=1)[:, ::-1]
    largest, second = rows[:, 0], rows[:, 1] if rows.shape[1] > 1 else 0.0 * rows[:, 0]
    scales = np.maximum((largest + second) / MOST_OF_TWO, largest / MOST)
    scales = np.maximum(scales, np.float32(1e-12)).astype(np.float32)
    while True:
        one, two = (np.rint(side / scales) for side in (largest, second))
        is_too_large = (one + two > MOST_OF_TWO) | (one > MOST)
        if not is_too_large.any():
            return np.asarray(scales, np.float32)
        scales = np.where(is_too_large, scales * np.float32(FINER), scales)


def largest_pair_sums(weights: Sequence[npt.NDArray[np.int8]]) -> int:
    """Return the largest sum of two absolute values in any output channel.

    Args:
        weights: Each of shape ``(n, ...)``, int8.
    """
    most = 0
    for weight in weights:
        rows = np.sort(np.abs(weight.reshape(len(weight), -1).astype(np.int32)), axis=1)
        most = max(most, int(rows[:, -2:].sum(axis=1).max()))
    return most
