"""Lay one frame over another by a small mask, blending only along its edge."""

import math
from collections.abc import Iterator

import cv2
import numpy as np

from rtstyle.masks.segmenter import Probability
from rtstyle_streams.frame import Pixels

STRIP_CELLS = 16
"""Number of mask lines to process together."""


class Layer:
    """Mixes two frames; reuses its buffers from frame to frame.

    Allocating the weights of every pixel takes as long as the arithmetic.
    """

    def __init__(self) -> None:
        self._share = np.empty((0, 0), np.float32)
        self._rest = np.empty((0, 0), np.float32)

    def __call__(self, base: Pixels, over: Pixels, share: Probability) -> Pixels:
        """Return the mixture of two frames by a small mask, enlarged bilinearly.

        Args:
            base: RGB, shape ``(H, W, 3)``, uint8: shown where `share` is 0.
            over: RGB, same shape: shown where it is 1. Neither is changed.
            share: Weight of `over`, ``(h, w)``, 0..1.

        Returns:
            RGB, same shape, uint8; a new picture.
        """
        height, width = base.shape[:2]
        if self._share.shape != (height, width):
            self._share = np.empty((height, width), np.float32)
            self._rest = np.empty((height, width), np.float32)
        cv2.resize(
            share, (width, height), dst=self._share, interpolation=cv2.INTER_LINEAR
        )
        mixed = base.copy()
        for area, is_whole in areas(share, height, width):
            if is_whole:
                mixed[area] = over[area]
                continue
            large, rest = self._share[area], self._rest[area]
            np.subtract(1.0, large, out=rest)
            cv2.blendLinear(over[area], base[area], large, rest, dst=mixed[area])
        return mixed


Area = tuple[slice, slice]
"""Line and column ranges of a frame."""


def areas(share: Probability, height: int, width: int) -> Iterator[tuple[Area, bool]]:
    """Split the part of a frame that a mask covers into areas, strip by strip.

    Args:
        share: The small mask, ``(h, w)``, 0..1.
        height: Height of the frame, in lines.
        width: Width of the frame, in pixels.

    Yields:
        Areas that do not overlap, and whether the enlarged mask is 1 everywhere in
        them; outside all areas it is 0.
    """
    cells = share.shape[0]
    margin = 1 + math.ceil(cells / height)  # bilinear reach, and rounding
    for top in range(0, cells, STRIP_CELLS):
        bottom = min(top + STRIP_CELLS, cells)
        lines = slice(round(top * height / cells), round(bottom * height / cells))
        strip = share[max(0, top - margin) : bottom + margin]
        marked = np.flatnonzero((strip > 0.0).any(axis=0))
        if marked.size == 0 or lines.start == lines.stop:
            continue
        start, stop = _reach(marked, share.shape[1], width)
        first, last = _inside(strip, width)
        if first >= last:
            yield (lines, slice(start, stop)), False
            continue
        yield (lines, slice(first, last)), True
        if start < first:
            yield (lines, slice(start, first)), False
        if last < stop:
            yield (lines, slice(last, stop)), False


def _reach(marked: np.ndarray, cells: int, width: int) -> tuple[int, int]:
    """Return the pixel range that marked cells reach, enlarged bilinearly."""
    scale = width / cells
    start = math.floor((int(marked[0]) - 0.5) * scale)
    return max(0, start), min(width, math.ceil((int(marked[-1]) + 1.5) * scale))


def _inside(strip: Probability, width: int) -> tuple[int, int]:
    """Return the range where an enlarged strip is 1; (0, 0) unless contiguous."""
    full = np.flatnonzero((strip >= 1.0).all(axis=0))
    if full.size == 0 or int(full[-1]) - int(full[0]) + 1 != full.size:
        return 0, 0
    cells = strip.shape[1]
    scale = width / cells
    first = math.ceil((int(full[0]) + 0.5) * scale - 0.5) if full[0] > 0 else 0
    last = math.floor((int(full[-1]) + 0.5) * scale + 0.5)
    return first, width if full[-1] == cells - 1 else min(width, last)
