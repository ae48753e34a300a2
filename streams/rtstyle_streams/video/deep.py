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
    scale = 255.0 * REST_STEPS
    steps = cv2.addWeighted(levels, scale, pixels, -REST_STEPS, 0.0, dtype=cv2.CV_8S)
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
    matrix = rgb_to_yuv_matrix(colour) * (1023 / 255 if colour.full_range else 4.0)
    yuv = chroma = cv2.transform(whole, matrix)
    if is_small:
        half = ((width + 1) // 2, (height + 1) // 2)
        small = cv2.resize(whole, half, interpolation=cv2.INTER_AREA)
        chroma = cv2.transform(small, matrix)
    frame = av.VideoFrame(width, height, planar)
    for index, source in enumerate((yuv, chroma, chroma)):
        plane = frame.planes[index]
        lines = np.frombuffer(memoryview(plane), np.uint16).reshape(plane.height, -1)
        channel = cv2.extractChannel(source, index)
        values = cv2.addWeighted(channel, 1.0, channel, 0.0, 0.0, dtype=cv2.CV_16U)
        np.minimum(values, 1023, out=lines[:, : plane.width])
    colour.tag(frame)
    return frame
