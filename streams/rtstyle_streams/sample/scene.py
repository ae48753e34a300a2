"""Paint the layers of the built-in scene: sky, mountains, woods, meadow.

Every layer repeats after `_PERIOD` frame widths, so that the camera can pan for ever.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from rtstyle_streams.frame import Pixels

Floats = npt.NDArray[np.floating[Any]]
_PERIOD = 1.5
_SEED = 20


@dataclass(frozen=True, slots=True)
class Layer:
    """A strip of landscape, repeated to the right, opaque below its upper edge."""

    pixels: Pixels
    """RGB, shape ``(h, period + W, 3)``, uint8; lies at the bottom of `bottom`."""
    opacity: npt.NDArray[np.float32]
    """Coverage of its uppermost lines, shape ``(e, period + W)``, 0..1; 1 below."""
    top: int
    """Line of the frame at which it starts."""
    period: int
    """Columns after which it repeats."""
    speed: float
    """Frame widths per second at which the camera passes by."""

    def draw(self, frame: Pixels, seconds: float) -> None:
        """Draw the layer into `frame`, as seen at a time."""
        width = frame.shape[1]
        left = round(self.speed * width * seconds) % self.period
        view = self.pixels[:, left : left + width]
        edge = self.opacity[:, left : left + width]
        soft = len(edge)
        if soft:
            strip = frame[self.top : self.top + soft]
            strip[:] = cv2.blendLinear(view[:soft], strip.copy(), edge, 1 - edge)
        frame[self.top + soft : self.top + len(view)] = view[soft:]


def paint_layers(width: int, height: int) -> list[Layer]:
    """Paint all layers, from the farthest to the nearest."""
    painter = _Painter(width, height)
    return [painter.sky(), painter.mountains(), painter.woods(), painter.meadow()]


class _Painter:
    """Holds the size and the random generator while painting the layers."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self.period = max(16, round(_PERIOD * width))
        self.scale = height / 720
        self.rng = np.random.default_rng(_SEED)

    def sky(self) -> Layer:
        """Paint a sky: blue above, warm at the horizon, with a sun and clouds."""
        lines = max(2, round(0.68 * self.height))
        stops = [(0.0, (38, 84, 160)), (0.5, (126, 172, 214)), (0.8, (250, 214, 165))]
        sky = _gradient(lines, self.period, [*stops, (1.0, (255, 190, 130))])
        y, x = np.mgrid[0:lines, 0 : self.period].astype(np.float32)
        sun_x, sun_y, radius = 0.62 * self.width, 0.60 * lines, 0.075 * self.height
        away = np.hypot(x - sun_x, y - sun_y) / radius
        sky += (np.exp(-away / 3.2) * 120)[..., None] * np.array(
            [1.0, 0.72, 0.35], np.float32
        )
        disc = np.clip((1 - away) * radius, 0, 1)[..., None]
        sky = sky * (1 - disc) + disc * np.array([255, 246, 214])
        clouds = self.noise(lines, 7, stretch=1.6)
        fade = np.clip(1.25 - y / lines, 0.1, 1)
        cover = np.clip((clouds - 0.47) * 5, 0, 0.95) * fade
        below = np.gradient(cv2.GaussianBlur(clouds, (0, 0), 3 * self.scale + 0.5))[0]
        light = np.clip(0.93 + below / (below.std() + 1e-6) * 0.07, 0.72, 1.04)
        sunset = np.array([6, -26, -52]) * (y / lines)[..., None]
        warm = np.array([255, 246, 240]) + sunset
        sky += (light[..., None] * warm - sky) * cover[..., None]
        return self.layer(sky, ridge=None, top=0, speed=0.006)

    def mountains(self) -> Layer:
        """Paint hazy blue mountain ranges with snow on top."""
        top, bottom = round(0.24 * self.height), round(0.68 * self.height)
        lines = max(2, bottom - top)
        ridge = self.ridge(lines, [(2, 0.16), (3, 0.14), (7, 0.08), (17, 0.03)], 0.42)
        ridge += (self.noise(1, 7)[0] - 0.5) * 0.3 * lines
        rock = self.noise(lines, 8)
        y = np.arange(lines, dtype=np.float32)[:, None]
        depth = (y - ridge) / lines
        faces = np.gradient(self.noise(lines, 6) + 0.35 * rock, axis=1)
        faces = cv2.GaussianBlur(faces, (0, 0), 2 * self.scale + 0.3)
        light = np.clip(0.5 - 0.75 * faces / (faces.std() + 1e-6), 0, 1)[..., None]
        haze = np.clip(y / lines, 0, 1)
        paint = _mix((88, 84, 124), (176, 178, 206), haze + 0 * rock)
        paint = paint * (0.72 + 0.42 * light) + 30 * (rock[..., None] - 0.5)
        snow = np.clip((0.20 - depth + (rock - 0.5) * 0.6) * 8, 0, 1)[..., None]
        white = np.array([170, 184, 222]) * (1 - light)
        white += np.array([255, 250, 244]) * light
        return self.layer(paint + (white - paint) * snow, ridge, top=top, speed=0.012)

    def woods(self) -> Layer:
        """Paint dark hills of fir trees, with a house."""
        top, bottom = round(0.46 * self.height), round(0.82 * self.height)
        lines = max(2, bottom - top)
        ridge = self.ridge(lines, [(1, 0.07), (2, 0.07), (5, 0.03)], 0.25)
        teeth = np.abs((np.arange(self.period) / (6 * self.scale + 1)) % 2 - 1)
        ridge += (teeth * 34 * self.noise(1, 8)[0] - 12) * self.scale
        left, floor = round(0.30 * self.width), 0.49 * lines
        beside = (np.arange(self.period) - left - 56 * self.scale) / (self.scale * 190)
        ridge -= 62 * self.scale * np.exp(-(beside**4))
        canvas = np.empty((lines, self.period, 3), np.uint8)
        canvas[:] = (30, 62, 54)
        self.firs(canvas, num_firs=1500)
        paint = canvas.astype(np.float32)
        self.house(paint, x=left, y=floor)
        return self.layer(paint, ridge, top=top, speed=0.03)

    def firs(self, canvas: Pixels, *, num_firs: int) -> None:
        """Draw firs of three tiers, each half light, half dark, farthest first."""
        lines = len(canvas)
        for depth in np.sort(self.rng.random(num_firs)):
            x, y = self.rng.random() * self.period, depth * lines * 1.1
            size = (20 + 26 * depth) * self.scale * (0.7 + 0.6 * self.rng.random())
            tone = self.rng.random() * 0.6 + depth * 0.55
            for storey in range(3):
                half, foot = size * (0.34 - 0.08 * storey), y - size * 0.3 * storey
                for side, lit in ((-1, 1.2), (1, 0.85)):
                    corners = [
                        (x, foot - size * 0.5),
                        (x + side * half, foot),
                        (x, foot),
                    ]
                    points = np.array(corners).round().astype(np.int32)
                    green = [lit * (24 + 40 * tone), lit * (58 + 62 * tone), 46 * lit]
                    cv2.fillPoly(canvas, [points], green, cv2.LINE_AA)

    def meadow(self) -> Layer:
        """Paint grass, blade by blade, and flowers, larger in front."""
        top = round(0.62 * self.height)
        lines = max(2, self.height - top)
        ridge = self.ridge(lines, [(1, 0.10), (3, 0.05)], 0.18)
        patches = self.noise(lines, 5, stretch=2.0)
        y = np.arange(lines, dtype=np.float32)[:, None] / lines
        paint = _mix((150, 176, 76), (58, 118, 44), np.clip(y, 0, 1) + 0 * patches)
        paint *= (0.75 + 0.5 * patches)[..., None]
        canvas = np.clip(paint, 0, 255).astype(np.uint8)
        self.grass(canvas, num_blades=9000)
        self.flowers(canvas, num_flowers=420)
        return self.layer(canvas.astype(np.float32), ridge, top=top, speed=0.0469)

    def grass(self, canvas: Pixels, *, num_blades: int) -> None:
        """Draw blades of grass, farthest first."""
        lines = len(canvas)
        for depth in np.sort(self.rng.random(num_blades)):
            x, y = self.rng.random() * self.period, depth * lines
            length = (3 + 26 * depth**1.5) * self.scale
            lean = (self.rng.random() - 0.5) * length
            shade = self.rng.random()
            colour = (56 + 120 * shade, 108 + 96 * shade, 34 + 50 * shade)
            thickness = max(1, round(2.6 * depth * self.scale))
            tip = (round(x + lean), round(y - length))
            cv2.line(canvas, (round(x), round(y)), tip, colour, thickness, cv2.LINE_AA)

    def flowers(self, canvas: Pixels, *, num_flowers: int) -> None:
        """Draw five-petalled flowers on the meadow."""
        hues = [(226, 58, 52), (250, 206, 60), (244, 240, 250), (150, 84, 190)]
        for depth in np.sort(self.rng.random(num_flowers) ** 0.8):
            x, y = self.rng.random() * self.period, depth * len(canvas)
            radius = (1 + 6.5 * depth**1.4) * self.scale
            colour = hues[self.rng.integers(len(hues))]
            turn = self.rng.random() * 7
            for petal in range(5):
                angle = turn + petal * 2 * np.pi / 5
                at = (x + np.cos(angle) * radius, y + np.sin(angle) * radius * 0.8)
                _disc(canvas, at, radius * 0.72, colour)
            _disc(canvas, (x, y), radius * 0.55, (240, 190, 40))

    def house(self, paint: Floats, *, x: float, y: float) -> None:
        """Draw a white house with a red roof, for straight lines among the noise."""
        s = 1.15 * self.scale

        def box(x0: float, y0: float, x1: float, y1: float, colour: str) -> None:
            corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
            polygon(corners, colour)

        def polygon(corners: list[tuple[float, float]], colour: str) -> None:
            points = [
                (round((x + a * s) * 8), round((y + b * s) * 8)) for a, b in corners
            ]
            rgb = [int(colour[i : i + 2], 16) for i in (0, 2, 4)]
            cv2.fillPoly(paint, [np.array(points)], rgb, cv2.LINE_8, 3)

        box(0, 0, 84, 52, "ece4d2")
        box(84, 0, 112, 52, "c4b8a4")
        polygon([(-8, 2), (20, -38), (104, -38), (120, 2)], "b0442e")
        polygon([(88, 2), (104, -38), (120, 2)], "8a3224")
        box(28, -54, 40, -30, "7c5a4c")
        for left in (10, 58):
            box(left, 12, left + 16, 32, "47607a")
            box(left + 7, 12, left + 9, 32, "ece4d2")
        box(34, 20, 50, 52, "6c4426")

    def noise(self, lines: int, octaves: int, *, stretch: float = 1.0) -> Floats:
        """Return fractal noise, ``(lines, period)``, 0..1, that repeats sideways."""
        total = np.zeros((lines, self.period), np.float32)
        for octave in range(octaves):
            columns = max(2, round(self.period / self.height * 2 / stretch)) << octave
            rows = max(2, round(lines / self.height * 3) << octave)
            coarse = self.rng.random((rows, columns), dtype=np.float32)
            coarse = np.hstack([coarse[:, -2:], coarse, coarse[:, :2]])
            size = (round(self.period * (columns + 4) / columns), lines)
            large = cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)
            left = round(2 * self.period / columns)
            large = large[:, left : left + self.period]
            total += large * np.float32(0.5**octave)
        return np.asarray(np.clip(total / (2 - 0.5 ** (octaves - 1)), 0, 1), np.float32)

    def ridge(
        self, lines: int, waves: list[tuple[int, float]], middle: float
    ) -> Floats:
        """Return the line at which each column starts, a sum of waves that repeat."""
        x = np.arange(self.period) / self.period * 2 * np.pi
        heights = sum(a * np.sin(k * x + 5 * self.rng.random()) for k, a in waves)
        return np.asarray((middle + heights) * lines, np.float32)

    def layer(
        self, paint: Floats, ridge: Floats | None, *, top: int, speed: float
    ) -> Layer:
        """Round the colours and make the strip long enough for one more frame."""
        whole = np.clip(paint + 0.5, 0, 255).astype(np.uint8)
        soft = 0 if ridge is None else min(len(whole), round(float(ridge.max())) + 2)
        y = np.arange(soft, dtype=np.float32)[:, None]
        edge = np.clip(
            y - (np.zeros(self.period) if ridge is None else ridge), 0, 1
        ).astype(np.float32)
        return Layer(
            pixels=np.concatenate([whole, whole[:, : self.width]], axis=1),
            opacity=np.concatenate([edge, edge[:, : self.width]], axis=1),
            top=top,
            period=self.period,
            speed=speed,
        )


def _gradient(
    lines: int, columns: int, stops: list[tuple[float, tuple[int, int, int]]]
) -> Floats:
    y = np.linspace(0, 1, lines)
    places = [place for place, _ in stops]
    colours = np.array([colour for _, colour in stops], np.float64)
    column = np.stack([np.interp(y, places, colours[:, i]) for i in range(3)], axis=-1)
    return np.asarray(np.repeat(column[:, None], columns, axis=1), np.float32)


def _mix(
    first: tuple[int, int, int], second: tuple[int, int, int], share: Floats
) -> Floats:
    weight = share[..., None]
    return np.asarray(np.array(first) * (1 - weight) + np.array(second) * weight)


def _disc(
    canvas: Pixels, at: tuple[float, float], radius: float, colour: tuple[int, int, int]
) -> None:
    centre = (round(at[0] * 8), round(at[1] * 8))
    cv2.circle(canvas, centre, max(4, round(radius * 8)), colour, -1, cv2.LINE_AA, 3)
