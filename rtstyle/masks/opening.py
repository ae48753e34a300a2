"""Open the mask that `--mask` and `--mask-model` ask for."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rtstyle.errors import StyleFileError, UsageError
from rtstyle.look import Look
from rtstyle.masks.mask import Mask, MaskMode
from rtstyle.masks.segmenter import LARGEST_FILE, Segmenter

VARIABLE = "RTSTYLE_MASK_MODEL"
"""Environment variable that names the model when `--mask-model` does not."""
WHERE_FROM = (
    "any ONNX with input [1, h, w, 3] and output [1, h, w, 1] will do, for example "
    "MediaPipe's selfie segmentation, which is not part of rtstyle: look for "
    "selfie_segmentation.onnx"
)
"""Hint for users who have no model."""


def mask_mode(look: Look) -> MaskMode:
    """Return which part to stylize; with a model as the mask, what it marks.

    Raises:
        UsageError: the mask is neither person, background nor a file.
    """
    match look.mask:
        case None:
            return "off"
        case "person" | "background":
            return "person" if look.mask == "person" else "background"
    if not look.mask.endswith(".onnx"):
        raise UsageError(
            f"--mask: expected person, background or a FILE.onnx, got {look.mask!r}"
        )
    return "person"


@contextmanager
def mask_of(look: Look, *, is_for_stills: bool = False) -> Iterator[Mask | None]:
    """Open the mask of a look, and close it at the end of the block.

    Args:
        look: Names the model.
        is_for_stills: See `Mask`.

    Raises:
        UsageError: no model was named, or two, or one without a mask.
        StyleFileError: the model cannot be read or is of another kind.
    """
    if look.mask is None:
        if look.mask_model is not None:
            raise UsageError(
                "--mask-model: expected --mask person or --mask background beside it, "
                "got neither"
            )
        yield None
        return
    mask_mode(look)
    segmenter = _read(model_file(look.mask, look.mask_model))
    mask = Mask(segmenter, is_for_stills=is_for_stills)
    try:
        yield mask
    finally:
        mask.close()


def model_file(mask: str, model: str | None) -> Path:
    """Return the model's file that `--mask` and `--mask-model` name.

    Raises:
        UsageError: no model was named, or two were.
    """
    if mask.endswith(".onnx"):
        if model is not None:
            raise UsageError(
                f"--mask {mask}: expected person or background beside --mask-model, "
                "got a second model"
            )
        return Path(mask)
    named = model or os.environ.get(VARIABLE)
    if not named:
        raise UsageError(
            f"--mask {mask}: expected a model that finds people; name one with "
            f"--mask-model FILE.onnx or in {VARIABLE} ({WHERE_FROM})"
        )
    return Path(named)


def _read(path: Path) -> Segmenter:
    path = path.expanduser()
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise StyleFileError(
                f"{path}: expected a mask's model of at most {LARGEST_FILE >> 20} MB"
            )
        data = path.read_bytes()
    except OSError as error:
        raise StyleFileError(
            f"{path}: mask's model cannot be read ({error.strerror}); {WHERE_FROM}"
        ) from error
    return Segmenter(data, name=path.name)
