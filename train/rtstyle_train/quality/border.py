"""Whether the network paints a frame around its pictures."""

import cv2
import numpy as np
import numpy.typing as npt

from rtstyle_streams.frame import Pixels
from rtstyle_train.quality.colour import to_lab

BAND = 16
"""Width of the bands along each side, in pixels."""


def border_colour(stylized: Pixels, content: Pixels) -> float:
    """Return how far the outermost 16 px are from the colour they should have.

    On each side, the step in mean colour (L*a*b*) from the outer band to the next is
    compared with the content's own step there; then the same one band further in,
    where no frame can be, is taken off. 0 for no frame, d for a frame that is off by d.

    Args:
        stylized: RGB ``(H, W, 3)`` uint8, both sides at least 96.
        content: The same shape.
    """
    change = to_lab(stylized) - to_lab(content)
    return float(np.mean([_step(s, 0) - _step(s, 1) for s in _sides(change)]))


def border_energy(stylized: Pixels, content: Pixels) -> float:
    """Return how much louder or duller the outermost 16 px are, in dB.

    Laplacian energy of the luma, outer band against the next, in dB without sign,
    less the content's own, and less the same one band further in. 0 for no frame.

    Args:
        stylized: RGB ``(H, W, 3)`` uint8, both sides at least 96.
        content: The same shape.
    """
    made, own = (_sides(_detail(p)) for p in (stylized, content))
    gaps = [
        abs(_loudness(m, 0) - _loudness(c, 0)) - abs(_loudness(m, 1) - _loudness(c, 1))
        for m, c in zip(made, own, strict=True)
    ]
    return float(np.mean(gaps))


def _sides(picture: npt.NDArray[np.float32]) -> list[npt.NDArray[np.float32]]:
    """Return the picture turned so that each side is once on top."""
    if min(picture.shape[:2]) < 6 * BAND:
        raise ValueError(
            f"picture: expected at least {6 * BAND} pixels to a side, "
            f"got {picture.shape[1]}x{picture.shape[0]}"
        )
    return [np.rot90(picture, turns) for turns in range(4)]


def _bands(
    side: npt.NDArray[np.float32], first: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return band `first` from outside and the next, without the corners."""
    inner = side[:, 3 * BAND : -3 * BAND]
    top = first * BAND
    return inner[top : top + BAND], inner[top + BAND : top + 2 * BAND]


def _step(side: npt.NDArray[np.float32], first: int) -> float:
    outer, inner = _bands(side, first)
    gap = outer.mean((0, 1), np.float64) - inner.mean((0, 1), np.float64)
    return float(np.linalg.norm(gap))


def _loudness(side: npt.NDArray[np.float32], first: int) -> float:
    outer, inner = (float(b.mean(dtype=np.float64)) + 1.0 for b in _bands(side, first))
    return 10.0 * float(np.log10(outer / inner))


def _detail(pixels: Pixels) -> npt.NDArray[np.float32]:
    """Return the squared Laplacian of the luma, in (1/255)^2."""
    luma = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    edges = cv2.Laplacian(luma, cv2.CV_32F, borderType=cv2.BORDER_REFLECT)
    return np.asarray(np.square(edges), np.float32)
