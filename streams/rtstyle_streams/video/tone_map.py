"""HDR pictures as SDR ones: PQ and HLG become BT.709, by the tone curve of BT.2390.

Light up to the reference white of BT.2408 keeps most of its brightness; between it and
`PEAK_NITS` tones are compressed, and what is brighter is white.
"""

from functools import lru_cache
from typing import Final, TypeVar

import av
import cv2
import numpy as np
import numpy.typing as npt

from rtstyle_streams.frame import Pixels
from rtstyle_streams.video.colour import HDR_TRANSFERS, Colour
from rtstyle_streams.video.planes import to_rgb_floats

SDR: Final = Colour(colorspace=1, primaries=1, transfer=1)
"""What comes out: BT.709, limited range in files."""
PEAK_NITS: Final = 1000.0
"""Brightest light of the picture, in cd/m²: what most HDR films are made for."""
WHITE_NITS: Final = 203.0
"""Light that becomes the white of SDR: reference white of BT.2408, table 1."""
MOST_NITS: Final = 10_000.0
"""Brightest light that PQ can tell."""
STEPS: Final = 4096
"""Entries of each table; a step is far below one of 256 levels."""
GAMMA: Final = 2.4
"""Of an SDR display: BT.1886."""
HLG_GAMMA: Final = 1.2
"""Of an HLG display of `PEAK_NITS`: BT.2100, table 5."""
LUMA_2020: Final = (0.2627, 0.6780, 0.0593)
TO_709: Final = np.array(
    [
        [1.6605, -0.5876, -0.0728],
        [-0.1246, 1.1329, -0.0083],
        [-0.0182, -0.1006, 1.1187],
    ]
)
"""Linear BT.2020 to BT.709. Source: BT.2407, section 2."""
Floats = npt.NDArray[np.floating]
Entry = TypeVar("Entry", np.float32, np.uint8)


def to_sdr(frame: av.VideoFrame, colour: Colour) -> Pixels:
    """Turn a decoded HDR frame into an SDR picture.

    Args:
        frame: Of any pixel format; not changed.
        colour: Its own, with a transfer of `HDR_TRANSFERS`.

    Returns:
        RGB, shape ``(H, W, 3)``, uint8, BT.709 with the gamma of BT.1886.
    """
    return _looked_up(_levels(), _roots_of(frame, colour))


def to_sdr_floats(frame: av.VideoFrame, colour: Colour) -> npt.NDArray[np.float32]:
    """Do the same, with all the tones that there are.

    Returns:
        R'G'B', shape ``(H, W, 3)``, float32, 0..1.
    """
    return _looked_up(_signals(), _roots_of(frame, colour))


def _roots_of(frame: av.VideoFrame, colour: Colour) -> npt.NDArray[np.float32]:
    """Return square roots of linear BT.709, 0..1 and a little beyond.

    Source:
        ITU-R BT.2390, section 5.4.1 (EETF), on the largest of red, green and blue so
        that hues stay; PQ and HLG by BT.2100, tables 4 and 5.
    """
    nits = light_of(to_rgb_floats(frame, colour), HDR_TRANSFERS[colour.transfer])
    red, green, blue = cv2.split(nits)
    brightest = np.asarray(cv2.max(cv2.max(red, green), blue), np.float32)
    roots = np.sqrt(np.sqrt(brightest * np.float32(1 / MOST_NITS)))
    mapped = nits * _looked_up(_scales(), roots)[..., None]
    linear = np.asarray(cv2.transform(mapped, TO_709 / WHITE_NITS), np.float32)
    return np.sqrt(np.maximum(linear, np.float32(0)))


def light_of(signal: Floats, transfer: str) -> npt.NDArray[np.float32]:
    """Return the light of a display, in cd/m².

    Args:
        signal: R'G'B', shape ``(H, W, 3)``, 0..1.
        transfer: ``PQ`` or ``HLG``.
    """
    light = _looked_up(_decoded(transfer), np.asarray(signal, np.float32))
    if transfer == "HLG":  # the light of the scene: the display's depends on luma
        luma = np.asarray(cv2.transform(light, np.array([LUMA_2020])), np.float32)
        gain = np.asarray(cv2.pow(luma, HLG_GAMMA - 1), np.float32)
        light *= gain[..., None] * np.float32(PEAK_NITS)
    return light


def pq_decoded(signal: Floats) -> Floats:
    """Return the cd/m² that PQ's signal 0..1 stands for (BT.2100, table 4)."""
    root = np.power(signal, 1 / _M2)
    light = np.maximum(root - _C1, 0) / (_C2 - _C3 * root)
    return np.asarray(MOST_NITS * np.power(light, 1 / _M1))


def pq_encoded(nits: Floats) -> Floats:
    """Return PQ's signal 0..1 of cd/m²; the inverse of `pq_decoded`."""
    power = np.power(np.asarray(nits) / MOST_NITS, _M1)
    return np.asarray(np.power((_C1 + _C2 * power) / (1 + _C3 * power), _M2))


def hlg_decoded(signal: Floats) -> Floats:
    """Return the light of the scene, 0..1, of HLG's signal 0..1 (BT.2100, table 5)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    bright = (np.exp((signal - c) / a) + b) / 12
    return np.asarray(np.where(signal <= 0.5, signal**2 / 3, bright))


def compressed(nits: Floats) -> Floats:
    """Return the cd/m² that the tone curve makes of these, at most `WHITE_NITS`."""
    peak, white = (float(pq_encoded(np.array(n))) for n in (PEAK_NITS, WHITE_NITS))
    value = np.minimum(pq_encoded(nits) / peak, 1.0)
    most = white / peak
    knee = 1.5 * most - 0.5
    t = np.maximum(value - knee, 0.0) / (1 - knee)
    spline = (
        (2 * t**3 - 3 * t**2 + 1) * knee
        + (t**3 - 2 * t**2 + t) * (1 - knee)
        + (-2 * t**3 + 3 * t**2) * most
    )
    return pq_decoded(np.where(value < knee, value, spline) * peak)


_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32


def _looked_up(
    table: npt.NDArray[Entry], values: npt.NDArray[np.float32]
) -> npt.NDArray[Entry]:
    """Return the entries of a table for 0..1; values beyond are clipped."""
    index = values * np.float32(STEPS - 1) + np.float32(0.5)
    return np.take(table, index.astype(np.intp), mode="clip")


@lru_cache
def _decoded(transfer: str) -> npt.NDArray[np.float32]:
    signal = np.linspace(0.0, 1.0, STEPS)
    decode = pq_decoded if transfer == "PQ" else hlg_decoded
    return decode(signal).astype(np.float32)


@lru_cache
def _scales() -> npt.NDArray[np.float32]:
    """Return what light is multiplied by, by the fourth root of its brightest part."""
    nits = np.linspace(0.0, 1.0, STEPS) ** 4 * MOST_NITS
    nits[0] = nits[1]
    return np.asarray(compressed(nits) / nits, np.float32)


@lru_cache
def _levels() -> npt.NDArray[np.uint8]:
    """Return levels 0..255 by the square root of linear light 0..1."""
    return np.asarray(np.rint(_signals() * 255), np.uint8)


@lru_cache
def _signals() -> npt.NDArray[np.float32]:
    """Return the signal 0..1 by the square root of linear light 0..1."""
    linear = np.linspace(0.0, 1.0, STEPS) ** 2
    return np.asarray(np.power(linear, 1 / GAMMA), np.float32)
