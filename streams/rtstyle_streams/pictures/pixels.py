"""The pixels of an opened picture: 8 bits, upright, as far as they can be decoded."""

import io
from threading import Lock

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile

Alpha = npt.NDArray[np.float32]
"""How much of a picture hides what is behind it, shape ``(H, W)``, 0..1."""
_PILLOW_SETTINGS = Lock()  # they are of the whole process


class DepthError(ValueError):
    """Samples of more than 16 bits; the text says of which kind."""


def pixels_of(image: Image.Image) -> tuple[Image.Image, Alpha | None]:
    """Return a loaded image as RGB, L or CMYK, and its alpha."""
    if image.mode in ("RGB", "L", "CMYK") and "transparency" not in image.info:
        return image, None
    if image.mode in ("I", "F"):
        raise DepthError("32")
    if image.mode == "1":
        return image.convert("L"), None
    with_alpha = image.convert("RGBA")
    alpha = np.asarray(with_alpha.getchannel("A"), np.float32) / np.float32(255)
    grey = image.mode in ("L", "LA")
    return with_alpha.convert("L" if grey else "RGB"), _seen(alpha)


def loaded(image: Image.Image, data: bytes) -> tuple[Image.Image, bool]:
    """Return an image with its pixels, and whether some of a JPEG's are missing."""
    try:
        image.load()
    except OSError:
        if image.format not in ("JPEG", "MPO"):
            raise
    else:
        return image, False
    with_end = Image.open(io.BytesIO(data + b"\xff\xd9"))
    try:
        with_end.load()
    except OSError:
        return _as_far_as_it_goes(with_end), True
    return with_end, False


def _as_far_as_it_goes(image: Image.Image) -> Image.Image:
    """Load what can be decoded of a broken picture; the rest is grey."""
    with _PILLOW_SETTINGS:
        before = ImageFile.LOAD_TRUNCATED_IMAGES
        ImageFile.LOAD_TRUNCATED_IMAGES = True
        try:
            image.load()
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = before
    return image


def deep_pixels(
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
        raise DepthError(str(bgr.dtype))
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


def over_white(image: Image.Image, alpha: Alpha) -> Image.Image:
    """Return an RGB image laid over white."""
    pixels = np.asarray(image, np.float32)
    over = np.rint(255 + alpha[..., None] * (pixels - np.float32(255)))
    return Image.fromarray(over.astype(np.uint8))


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """Return an image turned as EXIF's number of its orientation says."""
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
