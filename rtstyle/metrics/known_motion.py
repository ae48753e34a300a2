"""Make films from a still photograph, with exactly known motion."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from rtstyle.smoothing.warp import Flow, Mask, pixel_grid
from rtstyle_streams.frame import Pixels

FLOW_METHOD = "exact"
"""Source of the motion, shown beside every figure from these scenes."""
MARGIN = 0.12
"""Margin within which the view may move, as a share of each side of the photograph."""

Affine = npt.NDArray[np.float64]
"""Shape ``(2, 3)``: view coordinates (x, y, 1) to photograph coordinates."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A frame and the exact motion that led to it."""

    pixels: Pixels
    """RGB ``(H, W, 3)`` uint8."""
    flow_prev_to_cur: Flow
    """``(H, W, 2)`` in pixels: where each pixel of the frame before went."""
    mask: Mask
    """``(H, W)`` on the grid of the frame before: 1 still visible, 0 outside the view
    or covered; all zeros for the first frame."""


def known_motion(
    photo: Pixels,
    *,
    num_frames: int,
    noise: float = 2.0,
    with_object: bool = True,
    seed: int = 0,
) -> Iterator[Moved]:
    """Pan, rotate and zoom over a photograph in subpixel steps, behind a moving disc.

    The disc is cut from the middle of the photograph and moves on its own path, so
    that it covers and uncovers parts of the picture.

    Args:
        photo: RGB ``(H, W, 3)`` uint8; frames have its size.
        num_frames: Number of frames.
        noise: Standard deviation of the sensor noise, in 1/255, new in every frame.
        with_object: Whether to draw the disc.
        seed: Seed of the noise.
    """
    rng = np.random.default_rng(seed)
    height, width = photo.shape[:2]
    prev: Affine | None = None
    for index in range(num_frames):
        view = _view(index, height=height, width=width)
        picture = _render(photo, view)
        discs = [_disc(i, height=height, width=width) for i in (index - 1, index)]
        if with_object:
            _paste(picture, photo, discs[1])
        flow, mask = _motion(view if prev is None else prev, view, photo.shape)
        if with_object:
            _move_disc(flow, mask, *discs)
        if prev is None:
            mask = np.zeros_like(mask)
        noisy = picture + rng.normal(0.0, noise, picture.shape)
        pixels = np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
        yield Moved(pixels, flow, mask)
        prev = view


def noisy_still(
    photo: Pixels, *, num_frames: int, noise: float = 4.0, seed: int = 0
) -> Iterator[Pixels]:
    """Yield a photograph repeatedly, each time with new sensor noise.

    Args:
        photo: RGB ``(H, W, 3)`` uint8.
        num_frames: Number of frames.
        noise: Standard deviation in 1/255.
        seed: Seed of the noise.
    """
    rng = np.random.default_rng(seed)
    for _ in range(num_frames):
        noisy = photo + rng.normal(0.0, noise, photo.shape)
        yield np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def _view(index: int, *, height: int, width: int) -> Affine:
    """Return the view's place on the photograph: slow Lissajous, rotation and zoom."""
    phase = index / 25.0
    zoom = 1.0 - 2.0 * MARGIN + 0.3 * MARGIN * math.sin(1.3 * phase)
    angle = 0.03 * math.sin(0.9 * phase)
    cos, sin = zoom * math.cos(angle), zoom * math.sin(angle)
    centre_x = (width - 1) / 2 + 0.5 * MARGIN * width * math.sin(phase)
    centre_y = (height - 1) / 2 + 0.5 * MARGIN * height * math.sin(0.7 * phase)
    turn = np.array([[cos, -sin], [sin, cos]])
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    shift = np.array([centre_x, centre_y]) - turn @ middle
    return np.hstack([turn, shift[:, None]])


def _render(photo: Pixels, view: Affine) -> npt.NDArray[np.float32]:
    size = (photo.shape[1], photo.shape[0])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    picture = cv2.warpAffine(
        photo.astype(np.float32), view, size, flags=flags, borderMode=cv2.BORDER_REFLECT
    )
    return np.asarray(picture, dtype=np.float32)


def _motion(prev: Affine, cur: Affine, shape: tuple[int, ...]) -> tuple[Flow, Mask]:
    """Return the exact flow of the background and the mask of what stays in view."""
    height, width = shape[:2]
    whole_prev = np.vstack([prev, [0.0, 0.0, 1.0]])
    whole_cur = np.vstack([cur, [0.0, 0.0, 1.0]])
    prev_to_cur = np.linalg.solve(whole_cur, whole_prev)[:2]
    places = pixel_grid(height, width)
    target = places @ prev_to_cur[:, :2].T + prev_to_cur[:, 2]
    inside = (target >= 0).all(-1) & (target <= [width - 1, height - 1]).all(-1)
    flow = np.asarray(target - places, dtype=np.float32)
    return flow, np.asarray(inside, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class _Disc:
    """Centre and radius in pixels."""

    x: float
    y: float
    radius: float

    def covers(self, places: Flow, *, grow: float) -> npt.NDArray[np.bool_]:
        """Return which places lie within the radius plus `grow`."""
        gap = places - np.array([self.x, self.y], np.float32)
        within = np.square(gap).sum(-1) <= (self.radius + grow) ** 2
        return np.asarray(within, dtype=np.bool_)


def _disc(index: int, *, height: int, width: int) -> _Disc:
    """Return the disc of a frame, at whole pixels, so that it is copied exactly."""
    radius = round(0.14 * min(height, width))
    step = max(1, round(width / 100))
    start = width // 4 + radius
    x = (start + step * index) % (width + 2 * radius) - radius
    return _Disc(x, height // 2 + round(0.1 * height * math.sin(index / 9)), radius)


def _paste(picture: npt.NDArray[np.float32], photo: Pixels, disc: _Disc) -> None:
    """Draw the middle of the photograph, with colours inverted, into the disc."""
    height, width = photo.shape[:2]
    shift_x, shift_y = round(disc.x) - width // 2, round(disc.y) - height // 2
    inverted = np.roll(255.0 - photo, (shift_y, shift_x), axis=(0, 1))
    inside = disc.covers(pixel_grid(height, width), grow=0.0)
    picture[inside] = inverted[inside]


def _move_disc(flow: Flow, mask: Mask, prev: _Disc, cur: _Disc) -> None:
    """Correct flow and mask in place, where the disc was and where it is now."""
    places = pixel_grid(*mask.shape)
    height, width = mask.shape
    step = np.array([cur.x - prev.x, cur.y - prev.y], np.float32)
    mask[prev.covers(places, grow=2.0)] = 0.0
    mask[cur.covers(places + flow, grow=2.0)] = 0.0
    inner = prev.covers(places, grow=-2.0)
    flow[inner] = step
    target = places + step
    stays = (target >= 0).all(-1) & (target <= [width - 1, height - 1]).all(-1)
    mask[inner & stays] = 1.0
