"""Combine a stylized frame with its content frame; neither is changed."""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from rtstyle_streams.frame import Pixels
from rtstyle_streams.protocols import LUMA, ColourMatrix


def keep_colors(content: Pixels, stylized: Pixels, *, matrix: ColourMatrix) -> Pixels:
    """Return the luma of the stylized frame with the chroma of the content.

    Adding one number to red, green and blue changes luma by that number and leaves
    both colour differences as they are, so no conversion is needed.

    Args:
        content: RGB, shape ``(H, W, 3)``, uint8.
        stylized: RGB, same shape.
        matrix: Luma coefficients to use.

    Returns:
        RGB, same shape, uint8, clamped.
    """
    weights = np.array([LUMA[matrix]], np.float32)
    shift = cv2.subtract(
        cv2.transform(stylized, weights),
        cv2.transform(content, weights),
        dtype=cv2.CV_16S,
    )
    return add_signed(content, cv2.merge((shift, shift, shift)))


def blend(content: Pixels, stylized: Pixels, *, strength: float) -> Pixels:
    """Return a mixture of both frames.

    Args:
        content: RGB, shape ``(H, W, 3)``, uint8.
        stylized: RGB, same shape.
        strength: 0 returns `content` itself, 1 returns `stylized` itself.
    """
    if strength <= 0.0:
        return content
    if strength >= 1.0:
        return stylized
    mixed = cv2.addWeighted(content, 1.0 - strength, stylized, strength, 0.0)
    return np.asarray(mixed, np.uint8)


def cross_fade(pictures: Sequence[Pixels], weights: Sequence[float]) -> Pixels:
    """Return a mixture of several pictures of one frame.

    Args:
        pictures: RGB, shape ``(H, W, 3)``, uint8, at least one; not changed.
        weights: One for each, summing to 1.

    Returns:
        RGB, same shape, uint8, rounded once; the picture itself if there is only one.
    """
    if len(pictures) == 1:
        return pictures[0]
    if len(pictures) == 2:
        mixed = cv2.addWeighted(pictures[0], weights[0], pictures[1], weights[1], 0.0)
        return np.asarray(mixed, np.uint8)
    total = np.zeros(pictures[0].shape, np.float32)
    for picture, weight in zip(pictures, weights, strict=True):
        cv2.scaleAdd(picture.astype(np.float32), weight, total, dst=total)
    return np.asarray(np.rint(total), np.uint8)


def shrink(content: Pixels, *, height: int) -> Pixels:
    """Return the frame scaled to `height` lines, proportions kept to the pixel."""
    width = max(1, round(content.shape[1] * height / content.shape[0]))
    kind = cv2.INTER_AREA if height < content.shape[0] else cv2.INTER_CUBIC
    resized = cv2.resize(content, (width, height), interpolation=kind)
    return np.asarray(resized, np.uint8)


def restore_detail(content: Pixels, small: Pixels, stylized: Pixels) -> Pixels:
    """Apply the change that stylizing made to the small frame to the large one.

    ``content + up(stylized - small)`` keeps the source's own detail.

    Args:
        content: RGB, shape ``(H, W, 3)``, uint8.
        small: RGB, `content` at work size, shape ``(h, w, 3)``.
        stylized: RGB, the network's output for `small`, same shape.

    Returns:
        RGB, shape ``(H, W, 3)``, uint8, clamped.
    """
    height, width = content.shape[:2]
    if small.shape[0] > height:
        reduced = cv2.resize(stylized, (width, height), interpolation=cv2.INTER_AREA)
        return np.asarray(reduced, np.uint8)
    change = cv2.subtract(stylized, small, dtype=cv2.CV_16S)
    large = cv2.resize(change, (width, height), interpolation=cv2.INTER_LINEAR)
    return add_signed(content, np.asarray(large, np.int16))


def add_signed(pixels: Pixels, change: npt.ArrayLike) -> Pixels:
    """Return uint8 pixels plus a signed change of the same shape, clamped."""
    total = cv2.add(pixels, np.asarray(change), dtype=cv2.CV_8U)
    return np.asarray(total, np.uint8)
