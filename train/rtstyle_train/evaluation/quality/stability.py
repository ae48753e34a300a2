"""How much a network makes of what nobody sees: sensor noise, a step of one pixel."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from rtstyle_streams.frame import Pixels

Stylize = Callable[[Pixels], Pixels]
"""A network without memory: RGB ``(H, W, 3)`` uint8 in and out."""
NOISE = 2.0
"""Standard deviation of the sensor noise, in 1/255."""
MARGIN = 16
"""Pixels along the border that are left out after a shift."""


def noise_gain(stylize: Stylize, content: Pixels, *, seed: int = 0) -> float:
    """Return by how much differences between two noisy copies grow.

    The root mean squared difference of the outputs over that of the inputs: 1 for a
    network that changes nothing.

    Args:
        stylize: The network.
        content: RGB ``(H, W, 3)`` uint8.
        seed: Of the noise.
    """
    random = np.random.default_rng(seed)
    first, second = (_noisy(content, random) for _ in range(2))
    return _rms(stylize(first), stylize(second)) / _rms(first, second)


def shift_gain(stylize: Stylize, content: Pixels) -> float:
    """Return how much the picture changes when the camera moves by one pixel.

    The outputs are laid over each other again before they are compared; their root
    mean squared difference is given over that of the inputs *not* laid over each
    other. 0 for a network that moves with its picture; the mean of a step to the
    right and a step down.

    Args:
        stylize: The network.
        content: RGB ``(H, W, 3)`` uint8, both sides above 34; not of one colour.
    """
    across = _shifted(stylize, content, content[:, :-1], content[:, 1:], axis=1)
    down = _shifted(stylize, content, content[:-1], content[1:], axis=0)
    return (across + down) / 2


def _shifted(
    stylize: Stylize, content: Pixels, first: Pixels, second: Pixels, *, axis: int
) -> float:
    made, moved = (stylize(np.ascontiguousarray(x)) for x in (first, second))
    # pixel i + 1 of the first lies at pixel i of the second
    lead = np.take(made, range(1, made.shape[axis]), axis)
    trail = np.take(moved, range(moved.shape[axis] - 1), axis)
    inner = (slice(MARGIN, -MARGIN), slice(MARGIN, -MARGIN))
    change = _rms(first[inner], second[inner])
    return _rms(lead[inner], trail[inner]) / max(change, 1e-9)


def _noisy(content: Pixels, random: np.random.Generator) -> Pixels:
    noise = random.normal(0.0, NOISE, content.shape)
    return np.clip(np.rint(content + noise), 0, 255).astype(np.uint8)


def _rms(first: npt.NDArray[np.generic], second: npt.NDArray[np.generic]) -> float:
    gap = first.astype(np.float64) - second.astype(np.float64)
    return float(np.sqrt(np.square(gap).mean()))
