"""Colours of a picture's own profile, turned into those every screen takes for sRGB."""

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

_LOST = "its colour profile cannot be read; the colours are taken for sRGB"
_NAIVE_CMYK = "CMYK turned into RGB without a colour profile"


def to_srgb(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, str]:
    """Return a picture in sRGB and a line about what was lost, or nothing.

    Args:
        image: Of mode RGB, L or CMYK.
        profile: Its ICC profile, if it has one.

    Source:
        ICC.1:2022, relative colorimetric with black point compensation, as browsers do.
    """
    if not profile:
        return image.convert("RGB"), _NAIVE_CMYK if image.mode == "CMYK" else ""
    try:
        change = _transform(profile, image.mode)
        if change is None:
            return image.convert("RGB"), ""
        converted = ImageCms.applyTransform(image, change)
    except (ImageCms.PyCMSError, ValueError, TypeError, OSError):
        return image.convert("RGB"), _LOST
    return (image.convert("RGB") if converted is None else converted), ""


@lru_cache(maxsize=8)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Return the way from a profile to sRGB; None where it would change nothing."""
    change = ImageCms.buildTransform(
        io.BytesIO(profile),
        ImageCms.createProfile("sRGB"),
        mode,
        "RGB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    if mode == "CMYK":
        return change
    probe = _probe(mode)
    changed = ImageCms.applyTransform(probe, change)
    before = np.asarray(probe.convert("RGB"), np.int16)
    worst = np.abs(np.asarray(changed, np.int16) - before).max()
    return change if worst > 2 else None


def _probe(mode: str) -> Image.Image:
    """Return a picture with colours from everywhere."""
    steps = np.linspace(0, 255, 9).astype(np.uint8)
    if mode == "L":
        return Image.fromarray(steps[None])
    return Image.fromarray(
        np.stack(np.meshgrid(steps, steps, steps), -1).reshape(27, 27, 3)
    )
