"""More than 8 bits: the network sees 8, and the rest goes round it to the encoder.

A film of 10 bits is split into levels of 8 bits and what rounding took away. What is
done to a frame is done to the levels; the rest is added again when it is written. Where
the levels are as they were, all tones of the source come back; where a style changes
them, the rest still breaks the steps up, by half a level at most.
"""

from typing import Final

import av
import cv2
import numpy as np
import numpy.typing as npt

from rtstyle_streams.frame import Pixels, Rest
from rtstyle_streams.video.colour import Colour, rgb_to_yuv_matrix

REST_STEPS: Final = 32
"""Steps of a `Rest` in one of 256 levels: fine enough for 12 bits."""
DEEP_FORMATS: Final = {
    "yuv420p": ("yuv420p10le", "p010le", "yuv422p10le", "yuv444p10le"),
    "yuv444p": ("yuv444p10le", "yuv422p10le", "yuv420p10le", "p010le"),
}
"""Formats of 10 bits, from the best to the worst stand-in for one of 8."""


def num_bits(pixel_format: str) -> int:
    """Return the bits of each colour of a pixel format."""
    return max(c.bits for c in av.VideoFormat(pixel_format, 16, 16).components)


def rest_of(levels: npt.NDArray[np.float32], pixels: Pixels) -> Rest:
    """Return what pixels of 8 bits lack.

    Args:
        levels: R'G'B' with all tones, shape ``(H, W, 3)``, 0..1.
        pixels: The same picture, RGB, rounded; at most 4 levels off.
    """
    apart = cv2.addWeighted(levels, 255.0, pixels, -1.0, 0.0, dtype=cv2.CV_32F)
    steps = cv2.addWeighted(apart, REST_STEPS, apart, 0.0, 0.0, dtype=cv2.CV_8S)
    return np.asarray(steps, np.int8)


def deep_frame(
    pixels: Pixels, rest: Rest, colour: Colour, pixel_format: str
) -> av.VideoFrame:
    """Make a frame of 10 bits of pixels and their rest.

    Args:
        pixels: RGB, shape ``(H, W, 3)``, whatever was done to them.
        rest: Of the same shape, see `rest_of`.
        colour: The matrix and range to convert with.
        pixel_format: One of `DEEP_FORMATS`.
    """
    kind = av.VideoFormat(pixel_format, 16, 16)
    is_small = kind.chroma_width(16) < 16 and kind.chroma_height(16) < 16
    planar = "yuv420p10le" if is_small else "yuv444p10le"
    height, width = pixels.shape[:2]
    whole = cv2.addWeighted(pixels, 1.0, rest, 1 / REST_STEPS, 0.0, dtype=cv2.CV_32F)
    small = whole
    if is_small:
        half = ((width + 1) // 2, (height + 1) // 2)
        small = cv2.resize(whole, half, interpolation=cv2.INTER_AREA)
    matrix = rgb_to_yuv_matrix(colour)
    scale = 1023 / 255 if colour.full_range else 4.0
    frame = av.VideoFrame(width, height, planar)
    for index, source in enumerate((whole, small, small)):
        row = matrix[index : index + 1] * scale
        values = np.rint(np.asarray(cv2.transform(source, row), np.float32))
        plane = frame.planes[index]
        lines = np.frombuffer(memoryview(plane), np.uint16).reshape(plane.height, -1)
        lines[:, : plane.width] = np.clip(values, 0, 1023)
    colour.tag(frame)
    return frame
