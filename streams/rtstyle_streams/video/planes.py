"""Decoded frames to RGB and RGB to frames for the encoder, exact and cheap.

swscale reaches a rounding error of 1 only with FULL_CHR_H_INT|ACCURATE_RND, at 2.7
(POINT) to 5.8 ms (BICUBIC) for a 720p frame on one thread. An affine map by OpenCV
(`cv2.transform`, one pass of integer SIMD) is as exact; with the chroma resampled by
`cv2.resize` it takes 0.8 ms to RGB and 0.7 ms back.
Chroma is taken as centred between its luma samples in both directions, in both ways,
so that nothing moves on the round trip.
"""

from fractions import Fraction

import av
import cv2
import numpy as np
import numpy.typing as npt

from rtstyle_streams.frame import Pixels, Rest
from rtstyle_streams.video.colour import (
    FULL_RANGE,
    LIMITED_RANGE,
    Colour,
    rgb_to_yuv_matrix,
    yuv_to_rgb_matrix,
)
from rtstyle_streams.video.deep import deep_frame, num_bits
from rtstyle_streams.video.palette import with_palette

_PLANAR = ("yuv4", "yuvj4", "yuva4", "gray")
_Plane = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]


def to_rgb(frame: av.VideoFrame, colour: Colour) -> Pixels:
    """Turn a decoded frame of any pixel format into RGB.

    More than 8 bits are rounded to the nearest of 256 values; alpha is left out.

    Returns:
        RGB, shape ``(H, W, 3)``, uint8, 0..255, a copy.
    """
    if frame.format.is_rgb or frame.format.has_palette:
        return np.ascontiguousarray(
            frame.to_ndarray(format="rgb24", threads=1), dtype=np.uint8
        )
    planar = _planar(frame)
    planes = [_plane8(planar, i, colour) for i in range(min(3, _num_planes(planar)))]
    luma = planes[0]
    if len(planes) < 3:
        chroma = [np.full_like(luma, 128)] * 2
    else:
        chroma = [_upsampled(plane, planar) for plane in planes[1:]]
    yuv = cv2.merge([luma, *chroma])
    return np.asarray(cv2.transform(yuv, yuv_to_rgb_matrix(colour)), dtype=np.uint8)


def to_rgb_floats(frame: av.VideoFrame, colour: Colour) -> npt.NDArray[np.float32]:
    """Turn a decoded frame into RGB with all the tones that it has.

    Returns:
        R'G'B', shape ``(H, W, 3)``, float32, 0..1; a little beyond for values outside
        of their range.
    """
    planar = _planar(frame)
    bits = planar.format.components[0].bits
    planes = [_view(planar, index) for index in range(_num_planes(planar))]
    scale = 1 / (2**bits - 1) if colour.full_range else 2.0 ** (8 - bits) / 255
    floats = [np.asarray(plane, np.float32) * np.float32(scale) for plane in planes]
    chroma = [np.asarray(_resized(plane, planar), np.float32) for plane in floats[1:]]
    luma = floats[0]
    if not chroma:
        chroma = [np.full_like(luma, 128 / 255)] * 2
    matrix = yuv_to_rgb_matrix(colour) * [1, 1, 1, 1 / 255]  # for 0..1
    return np.asarray(cv2.transform(cv2.merge([luma, *chroma]), matrix), np.float32)


def from_rgb(
    pixels: Pixels,
    colour: Colour,
    *,
    pixel_format: str,
    pts: int,
    time_base: Fraction,
    rest: Rest | None = None,
) -> av.VideoFrame:
    """Make a tagged frame for the encoder.

    Args:
        pixels: RGB, shape ``(H, W, 3)``.
        colour: the matrix and range to convert with and to tag.
        pixel_format: FFmpeg's name; formats other than ``yuv(j)420p`` and
            ``yuv(j)444p`` are made from those or from RGB by swscale.
        pts: presentation time in ticks.
        time_base: seconds per tick.
        rest: added to `pixels` in formats of more than 8 bits; None: nothing.
    """
    frame = _encodable(pixels, colour, pixel_format, rest)
    frame.pts = pts
    frame.time_base = time_base
    return frame


def _encodable(
    pixels: Pixels, colour: Colour, pixel_format: str, rest: Rest | None
) -> av.VideoFrame:
    """Make a frame of any pixel format."""
    if pixel_format == "pal8":
        return with_palette(pixels)
    if av.VideoFormat(pixel_format, 16, 16).is_rgb:
        frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
        return frame if pixel_format == "rgb24" else frame.reformat(format=pixel_format)
    if pixel_format in ("yuv420p", "yuvj420p", "yuv444p", "yuvj444p"):
        return _planes_of(pixels, colour, pixel_format)
    if rest is not None and num_bits(pixel_format) > 8:
        whole = deep_frame(pixels, rest, colour, pixel_format)
        if whole.format.name == pixel_format:
            return whole
    else:
        whole = _planes_of(pixels, colour, "yuv444p")
    value_range = FULL_RANGE if colour.full_range else LIMITED_RANGE
    frame = whole.reformat(
        format=pixel_format,
        src_color_range=value_range,
        dst_color_range=value_range,
        threads=1,
    )
    colour.tag(frame)
    return frame


def _planes_of(pixels: Pixels, colour: Colour, pixel_format: str) -> av.VideoFrame:
    height, width = pixels.shape[:2]
    matrix = rgb_to_yuv_matrix(colour)
    yuv = cv2.transform(pixels, matrix)
    chroma = yuv
    if pixel_format in ("yuv420p", "yuvj420p"):
        half = ((width + 1) // 2, (height + 1) // 2)
        chroma = cv2.transform(
            cv2.resize(pixels, half, interpolation=cv2.INTER_AREA), matrix
        )
    frame = av.VideoFrame(width, height, pixel_format)
    for index, source in enumerate((yuv, chroma, chroma)):
        _view(frame, index)[:] = cv2.extractChannel(source, index)
    colour.tag(frame)
    return frame


def _planar(frame: av.VideoFrame) -> av.VideoFrame:
    """Return `frame` with one sample per array element, in native byte order."""
    name = frame.format.name
    if name.startswith(_PLANAR) and not name.endswith("be"):
        return frame
    wide = frame.format.components[0].bits > 8
    if name.startswith(_PLANAR):
        target = name[:-2] + "le"
    else:
        half_x = frame.format.chroma_width(16) == 8
        half_y = frame.format.chroma_height(16) == 8
        sampling = "420" if half_y else "422" if half_x else "444"
        target = f"yuv{sampling}p" + ("16le" if wide else "")
    value_range = FULL_RANGE if frame.color_range == FULL_RANGE else LIMITED_RANGE
    return frame.reformat(
        format=target,
        src_color_range=value_range,
        dst_color_range=value_range,
        threads=1,  # swscale's slices race at p010: wrong pixels once in 300 frames
    )


def _num_planes(frame: av.VideoFrame) -> int:
    return 1 if frame.format.name.startswith("gray") else 3


def _view(frame: av.VideoFrame, index: int) -> _Plane:
    """Return the samples of one plane, shape ``(H, W)``, without a copy."""
    plane = frame.planes[index]
    data = memoryview(plane)
    if frame.format.components[0].bits <= 8:
        lines = np.frombuffer(data, dtype=np.uint8).reshape(plane.height, -1)
        return lines[:, : plane.width]
    wide = np.frombuffer(data, dtype=np.uint16).reshape(plane.height, -1)
    return wide[:, : plane.width]


def _plane8(frame: av.VideoFrame, index: int, colour: Colour) -> npt.NDArray[np.uint8]:
    """Return one plane in 8 bits, rounded to nearest."""
    plane = _view(frame, index)
    if plane.dtype == np.uint8:
        return np.asarray(plane, dtype=np.uint8)
    bits = frame.format.components[0].bits
    scale = 255 / (2**bits - 1) if colour.full_range else 2.0 ** (8 - bits)
    return np.asarray(cv2.convertScaleAbs(plane, alpha=scale), dtype=np.uint8)


def _upsampled(
    plane: npt.NDArray[np.uint8], frame: av.VideoFrame
) -> npt.NDArray[np.uint8]:
    """Bring a chroma plane to the size of the luma."""
    return np.asarray(_resized(plane, frame), dtype=np.uint8)


def _resized(
    plane: npt.NDArray[np.generic], frame: av.VideoFrame
) -> npt.NDArray[np.generic]:
    """Bring a chroma plane of any type to the size of the luma."""
    lines, columns = plane.shape
    factor_x = 16 // (frame.format.chroma_width(16) or 16)
    factor_y = 16 // (frame.format.chroma_height(16) or 16)
    if factor_x == factor_y == 1:
        return plane
    whole = (columns * factor_x, lines * factor_y)
    large = cv2.resize(np.asarray(plane), whole, interpolation=cv2.INTER_LINEAR)
    return np.asarray(large[: frame.height, : frame.width])
