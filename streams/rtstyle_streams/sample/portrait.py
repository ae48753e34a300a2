"""Paint a portrait in front of the built-in landscape, like a photograph.

The head is a signed distance field, marched from the camera and lit by a low sun, the
sky and its own shadows; skin, eyes, hair and cloth are painted on it. The landscape
behind is out of focus. The person does not exist.
"""

import cv2
import numpy as np

from rtstyle_streams.frame import Pixels
from rtstyle_streams.sample.head import (
    Floats,
    azimuth,
    march,
    normals_at,
    open_sky,
    parts,
    sunlight,
    turned,
    vector,
)
from rtstyle_streams.sample.scene import paint_layers

_LINES = 300
"""Number of lines at which to draw the head; it is enlarged for larger pictures."""
_CAMERA = vector(0.0, -0.42, 6.2)
_KEY = vector(-0.622, 0.501, 0.602)
_SEED = 7
_SKIN, _CLOTH, _HAIR = (0.74, 0.40, 0.26), (0.06, 0.10, 0.19), (0.075, 0.032, 0.014)


def paint_portrait(width: int, height: int) -> Pixels:
    """Paint the portrait: RGB, shape ``(height, width, 3)``, uint8; always the same."""
    lines = min(height, _LINES)
    columns = max(2, round(width * lines / height))
    head, cover = _render(columns, lines)
    size = (width, height)
    large = cv2.resize(head, size, interpolation=cv2.INTER_CUBIC)
    share = cv2.resize(cover, size, interpolation=cv2.INTER_LINEAR)[..., None]
    picture = _background(width, height) * (1 - share) + large * share
    grain = np.random.default_rng(_SEED).normal(0, 0.012, (height, width, 1))
    return np.clip((picture + grain) * 255 + 0.5, 0, 255).astype(np.uint8)


def _background(width: int, height: int) -> Floats:
    """Return the landscape out of focus, 0..1; nearer is more blurred."""
    frame = np.empty((height, width, 3), np.uint8)
    for layer, blur in zip(paint_layers(width, height), (3, 4, 6, 9), strict=True):
        layer.draw(frame, 4.0)
        sigma = 0.5 * blur * height / 720 + 0.1
        cv2.GaussianBlur(frame, (0, 0), sigma, dst=frame)
    return np.asarray(frame / np.float32(255))


def _render(width: int, height: int) -> tuple[Floats, Floats]:
    """Ray-march the head; return its colours and its coverage of each pixel, 0..1."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    rays = np.stack(
        [
            (x - 0.5 * width) / height,
            (0.5 * height - y) / height,
            np.full_like(x, -1.7),
        ],
        axis=-1,
    ).reshape(-1, 3)
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    hit, points = march(_CAMERA, rays)
    colours = np.zeros((height, width, 3), np.float32)
    cover = np.zeros((height, width), np.float32)
    colours.reshape(-1, 3)[hit] = _shade(points, rays[hit])
    cover.reshape(-1)[hit] = 1
    weight = cv2.GaussianBlur(cover, (0, 0), 1.2)[..., None] + 1e-4
    outside = cv2.GaussianBlur(colours, (0, 0), 1.2) / weight
    colours = np.where(cover[..., None] > 0, colours, outside)
    return colours, np.clip(cv2.GaussianBlur(cover, (0, 0), 0.8) * 1.5 - 0.4, 0, 1)


def _shade(points: Floats, rays: Floats) -> Floats:
    """Return the colours of points seen along `rays`, 0..1."""
    normals = normals_at(points)
    skin, hair, cloth = parts(points)
    sky_seen = open_sky(points, normals)
    lit = sunlight(points + np.float32(0.02) * normals, _KEY)
    facing = normals @ _KEY
    soft = vector(0.30, 0.14, 0.08)  # light that skin scatters into the shade
    wrapped = np.clip((facing[:, None] + soft) / (1 + soft), 0, 1)
    soft_lit = lit[:, None] ** vector(0.7, 1.0, 1.1)
    key = wrapped * soft_lit * vector(2.5, 2.05, 1.55)
    sky = (0.55 + 0.45 * normals[:, 1]) * sky_seen
    fill = sky[:, None] * vector(0.33, 0.38, 0.50)
    back = np.clip(normals @ vector(0.83, 0.25, -0.50), 0, 1) ** 1.5 * sky_seen
    light = key + fill + back[:, None] * vector(1.5, 1.0, 0.6)
    half = _KEY - rays
    half /= np.linalg.norm(half, axis=1, keepdims=True)
    shine = np.clip((normals * half).sum(1), 0, 1)
    paint, gloss = _paint_skin(turned(points))
    colour = paint * light + (gloss * shine**28 * lit)[:, None]
    rib = 0.9 + 0.2 * np.sin(70 * np.arctan2(points[:, 0], points[:, 2] + 0.9))
    is_cloth = np.clip((np.minimum(skin, hair) - cloth) / 0.016 + 0.5, 0, 1)[:, None]
    colour += (vector(*_CLOTH) * light * rib[:, None] - colour) * is_cloth
    is_hair = np.clip((np.minimum(skin, cloth) - hair) / 0.016 + 0.5, 0, 1)[:, None]
    colour += (_paint_hair(turned(points), shine, light, lit) - colour) * is_hair
    return np.asarray((1 - np.exp(-1.1 * colour)) ** (1 / 2.0), np.float32)


def _paint_skin(face: Floats) -> tuple[Floats, Floats]:
    """Return colour and gloss of the skin, with eyes, brows and lips."""
    x, y, z = np.abs(face[:, 0]), face[:, 1], face[:, 2]
    front = z > 0.3

    def spot(cx: float, cy: float, rx: float, ry: float) -> Floats:
        return np.asarray(
            np.exp(-(((x - cx) / rx) ** 2) - ((y - cy) / ry) ** 2) * front
        )

    def put(colour: tuple[float, float, float], cover: Floats) -> None:
        paint[:] += (vector(*colour) - paint) * cover[:, None]

    paint = np.tile(vector(*_SKIN), (len(face), 1))
    put((0.80, 0.28, 0.20), 0.40 * spot(0.36, -0.26, 0.22, 0.16))
    put((0.85, 0.38, 0.30), 0.35 * spot(0.0, -0.28, 0.12, 0.08))
    put((0.50, 0.27, 0.20), 0.35 * spot(0.27, 0.17, 0.20, 0.07))
    smile = 1.5 * x * x
    bow = -0.550 + 0.060 * np.exp(-(((x - 0.070) / 0.09) ** 2)) - 0.16 * x + smile
    low = -0.665 + 1.2 * x * x + smile
    mouth = np.clip(np.minimum(bow + 0.015 - y, y - low) / 0.018, 0, 1) * (z > 0.4)
    put((0.56, 0.13, 0.12), 0.9 * mouth)
    parting = np.exp(-(((y + 0.566 - smile + 0.010 * np.cos(24 * x)) / 0.010) ** 2))
    put((0.22, 0.06, 0.06), parting * np.clip((0.225 - x) / 0.03, 0, 1) * front)
    put((0.25, 0.09, 0.07), 0.8 * spot(0.065, -0.355, 0.030, 0.014))
    arch = 0.315 + 0.28 * (x - 0.12) - 0.95 * np.clip(x - 0.24, 0, 1) ** 1.25
    thickness = 0.040 - 0.06 * np.clip(x - 0.2, 0, 1)
    brow = np.exp(-(((y - arch) / thickness) ** 4)) * np.clip((x - 0.11) / 0.05, 0, 1)
    brow *= np.clip((0.47 - x) / 0.08, 0, 1) * (0.92 + 0.08 * np.sin(170 * x + 90 * y))
    put((0.035, 0.016, 0.010), 0.95 * brow)
    return _paint_eyes(face, paint, 0.10 + 0.35 * mouth)


def _paint_eyes(face: Floats, paint: Floats, gloss: Floats) -> tuple[Floats, Floats]:
    """Paint the eyes over the colour and gloss of the skin, and return both."""
    x, y = np.abs(face[:, 0]), face[:, 1]
    front = face[:, 2] > 0.3
    bend = 1 - np.clip((x - 0.27) / 0.160, -1, 1) ** 2
    upper, lower = 0.076 + 0.078 * bend, 0.076 - 0.046 * bend
    inside = np.clip(np.minimum(upper - y, y - lower) / 0.008, 0, 1) * front
    gaze = np.where(face[:, 0] > 0, 0.262, 0.278)  # both look a little to one side
    away = np.hypot(x - gaze, y - 0.094)
    eye = np.tile(vector(0.80, 0.76, 0.73), (len(face), 1))
    eye *= (1 - 0.45 * np.exp(-(((y - upper) / 0.03) ** 2)))[:, None]
    rings = (((0.10, 0.12, 0.10), 0.074), ((0.15, 0.30, 0.27), 0.066))
    for colour, radius in (*rings, ((0.01, 0.01, 0.01), 0.030)):
        cover = np.clip((radius - away) / 0.008, 0, 1)
        eye += (vector(*colour) - eye) * cover[:, None]
    sparkle = np.hypot(x - gaze + np.sign(face[:, 0]) * 0.022, y - 0.116)
    eye += (1.6 - eye) * np.clip((0.014 - sparkle) / 0.005, 0, 1)[:, None]
    paint += (eye - paint) * inside[:, None]
    near = np.clip((0.168 - np.abs(x - 0.27)) / 0.02, 0, 1) * front
    for colour, away_from_line, width in (
        ((0.04, 0.02, 0.02), y - upper - 0.004, 0.012),
        ((0.36, 0.18, 0.13), (y - upper - 0.045) * 1.3, 0.011),
        ((0.35, 0.17, 0.14), (y - lower) * 1.3, 0.007),
    ):
        line = np.exp(-((away_from_line / width) ** 2)) * near
        paint += (vector(*colour) - paint) * 0.8 * line[:, None]
    return paint, gloss * (1 - inside) + 0.5 * inside


def _paint_hair(face: Floats, shine: Floats, light: Floats, lit: Floats) -> Floats:
    """Return the colour of hair, with strands along the azimuth and bands across."""
    strands = np.zeros(len(face), np.float32)
    random = np.random.default_rng(_SEED)
    along = azimuth(face) + 0.05 * np.sin(2.6 * face[:, 1])
    for count, weight in ((40, 0.3), (110, 0.4), (260, 0.3)):
        table = random.random(count)
        place = (along + np.pi) / (2 * np.pi) * count
        strands += weight * np.interp(place, np.arange(count), table, period=count)
    band = np.exp(-(((shine - 0.86) / 0.10) ** 2)) * strands**2 * (0.2 + lit)
    colour = vector(*_HAIR) * (0.35 + 1.4 * strands)[:, None] * light
    return np.asarray(colour + band[:, None] * vector(0.36, 0.20, 0.10))
