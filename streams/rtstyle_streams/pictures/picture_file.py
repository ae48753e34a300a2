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
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from rtstyle_streams.errors import SinkError, SourceError
from rtstyle_streams.frame import Pixels
from rtstyle_streams.pictures.colour_profile import to_srgb
from rtstyle_streams.pictures.jpeg import is_jpeg_damaged
from rtstyle_streams.pictures.tags import PictureTags, read_tags

MOST_PIXELS = 128_000_000
"""Of a picture, whatever its header says; more are refused before they are decoded."""
Alpha = npt.NDArray[np.float32]
"""How much of a picture hides what is behind it, shape ``(H, W)``, 0..1."""
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
    *((alias, ".jpg") for alias in (".jpeg", ".jpe", ".jfif")),
    *((".tiff", ".tif"), (".dib", ".bmp"), (".j2k", ".jp2"), (".pnm", ".ppm")),
):
    _SAVE[_alias] = _SAVE[_suffix]
PICTURE_SUFFIXES = frozenset(_SAVE)
"""Suffixes that mean a picture which is read and written, lower case."""
OTHER_PICTURE_SUFFIXES = frozenset(
    """.heic .heif .hif .jxl .svg .psd .xcf .dng .cr2 .cr3 .nef .arw .orf .rw2 .raf .exr
    .hdr .tga .pcx .eps .ico .icns .jp2 .jpx .jpf .avifs .apng .pgm .pbm .pfm .qoi .sgi
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
        is_checked: Whether a JPEG is decoded twice, to see whether it is broken.
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
        raise SourceError(
            f"{path}: expected a picture, got something that no decoder reads"
        ) from None
    except SourceError as error:
        if str(error).startswith(str(path)):
            raise
        raise SourceError(f"{path}: {error}") from error
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
    image = Image.open(io.BytesIO(data))
    width, height = image.size
    if width * height > MOST_PIXELS:
        raise _too_large(path, f"{width}x{height}")
    is_jpeg = image.format in ("JPEG", "MPO")
    num_pictures = 1 if is_jpeg else int(getattr(image, "n_frames", 1))
    image.seek(0)
    tags, changes = read_tags(image), []
    if deep := _deep_pixels(data, image):
        rgb, alpha = deep
        changes.append("16 bits per sample rounded to 8")
    else:
        rgb, alpha = _pixels(image, data)
    rgb, words = to_srgb(rgb, image.info.get("icc_profile"))
    if words:
        changes.append(words)
    if alpha is not None and is_on_white:
        rgb = _over_white(rgb, alpha)
    return Picture(
        np.ascontiguousarray(_upright(rgb, tags.orientation), np.uint8),
        tuple(changes),
        alpha is not None,
        num_pictures,
        is_checked and is_jpeg and is_jpeg_damaged(data),
        tags,
    )


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


def _pixels(image: Image.Image, data: bytes) -> tuple[Image.Image, Alpha | None]:
    """Return an RGB, L or CMYK image, and its alpha; a JPEG may lack its end."""
    try:
        image.load()
    except OSError:
        if image.format not in ("JPEG", "MPO"):
            raise
        image = Image.open(io.BytesIO(data + b"\xff\xd9"))
        image.load()
    if image.mode in ("RGB", "L", "CMYK") and "transparency" not in image.info:
        return image, None
    if image.mode in ("I", "F"):
        raise SourceError("expected 8 or 16 bits per sample, got 32 (HDR)")
    if image.mode == "1":
        return image.convert("L"), None
    with_alpha = image.convert("RGBA")
    alpha = np.asarray(with_alpha.getchannel("A"), np.float32) / np.float32(255)
    grey = image.mode in ("L", "LA")
    return with_alpha.convert("L" if grey else "RGB"), _seen(alpha)


def _deep_pixels(
    data: bytes, image: Image.Image
) -> tuple[Image.Image, Alpha | None] | None:
    """Return pixels of 16 bits rounded to 8, and their alpha; None for those of 8."""
    if not _may_be_deep(data, image):
        return None
    buffer = np.frombuffer(data, np.uint8)
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION
    bgr = cv2.imdecode(buffer, flags)
    if bgr is None or bgr.dtype == np.uint8:
        return None
    if bgr.dtype != np.uint16:
        raise SourceError(f"expected 8 or 16 bits per sample, got {bgr.dtype} (HDR)")
    rounded = cv2.convertScaleAbs(bgr, alpha=255 / 65535)
    rgb = Image.fromarray(cv2.cvtColor(rounded, cv2.COLOR_BGR2RGB))
    raw = cv2.imdecode(buffer, cv2.IMREAD_UNCHANGED)
    if raw is None or raw.ndim < 3 or raw.shape[2] not in (2, 4):
        return rgb, None
    return rgb, _seen(np.asarray(raw[..., -1], np.float32) / np.float32(65535))


def _may_be_deep(data: bytes, image: Image.Image) -> bool:
    """Return whether a picture may have more than 8 bits per sample."""
    if image.format == "PNG":
        return data[24:25] == b"\x10"
    if image.format == "TIFF":
        tags = image.tag_v2  # type: ignore[attr-defined]
        return bool(max(tags.get(258, (8,))) > 8)
    return image.format in ("PPM", "JPEG2000")


def _seen(alpha: Alpha) -> Alpha | None:
    """Return an alpha channel that hides something, else None."""
    return alpha if alpha.min() < 1.0 else None


def _over_white(image: Image.Image, alpha: Alpha) -> Image.Image:
    pixels = np.asarray(image, np.float32)
    over = np.rint(255 + alpha[..., None] * (pixels - np.float32(255)))
    return Image.fromarray(over.astype(np.uint8))


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What stands a picture upright, by its EXIF orientation."""


def _too_large(path: Path, size: str) -> SourceError:
    return SourceError(
        f"{path}: expected a picture of at most {MOST_PIXELS // 10**6} megapixels, got "
        f"{size}; make it smaller"
    )
