"""Lay the stylized frame over the content, where a mask says so."""

import math
import threading
from typing import Literal

import cv2
import numpy as np

from rtstyle.masks.segmenter import Probability, Segmenter
from rtstyle.masks.steady import SteadyMask
from rtstyle_streams.frame import Pixels

MaskMode = Literal["off", "person", "background"]
"""What is stylized: all, what the mask's model marks, or all but that."""


class Mask:
    """A segmentation model and its memory of the frames before.

    Several stylizers may share it (one style fading into the next): a frame that it
    has just seen is not looked at twice.
    """

    def __init__(self, segmenter: Segmenter) -> None:
        self._segmenter = segmenter
        self._steady = SteadyMask()
        self._lock = threading.Lock()
        self._last: tuple[Pixels, Probability] | None = None
        self._layer = Layer()

    def __call__(self, content: Pixels, stylized: Pixels, *, outside: bool) -> Pixels:
        """Return the frame, stylized inside the mask or outside of it.

        Args:
            content: RGB, shape ``(H, W, 3)``, uint8; frames come in order.
            stylized: RGB, same shape. Neither is changed.
            outside: Whether what is not marked is stylized.

        Returns:
            RGB, same shape, uint8.
        """
        inside = self.of(content)
        base, over = (stylized, content) if outside else (content, stylized)
        with self._lock:
            return self._layer(base, over, inside)

    def of(self, content: Pixels) -> Probability:
        """Return the mask of a frame, at the model's size, 0..1."""
        with self._lock:
            if self._last is None or self._last[0] is not content:
                found = self._steady(*self._segmenter(content))
                self._last = content, found
            return self._last[1]

    def close(self) -> None:
        """Let go of the model; may be called twice."""
        self._segmenter.close()
        self._last = None


class Layer:
    """Lays one frame over another; keeps its memory between frames.

    Fresh memory for the two weights of every pixel takes as long as the arithmetic.
    """

    def __init__(self) -> None:
        self._share = np.empty((0, 0), np.float32)
        self._rest = np.empty((0, 0), np.float32)

    def __call__(self, base: Pixels, over: Pixels, share: Probability) -> Pixels:
        """Return the mixture of two frames by a small mask, grown bilinearly.

        Args:
            base: RGB, shape ``(H, W, 3)``, uint8: seen where `share` is 0.
            over: RGB, same shape: seen where it is 1. Neither is changed.
            share: Of `over`, ``(h, w)``, 0..1.

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
        box = _box(share, height, width)
        if box is not None:
            large, rest = self._share[box], self._rest[box]
            np.subtract(1.0, large, out=rest)
            cv2.blendLinear(over[box], base[box], large, rest, dst=mixed[box])
        return mixed


def _box(share: Probability, height: int, width: int) -> tuple[slice, slice] | None:
    """Return where a small mask is above 0 when grown to a frame; None if nowhere."""
    marked = share > 0.0
    lines, columns = (np.flatnonzero(marked.any(axis=axis)) for axis in (1, 0))
    if lines.size == 0:
        return None
    return (
        _reach(lines[0], lines[-1], share.shape[0], height),
        _reach(columns[0], columns[-1], share.shape[1], width),
    )


def _reach(first: int, last: int, cells: int, pixels: int) -> slice:
    """Return the pixels that `first` to `last` of `cells` reach, bilinearly."""
    scale = pixels / cells
    start = math.floor((int(first) - 0.5) * scale)
    return slice(max(0, start), min(pixels, math.ceil((int(last) + 1.5) * scale)))
