"""Which numbers a picture's Y'CbCr form uses: luma coefficients, range, tags."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
import numpy.typing as npt

from rtstyle_streams.errors import SourceError
from rtstyle_streams.protocols import LUMA, ColourMatrix

UNSPECIFIED = 2
"""FFmpeg's number for "not stated", for matrix, primaries and transfer alike."""
_RGB = 0
FULL_RANGE = 2
LIMITED_RANGE = 1

# (Kr, Kb) by FFmpeg's `AVColorSpace` number.
# Source: ITU-T H.273 table 4.
_LUMA: dict[int, tuple[float, float]] = {
    1: LUMA["bt709"][::2],
    4: (0.30, 0.11),  # FCC
    5: LUMA["bt601"][::2],  # 625 lines
    6: LUMA["bt601"][::2],  # 525 lines
    7: (0.212, 0.087),  # SMPTE 240M
    9: LUMA["bt2020"][::2],  # non-constant luminance
}
_NAMES: dict[int, ColourMatrix] = {
    1: "bt709",
    4: "bt601",
    5: "bt601",
    6: "bt601",
    7: "bt709",
    9: "bt2020",
}
HDR_TRANSFERS = {16: "PQ", 18: "HLG"}
"""Transfers of high dynamic range, by FFmpeg's number."""


class ColourTags(Protocol):
    """What FFmpeg says about the colours of a frame or a codec context."""

    colorspace: int
    color_range: int
    color_primaries: int
    color_trc: int


@dataclass(frozen=True, slots=True)
class Colour:
    """How Y'CbCr values stand for colours, and the tags that say so."""

    colorspace: int = 1
    """FFmpeg's number of the luma coefficients; always a known one."""
    full_range: bool = False
    """Whether luma runs 0..255 instead of 16..235."""
    primaries: int = UNSPECIFIED
    """FFmpeg's number, carried from input to output."""
    transfer: int = UNSPECIFIED
    """FFmpeg's number, carried from input to output."""

    @property
    def matrix(self) -> ColourMatrix:
        """Return the name of the luma coefficients (the nearest of the three)."""
        return _NAMES[self.colorspace]

    def tag(self, target: ColourTags) -> None:
        """Write the tags to a frame or a codec context."""
        target.colorspace = self.colorspace
        target.color_range = FULL_RANGE if self.full_range else LIMITED_RANGE
        target.color_primaries = self.primaries
        target.color_trc = self.transfer


def default_colour(*, width: int, height: int) -> Colour:
    """Return what an untagged picture of this coded size is taken for.

    BT.709 from 720 lines or 1280 columns on, else BT.601; limited range.
    """
    return Colour(colorspace=1 if height >= 720 or width >= 1280 else 6)


def read_colour(
    tags: ColourTags,
    *,
    pixel_format: str,
    width: int,
    height: int,
    what: str,
    may_be_hdr: bool = False,
) -> Colour:
    """Read the tags of a picture of the coded size `width` x `height`.

    Args:
        tags: a decoded frame.
        pixel_format: FFmpeg's name; grey is full range unless tagged, as in FFmpeg,
            and RGB is taken as the source of limited range.
        width: coded columns, for untagged pictures.
        height: coded lines, for untagged pictures.
        what: names the file in errors.
        may_be_hdr: whether PQ and HLG are taken.

    Raises:
        SourceError: the picture is HDR and may not be, or its matrix is one that we do
            not know.
    """
    name = HDR_TRANSFERS.get(tags.color_trc)
    if name and not may_be_hdr:
        raise SourceError(
            f"{what}: expected standard dynamic range, got HDR ({name}); "
            "use --tone-map bt2390, or tone-map it to BT.709 yourself"
        )
    colorspace = tags.colorspace
    if colorspace in (_RGB, UNSPECIFIED):
        colorspace = default_colour(width=width, height=height).colorspace
    if colorspace not in _LUMA:
        raise SourceError(
            f"{what}: expected colour matrix BT.601, BT.709 or BT.2020, "
            f"got number {colorspace} of H.273"
        )
    is_full = tags.color_range == FULL_RANGE and tags.colorspace != _RGB
    is_grey = pixel_format.startswith("gray") and tags.color_range != LIMITED_RANGE
    return Colour(
        colorspace=colorspace,
        full_range=is_full or is_grey,
        primaries=tags.color_primaries,
        transfer=tags.color_trc,
    )


@lru_cache
def rgb_to_yuv_matrix(colour: Colour) -> npt.NDArray[np.float64]:
    """Return the affine map from RGB to Y'CbCr, both 0..255.

    Returns:
        Shape ``(3, 4)``: three columns of weights and one of offsets.

    Source:
        ITU-T H.273, equations 38 to 52, for 8 bits.
    """
    kr, kb = _LUMA[colour.colorspace]
    luma = np.array([kr, 1 - kr - kb, kb])
    cb = (np.array([0.0, 0.0, 1.0]) - luma) / (2 * (1 - kb))
    cr = (np.array([1.0, 0.0, 0.0]) - luma) / (2 * (1 - kr))
    scale_y, scale_c, offset_y = (
        (1.0, 1.0, 0.0) if colour.full_range else (219 / 255, 224 / 255, 16.0)
    )
    weights = np.stack([luma * scale_y, cb * scale_c, cr * scale_c])
    return np.hstack([weights, [[offset_y], [128.0], [128.0]]])


@lru_cache
def yuv_to_rgb_matrix(colour: Colour) -> npt.NDArray[np.float64]:
    """Return the inverse of `rgb_to_yuv_matrix`, shape ``(3, 4)``."""
    forward = rgb_to_yuv_matrix(colour)
    weights = np.linalg.inv(forward[:, :3])
    return np.hstack([weights, -weights @ forward[:, 3:]])
