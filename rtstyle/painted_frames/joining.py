"""Join two pictures along a mask so that neither a seam nor a ghost shows."""

import cv2
import numpy as np

from rtstyle.smoothing.warp import Mask, Picture

LEAST_SIDE = 16
"""Of the smallest level of a pyramid, in pixels."""
MOST_LEVELS = 5
"""Of a pyramid, besides the picture itself."""


def joined(over: Picture, under: Picture, share: Mask) -> Picture:
    """Return `over` where `share` is 1 and `under` where it is 0.

    Fine detail changes from one to the other within a few pixels, so that two
    drawings are not seen through each other; colours of areas change slowly, so that
    no seam is seen.

    Args:
        over: Shape ``(H, W, 3)``, float32, 0..255.
        under: Same shape.
        share: Shape ``(H, W)``, 0..1.

    Returns:
        Shape ``(H, W, 3)``, float32; as `over` where the share is 1 all around, as
        `under` where it is 0.

    Source:
        Burt and Adelson 1983, "A multiresolution spline with application to image
        mosaics", section 3.
    """
    num_levels = _num_levels(share.shape)
    difference = np.asarray(over - under, np.float32)
    shares = [share]
    for _ in range(num_levels):
        shares.append(np.asarray(cv2.pyrDown(shares[-1]), np.float32))
    bands = _bands(difference, num_levels)
    total = bands[-1] * shares[-1][..., None]
    for band, weight in zip(bands[-2::-1], shares[-2::-1], strict=True):
        total = _expanded(total, band) + band * weight[..., None]
    return np.asarray(under + total, np.float32)


def _num_levels(shape: tuple[int, ...]) -> int:
    smallest, levels = min(shape), 0
    while smallest >= 2 * LEAST_SIDE and levels < MOST_LEVELS:
        smallest, levels = (smallest + 1) // 2, levels + 1
    return levels


def _bands(picture: Picture, num_levels: int) -> list[Picture]:
    """Return a Laplacian pyramid, finest first; the last one is what is left."""
    bands = []
    for _ in range(num_levels):
        smaller = np.asarray(cv2.pyrDown(picture), np.float32)
        bands.append(picture - _expanded(smaller, picture))
        picture = smaller
    return [*bands, picture]


def _expanded(picture: Picture, like: Picture) -> Picture:
    size = (like.shape[1], like.shape[0])
    return np.asarray(cv2.pyrUp(picture, dstsize=size), np.float32)
