"""One picture file to RGB and back."""

from pathlib import Path

import cv2
import numpy as np

from rtstyle_streams.errors import SinkError, SourceError
from rtstyle_streams.frame import Pixels

_QUALITY = {
    ".jpg": [cv2.IMWRITE_JPEG_QUALITY, 95],
    ".jpeg": [cv2.IMWRITE_JPEG_QUALITY, 95],
    ".webp": [cv2.IMWRITE_WEBP_QUALITY, 95],
}
PICTURE_SUFFIXES = frozenset(
    (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
)
"""Suffixes that mean a still picture, lower case."""


def read_picture(path: Path) -> tuple[Pixels, list[str]]:
    """Read a picture, turned upright as its EXIF says.

    Returns:
        RGB, shape ``(H, W, 3)``, uint8, and a line for each thing that was left out
        or reduced (alpha, 16 bits, CMYK).

    Raises:
        SourceError: it is missing, empty or no picture.
    """
    data = _read_bytes(path)
    try:
        raw = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
        bgr = cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
    except cv2.error as error:
        raise SourceError(f"{path}: expected a picture, got: {error.err}") from error
    if raw is None or bgr is None:
        raise SourceError(
            f"{path}: expected a picture, got something OpenCV cannot read"
        )
    notices = []
    if raw.ndim == 3 and raw.shape[2] in (2, 4):
        notices.append(f"{path.name}: the alpha channel is left out")
    if _num_jpeg_components(data.tobytes()) == 4:
        notices.append(f"{path.name}: CMYK turned into RGB without a colour profile")
    if bgr.dtype == np.uint16:
        notices.append(f"{path.name}: 16 bits per sample rounded to 8")
        bgr = cv2.convertScaleAbs(bgr, alpha=255 / 65535)
    if bgr.dtype != np.uint8:
        raise SourceError(
            f"{path}: expected 8 or 16 bits per sample, got {bgr.dtype} (HDR)"
        )
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), dtype=np.uint8), notices


def encode_picture(pixels: Pixels, *, suffix: str) -> bytes:
    """Return the bytes of a picture file.

    Args:
        pixels: RGB, shape ``(H, W, 3)``, uint8.
        suffix: ``.png``, ``.jpg``, ``.webp`` …; JPEG and WebP at quality 95.

    Raises:
        SinkError: OpenCV cannot write such a file.
    """
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    try:
        done, data = cv2.imencode(suffix, bgr, _QUALITY.get(suffix.lower(), []))
    except cv2.error as error:
        raise SinkError(
            f"{suffix}: expected a writable picture, got: {error.err}"
        ) from error
    if not done:
        raise SinkError(f"{suffix}: expected a kind of picture OpenCV can write")
    return bytes(data)


def _read_bytes(path: Path) -> "np.ndarray[tuple[int], np.dtype[np.uint8]]":
    if path.is_dir():
        raise SourceError(f"{path}: expected a picture, got a directory")
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise SourceError(f"{path}: expected a picture, found no such file") from None
    except OSError as error:
        raise SourceError(
            f"{path}: expected a readable picture, got: {error.strerror}"
        ) from error
    if not data:
        raise SourceError(f"{path}: expected a picture, got an empty file")
    return np.frombuffer(data, np.uint8)


def _num_jpeg_components(data: bytes) -> int:
    """Return the number of colour components of a JPEG; 0 for anything else.

    Source:
        ITU-T T.81, B.1.1.4 and B.2.2: marker segments and the frame header.
    """
    at = 2
    while data[:2] == b"\xff\xd8" and at + 10 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return data[at + 9]
        if marker == 0xFF:
            at += 1
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return 0
