"""Paint what moves in the built-in scene: a person, a balloon, birds."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from rtstyle_streams.frame import Pixels

_OVERSAMPLING = 3
_Point = tuple[float, float]
_Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Sprite:
    """A picture with soft edges."""

    pixels: Pixels
    """RGB, shape ``(h, w, 3)``, uint8."""
    opacity: npt.NDArray[np.float32]
    """Shape ``(h, w)``, 0..1."""

    def draw(self, frame: Pixels, *, x: float, y: float) -> None:
        """Draw it into `frame` with its upper left corner at x, y, to 1/32 px."""
        left, top = int(np.floor(x)), int(np.floor(y))
        height, width = self.opacity.shape
        shift = np.array([[1, 0, x - left], [0, 1, y - top]])
        pixels = cv2.warpAffine(
            self.pixels, shift, (width, height), borderMode=cv2.BORDER_REPLICATE
        )
        opacity = cv2.warpAffine(self.opacity, shift, (width, height))
        x0, y0 = max(0, left), max(0, top)
        x1, y1 = min(frame.shape[1], left + width), min(frame.shape[0], top + height)
        if x0 >= x1 or y0 >= y1:
            return
        inside = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
        under = frame[y0:y1, x0:x1]
        over = np.ascontiguousarray(opacity[inside])
        under[:] = cv2.blendLinear(pixels[inside], under.copy(), over, 1 - over)


class _Canvas:
    """Draws in units of the sprite's height, at a larger size that is then reduced."""

    def __init__(self, *, width: float, height_px: float) -> None:
        self.unit = max(4.0, height_px) * _OVERSAMPLING
        shape = (round(self.unit), max(4, round(self.unit * width)))
        self.pixels = np.zeros((*shape, 3), np.uint8)
        self.mask = np.zeros(shape, np.uint8)

    def ellipse(
        self,
        at: _Point,
        axes: _Point,
        colour: _Colour,
        *,
        arc: tuple[float, float] = (0, 360),
        thickness: float = 0,
    ) -> None:
        """Draw an ellipse, filled unless a thickness is given."""
        centre = (round(at[0] * self.unit), round(at[1] * self.unit))
        size = (round(axes[0] * self.unit), round(axes[1] * self.unit))
        line = max(1, round(thickness * self.unit)) if thickness else -1
        for target, value in ((self.pixels, colour), (self.mask, (255,))):
            cv2.ellipse(target, centre, size, 0, *arc, value, line, cv2.LINE_AA)

    def polygon(self, corners: list[_Point], colour: _Colour) -> None:
        """Fill a polygon."""
        points = (np.array(corners) * self.unit).astype(np.int32)
        for target, value in ((self.pixels, colour), (self.mask, (255,))):
            cv2.fillPoly(target, [points], value, cv2.LINE_AA)

    def shade(self, strength: float) -> None:
        """Light everything from the left and darken it to the right."""
        columns = np.linspace(1 + strength, 1 - strength, self.pixels.shape[1])
        lit = self.pixels * columns[None, :, None]
        self.pixels = np.clip(lit, 0, 255).astype(np.uint8)

    def sprite(self, *, blur: float = 0.0) -> Sprite:
        """Reduce to the final size; `blur` softens the inside first."""
        pixels: npt.NDArray[Any] = self.pixels
        if blur:
            pixels = cv2.GaussianBlur(pixels, (0, 0), blur * self.unit)
        height, width = self.mask.shape
        size = (max(2, width // _OVERSAMPLING), max(2, height // _OVERSAMPLING))
        small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        mask = cv2.resize(self.mask, size, interpolation=cv2.INTER_AREA)
        return Sprite(np.asarray(small, np.uint8), np.asarray(mask / 255, np.float32))


def paint_person(height_px: float, *, eyes_open: bool) -> Sprite:
    """Paint a head with shoulders; skin, hair, and a striped pullover."""
    canvas = _Canvas(width=0.86, height_px=height_px)
    hair, skin, shadow = (74, 44, 30), (232, 184, 150), (204, 142, 112)
    canvas.ellipse((0.43, 0.36), (0.27, 0.31), hair)
    canvas.polygon([(0.165, 0.34), (0.695, 0.34), (0.71, 0.7), (0.15, 0.7)], hair)
    for x in (0.225, 0.635):
        canvas.ellipse((x, 0.69), (0.08, 0.09), hair)
    _paint_pullover(canvas)
    canvas.polygon([(0.35, 0.6), (0.51, 0.6), (0.54, 0.8), (0.32, 0.8)], shadow)
    canvas.ellipse((0.43, 0.79), (0.12, 0.05), shadow)
    canvas.ellipse((0.43, 0.41), (0.205, 0.265), skin)
    canvas.ellipse((0.30, 0.50), (0.05, 0.035), (236, 160, 138))
    canvas.ellipse((0.56, 0.50), (0.05, 0.035), (236, 160, 138))
    canvas.shade(0.10)
    soft = canvas.sprite(blur=0.006).pixels
    canvas.pixels = np.asarray(
        cv2.resize(soft, canvas.mask.shape[::-1], interpolation=cv2.INTER_LINEAR),
        np.uint8,
    )
    _paint_features(canvas, shadow, hair, eyes_open=eyes_open)
    _paint_hair(canvas)
    return canvas.sprite()


def _paint_pullover(canvas: _Canvas) -> None:
    canvas.polygon(
        [
            (0.02, 1.0),
            (0.08, 0.86),
            (0.30, 0.77),
            (0.56, 0.77),
            (0.78, 0.86),
            (0.84, 1),
        ],
        (40, 92, 132),
    )
    stripes = np.arange(0.82, 1.0, 0.045)
    inside = canvas.mask.copy()
    for number, y in enumerate(stripes):
        colour = (226, 206, 160) if number % 2 else (178, 62, 56)
        canvas.ellipse((0.43, y), (0.5, 0.03), colour, arc=(0, 180), thickness=0.013)
    canvas.pixels[inside == 0] = 0
    canvas.mask = inside


def _paint_features(
    canvas: _Canvas, shadow: _Colour, hair: _Colour, *, eyes_open: bool
) -> None:
    for x in (0.35, 0.51):
        brow = (x, 0.375)
        canvas.ellipse(brow, (0.05, 0.03), hair, arc=(200, 340), thickness=0.014)
        if eyes_open:
            canvas.ellipse((x, 0.41), (0.038, 0.021), (250, 246, 240))
            canvas.ellipse((x + 0.003, 0.41), (0.019, 0.02), (70, 110, 92))
            canvas.ellipse((x + 0.003, 0.41), (0.009, 0.01), (20, 16, 16))
            canvas.ellipse((x - 0.004, 0.404), (0.005, 0.005), (255, 255, 255))
        lid = (190, 340) if eyes_open else (20, 160)
        canvas.ellipse((x, 0.412), (0.04, 0.024), hair, arc=lid, thickness=0.007)
    canvas.ellipse(
        (0.435, 0.475), (0.028, 0.045), shadow, arc=(20, 120), thickness=0.01
    )
    canvas.ellipse((0.43, 0.557), (0.05, 0.028), (188, 78, 76), arc=(0, 180))
    canvas.ellipse(
        (0.43, 0.553), (0.055, 0.02), (136, 46, 50), arc=(10, 170), thickness=0.006
    )
    for x in (0.41, 0.45):
        canvas.ellipse((x, 0.557), (0.028, 0.012), (176, 66, 66), arc=(180, 360))


def _paint_hair(canvas: _Canvas) -> None:
    fringe = [(0.2, 0.4), (0.2, 0.22), (0.34, 0.1), (0.54, 0.1), (0.67, 0.24)]
    canvas.polygon(
        [
            *fringe,
            (0.67, 0.42),
            (0.62, 0.31),
            (0.54, 0.25),
            (0.4, 0.22),
            (0.29, 0.27),
            (0.23, 0.36),
        ],
        (82, 50, 34),
    )
    strand = np.random.default_rng(5)
    for _ in range(150):
        x, tone = 0.17 + 0.52 * strand.random(), strand.random()
        if 0.225 < x < 0.635:
            y0, length = 0.1 + 0.8 * (x - 0.43) ** 2, 0.1
        else:
            y0, length = 0.3 + 0.1 * strand.random(), 0.34
        colour = (int(60 + 76 * tone), int(34 + 50 * tone), int(24 + 32 * tone))
        end = (x + 0.03 * (x - 0.43) / 0.2, y0 + length)
        canvas.polygon([(x, y0), (x + 0.004, y0), end], colour)


def paint_balloon(height_px: float) -> Sprite:
    """Paint a hot-air balloon with coloured gores."""
    canvas = _Canvas(width=0.74, height_px=height_px)
    gores = [(214, 60, 50), (246, 190, 70), (236, 236, 222), (42, 128, 150)]
    for number, half in enumerate(np.linspace(0.35, 0.05, 7)):
        canvas.ellipse((0.37, 0.36), (float(half), 0.35), gores[number % 4])
    canvas.polygon([(0.12, 0.58), (0.62, 0.58), (0.43, 0.8), (0.31, 0.8)], gores[0])
    canvas.polygon([(0.24, 0.6), (0.5, 0.6), (0.41, 0.8), (0.33, 0.8)], gores[1])
    canvas.shade(0.28)
    for x in (0.31, 0.42):
        canvas.polygon(
            [(x, 0.79), (x + 0.01, 0.79), (x + 0.01, 0.9), (x, 0.9)], (60, 44, 30)
        )
    canvas.polygon(
        [(0.3, 0.88), (0.44, 0.88), (0.42, 0.99), (0.32, 0.99)], (128, 84, 44)
    )
    return canvas.sprite()


def draw_bird(frame: Pixels, *, x: float, y: float, span: float, beat: float) -> None:
    """Draw a bird with its wings at `beat`, -1 (down) to 1 (up); lengths in px."""
    lift = -0.45 * beat * span
    wing = [(-span, lift), (-0.45 * span, lift * 0.3 - 0.16 * span), (0, 0)]
    wing += [(-dx, dy) for dx, dy in wing[1::-1]]
    points = np.array([(round((x + a) * 16), round((y + b) * 16)) for a, b in wing])
    thickness = max(1, round(span / 6))
    cv2.polylines(frame, [points], False, (48, 46, 60), thickness, cv2.LINE_AA, 4)
