"""A painting's file: checked before it is decoded, read upright, laid over white."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from rtstyle.errors import StyleFileError
from rtstyle.paintings.picture_size import KINDS, picture_size
from rtstyle_streams.errors import SourceError, accident
from rtstyle_streams.frame import Pixels
from rtstyle_streams.pictures.picture_file import PICTURE_SUFFIXES, decode_picture

SUFFIXES = PICTURE_SUFFIXES | {".svg"}
"""Suffixes that mean a painting, lower case; SVG in order to be refused with a hint."""
MOST_PIXELS = 64_000_000
"""Larger ones are refused before they are decoded."""
LARGEST_FILE = 1 << 28
"""Bytes of a painting's file at most."""
LEAST_SIDE, MOST_SIDE = 64, 1024
"""Sides of what the style encoder is shown, in pixels."""


@dataclass(frozen=True, slots=True)
class Painting:
    """A picture whose style is wanted."""

    path: Path
    """Where it was read."""
    pixels: Pixels
    """RGB, shape ``(H, W, 3)``, uint8, upright, whatever was transparent white."""
    sha256: str
    """Of the file's bytes."""
    notices: tuple[str, ...] = ()
    """What was left out or changed, a line each."""


def is_painting(path: Path) -> bool:
    """Tell whether a path means a painting: by its suffix, else by its first bytes."""
    if path.suffix.lower() in SUFFIXES:
        return True
    if path.suffix.lower() == ".onnx" or not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            data = file.read(1 << 16)
    except OSError:
        return False
    return picture_size(data) is not None or _is_svg(data)


def read_bytes(path: Path) -> bytes:
    """Return a painting's file.

    Raises:
        StyleFileError: it is missing, empty, cannot be read or is far too large.
    """
    try:
        num_bytes = path.stat().st_size
        if num_bytes > LARGEST_FILE:
            raise StyleFileError(
                f"{path}: expected a painting of at most {LARGEST_FILE >> 20} MB, got "
                f"{num_bytes >> 20} MB; make it smaller, 2000 pixels are plenty"
            )
        data = path.read_bytes()
    except FileNotFoundError:
        raise StyleFileError(f"{path}: expected a painting, found no file") from None
    except OSError as error:
        raise StyleFileError(
            f"{path}: painting cannot be read ({error.strerror})"
        ) from error
    if not data:
        raise StyleFileError(f"{path}: expected a painting, got an empty file")
    return data


def read_painting(path: Path) -> Painting:
    """Read a painting: of a moving picture the first frame, alpha laid over white.

    Raises:
        StyleFileError: it is missing, no picture, an SVG, or has more than
            `MOST_PIXELS` pixels; then nothing was decoded.
    """
    data = read_bytes(path)
    _check_size(path, data)
    try:
        picture = decode_picture(data, path, is_on_white=True)
    except SourceError as error:
        raise StyleFileError(str(error)) from error
    height, width = picture.pixels.shape[:2]
    if width * height > MOST_PIXELS:
        raise _too_large(path, width, height)
    lines = [*picture.changes]
    if picture.has_alpha:
        lines.append("what is transparent is taken as white")
    if picture.num_pictures > 1:
        lines.append("of its pictures the first is taken")
    if picture.is_damaged:
        lines.append("a part is broken; what could be read is taken")
    notices = tuple(f"{path.name}: {line}" for line in lines)
    return Painting(path, picture.pixels, hashlib.sha256(data).hexdigest(), notices)


def shown(painting: Pixels, *, side: int) -> Pixels:
    """Return a painting in the size in which the style encoder is shown it.

    Args:
        painting: RGB, shape ``(H, W, 3)``, uint8.
        side: Side of the square of the same area, in pixels.

    Returns:
        RGB, its shape kept as far as each side can be `LEAST_SIDE` to `MOST_SIDE`.
    """
    height, width = painting.shape[:2]
    factor = side / float(np.sqrt(height * width))
    lines, columns = (
        min(MOST_SIDE, max(LEAST_SIDE, round(length * factor)))
        for length in (height, width)
    )
    kind = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    resized = cv2.resize(painting, (columns, lines), interpolation=kind)
    return np.asarray(resized, np.uint8)


def _check_size(path: Path, data: bytes) -> None:
    if _is_svg(data):
        raise StyleFileError(
            f"{path}: expected a picture made of pixels, got an SVG drawing; open it "
            "in a browser or in Inkscape and save it as PNG"
        )
    if data[4:11] == b"ftyphei":
        raise StyleFileError(
            f"{path}: expected a painting ({KINDS}), got HEIC; save it as JPEG"
        )
    size = picture_size(data)
    if size is None:
        found = accident(data, is_for_picture=True) or "another file"
        raise StyleFileError(f"{path}: expected a painting ({KINDS}), got {found}")
    width, height = size
    if width * height > MOST_PIXELS:
        raise _too_large(path, width, height)


def _too_large(path: Path, width: int, height: int) -> StyleFileError:
    return StyleFileError(
        f"{path}: expected a painting of at most {MOST_PIXELS // 10**6} megapixels, "
        f"got {width}x{height}; make it smaller, 2000 pixels are plenty"
    )


def _is_svg(data: bytes) -> bool:
    head = data[:4096].lstrip(b"\xef\xbb\xbf \r\n\t")
    return head[:2] == b"\x1f\x8b" or (head[:1] == b"<" and b"<svg" in head)
