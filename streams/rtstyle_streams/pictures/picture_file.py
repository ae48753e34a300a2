"""One picture file to RGB and back, with its colours as they are meant.

Pillow reads headers, tags and nearly all pixels; OpenCV those of 16 bits per sample,
which Pillow cuts off. Both decode from memory: a name reaches no C library.
"""

import io
import warnings
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from rtstyle_streams.errors import SinkError, SourceError, accident
from rtstyle_streams.frame import Pixels
from rtstyle_streams.pictures.colour_profile import to_srgb
from rtstyle_streams.pictures.jpeg import is_jpeg_damaged
from rtstyle_streams.pictures.pixels import (
    Alpha,
    DepthError,
    deep_pixels,
    loaded,
    over_white,
    pixels_of,
    upright,
)
from rtstyle_streams.pictures.png import is_png_damaged
from rtstyle_streams.pictures.tags import PictureTags, read_tags

MOST_PIXELS = 128_000_000
"""Of a picture, whatever its header says; more are refused before they are decoded."""
LARGEST_FILE = 1 << 30
"""Bytes of a picture file at most."""
_SAVE: dict[str, tuple[str, dict[str, object]]] = {
    ".png": ("PNG", {"compress_level": 1}),
    ".jpg": ("JPEG", {"quality": 95, "subsampling": "4:2:0"}),
    ".webp": ("WEBP", {"quality": 95}),
    ".bmp": ("BMP", {}),
    ".tif": ("TIFF", {"compression": "tiff_lzw"}),
    ".gif": ("GIF", {}),
    ".avif": ("AVIF", {"quality": 90}),
    ".jp2": ("JPEG2000", {}),
    ".ppm": ("PPM", {}),
}
for _alias, _suffix in (
    *((alias, ".jpg") for alias in (".jpeg", ".jpe", ".jfif", ".mpo")),
    *((".tiff", ".tif"), (".dib", ".bmp"), (".j2k", ".jp2"), (".pnm", ".ppm")),
):
    _SAVE[_alias] = _SAVE[_suffix]
PICTURE_SUFFIXES = frozenset(_SAVE)
"""Suffixes that mean a picture which is read and written, lower case."""
OTHER_PICTURE_SUFFIXES = frozenset(
    """.heic .heif .hif .jxl .svg .psd .xcf .dng .cr2 .cr3 .nef .arw .orf .rw2 .raf .exr
    .hdr .tga .pcx .eps .ico .icns .jp2 .jpx .jpf .avifs .pgm .pbm .pfm .qoi .sgi
    .dds .ai .pdf .raw""".split()
) - frozenset(_SAVE)
"""Suffixes of pictures that are named when they are passed over."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as it is meant to be seen."""

    pixels: Pixels
    """RGB in sRGB, upright, shape ``(H, W, 3)``, uint8."""
    changes: tuple[str, ...] = ()
    """A line for each thing that was reduced: bits, colours."""
    has_alpha: bool = False
    """Whether parts of it are transparent, at least a little."""
    alpha: Alpha | None = None
    """How much of it hides what is behind it, shape ``(H, W)``, 0..1, upright; None
    where all of it does."""
    num_pictures: int = 1
    """Of the file; `pixels` are the first one's."""
    is_damaged: bool = False
    """Whether a part of it is broken, as far as that was looked for."""
    tags: PictureTags = PictureTags()
    """What its copy should carry on."""

    def notices(self, name: str) -> list[str]:
        """Return what was left out or changed, a line each that begins with `name`."""
        lines = ["the alpha channel is left out"] if self.has_alpha else []
        lines += self.changes
        if self.num_pictures > 1:
            lines.append(f"the first of its {self.num_pictures} pictures counts")
        if self.is_damaged:
            lines.append("a part is broken; what could be read is taken")
        return [f"{name}: {line}" for line in lines]


def read_picture(path: Path) -> tuple[Pixels, list[str]]:
    """Read a picture, turned upright as its EXIF says, its colours turned into sRGB.

    Returns:
        RGB, shape ``(H, W, 3)``, uint8, and a line for each thing that was left out or
        reduced.

    Raises:
        SourceError: it is missing, empty, no picture or has over `MOST_PIXELS` pixels.
    """
    picture = decode_picture(read_file(path), path, is_checked=False)
    return picture.pixels, picture.notices(path.name)


def is_picture(path: Path) -> bool:
    """Return whether a file begins as a picture does, whatever its name."""
    try:
        with path.open("rb") as file, Image.open(file):
            return True
    except (*_DECODER_ERRORS, Image.DecompressionBombError):
        return False


def read_file(path: Path) -> bytes:
    """Return the bytes of a picture file.

    Raises:
        SourceError: it is missing, empty, too large or cannot be read.
    """
    if path.is_dir():
        raise SourceError(f"{path}: expected a picture, got a directory")
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise SourceError(
                f"{path}: expected a picture of at most {LARGEST_FILE >> 20} MB, got "
                f"{path.stat().st_size >> 20} MB"
            )
        data = path.read_bytes()
    except FileNotFoundError:
        raise SourceError(f"{path}: expected a picture, found no such file") from None
    except OSError as error:
        if isinstance(error, SourceError):
            raise
        raise SourceError(
            f"{path}: expected a readable picture, got: {error.strerror}"
        ) from error
    if not data:
        raise SourceError(f"{path}: expected a picture, got an empty file")
    return data


def decode_picture(
    data: bytes, path: Path, *, is_checked: bool = True, is_on_white: bool = False
) -> Picture:
    """Decode a picture, turned upright as its EXIF says, its colours turned into sRGB.

    Args:
        data: The whole file.
        path: Names it in errors.
        is_checked: Whether a JPEG is decoded twice and checksums of a PNG are compared,
            to see whether it is broken.
        is_on_white: Whether what is transparent is laid over white, not left out.

    Raises:
        SourceError: it is no picture or has over `MOST_PIXELS` pixels.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Pillow, about tags
            return _decode(data, path, is_checked, is_on_white)
    except Image.DecompressionBombError:
        raise _too_large(path, "far more") from None
    except MemoryError:
        raise _too_large(path, "more than there is memory for") from None
    except UnidentifiedImageError:
        found = accident(data, is_for_picture=True) or "something that no decoder reads"
        raise SourceError(f"{path}: expected a picture, got {found}") from None
    except SourceError:
        raise
    except DepthError as error:
        raise SourceError(
            f"{path}: expected 8 or 16 bits per sample, got {error} (HDR)"
        ) from error
    except _DECODER_ERRORS as error:
        reason = " ".join(str(getattr(error, "err", error)).split())
        raise SourceError(f"{path}: expected a picture, got: {reason}") from error


# What Pillow's readers of single formats raise over malformed files, besides OSError.
_DECODER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    OverflowError,
    ZeroDivisionError,
    NotImplementedError,
    RuntimeError,
    EOFError,
    cv2.error,
)


def _decode(data: bytes, path: Path, is_checked: bool, is_on_white: bool) -> Picture:
    image: Image.Image = Image.open(io.BytesIO(data))
    width, height = image.size
    if width * height > MOST_PIXELS:
        raise _too_large(path, f"{width}x{height}")
    is_jpeg = image.format in ("JPEG", "MPO")
    num_pictures = 1 if is_jpeg else int(getattr(image, "n_frames", 1))
    image.seek(0)
    tags, changes = read_tags(image), []
    has_gaps = False
    if deep := deep_pixels(data, image):
        rgb, alpha = deep
        changes.append("16 bits per sample rounded to 8")
    else:
        image, has_gaps = loaded(image, data)
        rgb, alpha = pixels_of(image)
    rgb, words = to_srgb(rgb, image.info.get("icc_profile"))
    if words:
        changes.append(words)
    if alpha is not None and is_on_white:
        rgb = over_white(rgb, alpha)
    return Picture(
        np.array(upright(rgb, tags.orientation), np.uint8),  # a copy, writable
        tuple(changes),
        alpha is not None,
        None if alpha is None else _upright_alpha(alpha, tags.orientation),
        num_pictures,
        has_gaps or (is_checked and _is_damaged(data, image.format or "")),
        tags,
    )


def _is_damaged(data: bytes, format_name: str) -> bool:
    """Return whether a picture that a decoder took without a word is broken."""
    if format_name in ("JPEG", "MPO"):
        return is_jpeg_damaged(data)
    return format_name == "PNG" and is_png_damaged(data)


def _upright_alpha(alpha: Alpha, orientation: int) -> Alpha:
    """Return an alpha channel turned as its picture is."""
    return np.array(upright(Image.fromarray(alpha), orientation), np.float32)


def encode_picture(
    pixels: Pixels, *, suffix: str, tags: PictureTags | None = None
) -> bytes:
    """Return the bytes of a picture file.

    Args:
        pixels: RGB in sRGB, shape ``(H, W, 3)``, uint8.
        suffix: One of `PICTURE_SUFFIXES`; JPEG and WebP at quality 95.
        tags: What to write beside the pixels, as far as the format holds it.

    Raises:
        SinkError: such a file cannot be written.
    """
    name, options = _SAVE[suffix.lower()]
    file = io.BytesIO()
    image = Image.fromarray(np.ascontiguousarray(pixels))
    try:
        image.save(file, name, **options, **(tags.save_options(name) if tags else {}))
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise SinkError(
            f"{suffix}: expected a writable picture, got: {error}"
        ) from error
    return file.getvalue()


def _too_large(path: Path, size: str) -> SourceError:
    return SourceError(
        f"{path}: expected a picture of at most {MOST_PIXELS // 10**6} megapixels, got "
        f"{size}; make it smaller"
    )
