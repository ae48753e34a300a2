"""How a picture must be turned and mirrored to stand upright."""

import math
import struct
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt

Array = TypeVar("Array", npt.NDArray[np.uint8], npt.NDArray[np.int8])
_DEGREE = math.tan(math.radians(1))


@dataclass(frozen=True, slots=True)
class Orientation:
    """One of the eight ways a picture can lie; applied in the order of the fields."""

    transpose: bool = False
    """Swap lines and columns first."""
    flip_x: bool = False
    """Then mirror left and right."""
    flip_y: bool = False
    """Then mirror top and bottom."""

    def apply(self, pixels: Array) -> Array:
        """Return `pixels` turned upright, C-contiguous; the same array if upright."""
        if self.transpose:
            pixels = np.asarray(cv2.transpose(pixels), dtype=pixels.dtype)
        if self.flip_x or self.flip_y:
            code = -1 if self.flip_x and self.flip_y else int(self.flip_x)
            pixels = np.asarray(cv2.flip(pixels, code), dtype=pixels.dtype)
        return pixels


def read_display_matrix(data: bytes) -> Orientation | None:
    """Read FFmpeg's display matrix, nine 32-bit numbers.

    Returns:
        The orientation, or None when the matrix is more than a degree away from every
        multiple of a right angle.

    Source:
        FFmpeg, libavutil/display.h: ``x' = a x + c y``, ``y' = b x + d y``; within a
        degree it turns by the right angle (fftools/ffmpeg_filter.c).
    """
    a, b, _, c, d, *_ = struct.unpack("=9i", data)
    if _are_small(b, c, beside=(a, d)):
        return Orientation(flip_x=a < 0, flip_y=d < 0)
    if _are_small(a, d, beside=(b, c)):
        return Orientation(transpose=True, flip_x=c < 0, flip_y=b < 0)
    return None


def _are_small(*numbers: int, beside: tuple[int, int]) -> bool:
    """Return whether `numbers` turn by less than a degree where `beside` do not."""
    least = min(abs(number) for number in beside)
    return least > 0 and all(abs(number) < _DEGREE * least for number in numbers)
