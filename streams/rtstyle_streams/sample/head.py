"""Define the head of the built-in portrait as a signed distance field.

Lengths are in half the height of the face: the chin is at y = -1, the crown at y = 1.2.

Source:
    Smooth minimum and ellipsoid bound of Quilez, "distance functions"; soft shadows and
    ambient occlusion of Evans 2006, "Fast approximations for global illumination".
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
_YAW = 0.30
"""How far the head is turned, in radians."""
_FAR = 9.0
"""Distance from the camera beyond which there is nothing."""
_Triple = tuple[float, float, float]


def vector(*numbers: float) -> npt.NDArray[np.float32]:
    """Return the numbers as a float32 array of shape ``(n,)``."""
    return np.array(numbers, np.float32)


def turned(points: Floats) -> Floats:
    """Return points in the head's own axes: x to its left, y up, z out of its face."""
    cos, sin = np.float32(np.cos(_YAW)), np.float32(np.sin(_YAW))
    x, z = points[:, 0], points[:, 2]
    return np.stack([cos * x - sin * z, points[:, 1], sin * x + cos * z], axis=1)


def _ellipsoid(points: Floats, centre: _Triple, radii: _Triple) -> Floats:
    scaled = (points - vector(*centre)) / vector(*radii)
    length = np.sqrt(np.einsum("ij,ij->i", scaled, scaled))
    return np.asarray((length - 1) * np.float32(min(radii)))


def _capsule(points: Floats, start: _Triple, end: _Triple, radius: float) -> Floats:
    first = vector(*start)
    along = vector(*end) - first
    away = points - first
    share = np.clip(away @ along / (along @ along), 0, 1)
    return np.asarray(np.linalg.norm(away - share[:, None] * along, axis=1) - radius)


def _joined(first: Floats, second: Floats, width: float) -> Floats:
    """Return the smooth minimum: it joins two shapes, rounded where they meet."""
    share = np.maximum(width - np.abs(first - second), 0) / width
    return np.asarray(np.minimum(first, second) - share * share * width * 0.25)


def parts(points: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the distances to skin, hair and cloth.

    Args:
        points: Shape ``(n, 3)``: x to the right, y up, z towards the camera.

    Returns:
        Three arrays of shape ``(n,)``; below 0 inside.
    """
    face = turned(points)
    half = face.copy()  # the head is symmetric
    half[:, 0] = np.abs(face[:, 0])
    skin = _face(face, half)
    neck = _capsule(points, (0.0, -0.7, -0.20), (0.0, -2.2, -0.34), 0.335)
    collar = _capsule(points, (0, -1.62, -0.26), (0, -1.8, -0.3), 0.40)
    shoulders = _ellipsoid(points, (0, -2.45, -0.3), (1.45, 0.80, 0.62))
    cloth = _joined(shoulders, collar, 0.3)
    return _joined(skin, neck, 0.12), _hair(face, half), cloth


def _face(face: Floats, half: Floats) -> Floats:
    """Return the distance to skull, cheeks, brow, eyes, nose and lips."""
    skin = _ellipsoid(face, (0, 0.32, -0.12), (0.72, 0.80, 0.84))
    for centre, radii, width in (
        ((0, -0.18, 0.14), (0.55, 0.80, 0.62), 0.15),
        ((0, -0.78, 0.40), (0.20, 0.18, 0.22), 0.28),
        ((0.33, -0.18, 0.44), (0.19, 0.17, 0.2), 0.2),
        ((0.20, 0.27, 0.60), (0.18, 0.05, 0.08), 0.16),
    ):
        place = half if centre[0] else face
        skin = _joined(skin, _ellipsoid(place, centre, radii), width)
    socket = _ellipsoid(half, (0.27, 0.09, 0.84), (0.17, 0.11, 0.17))
    skin = -_joined(-skin, socket, 0.10)
    eye = _ellipsoid(half, (0.27, 0.08, 0.51), (0.17, 0.14, 0.165))
    skin = _joined(skin, eye, 0.03)
    bridge = _capsule(face, (0, 0.16, 0.70), (0, -0.22, 0.86), 0.055)
    tip = _ellipsoid(face, (0, -0.27, 0.88), (0.095, 0.08, 0.10))
    wing = _ellipsoid(half, (0.10, -0.30, 0.78), (0.06, 0.055, 0.08))
    skin = _joined(_joined(_joined(skin, bridge, 0.14), tip, 0.08), wing, 0.05)
    upper = _ellipsoid(half, (0.07, -0.525, 0.735), (0.13, 0.042, 0.075))
    lower = _ellipsoid(face, (0, -0.605, 0.725), (0.15, 0.055, 0.085))
    return _joined(skin, _joined(upper, lower, 0.02), 0.06)


def _hair(face: Floats, half: Floats) -> Floats:
    """Return the distance to hair that falls to the shoulders, in locks."""
    cap = _ellipsoid(face, (0, 0.36, -0.20), (0.83, 0.88, 0.92))
    side = _ellipsoid(half, (0.70, -0.55, -0.22), (0.25, 1.05, 0.46))
    opening = _ellipsoid(face, (0.05, -0.20, 0.95), (0.63, 0.98, 0.86))
    hair = -_joined(-_joined(cap, side, 0.3), opening, 0.12)
    locks = np.sin(9 * azimuth(face) + 1.3 * np.sin(2.6 * face[:, 1]))
    return np.asarray(hair + np.float32(0.022) * locks)


def azimuth(face: Floats) -> Floats:
    """Return the angle around the head, from the parting; hair falls along it."""
    return np.asarray(np.arctan2(face[:, 0] - 0.1, face[:, 2] + 0.25))


def distance(points: Floats) -> Floats:
    """Return the distance to the nearest part, shape ``(n,)``."""
    return np.asarray(np.minimum.reduce(parts(points)))


def march(camera: Floats, rays: Floats) -> tuple[npt.NDArray[np.intp], Floats]:
    """Follow rays until they hit the head.

    Args:
        camera: Where they start, shape ``(3,)``.
        rays: Their directions, of length 1, shape ``(n, 3)``.

    Returns:
        The indices of the rays that hit it, shape ``(m,)``, and the points, ``(m, 3)``.

    Source:
        Sphere tracing, Hart 1996.
    """
    far = np.full(len(rays), 3.6, np.float32)
    active = np.arange(len(rays))
    for _ in range(48):
        away = distance(camera + rays[active] * far[active, None])
        far[active] += np.float32(0.9) * away
        active = active[(away > 0.002) & (far[active] < _FAR)]
    hit = np.flatnonzero(far < _FAR)
    return hit, camera + rays[hit] * far[hit, None]


def normals_at(points: Floats) -> Floats:
    """Return the surface normals at points, shape ``(n, 3)``."""
    step = np.float32(0.006)
    slope = np.zeros_like(points)
    for corner in ((1, -1, -1), (-1, -1, 1), (-1, 1, -1), (1, 1, 1)):
        away = vector(*corner)
        slope += away * distance(points + step * away)[:, None]
    return np.asarray(slope / (np.linalg.norm(slope, axis=1, keepdims=True) + 1e-9))


def open_sky(points: Floats, normals: Floats) -> Floats:
    """Return how much of the sky each point sees, 0.12..1 (ambient occlusion)."""
    hidden = np.zeros(len(points), np.float32)
    for number, away in enumerate((0.05, 0.12, 0.24, 0.45)):
        closed = away - distance(points + np.float32(away) * normals)
        hidden += np.clip(closed, 0, 1) * np.float32(0.9 / 1.7**number)
    return np.asarray(np.clip(1 - hidden, 0.12, 1))


def sunlight(points: Floats, sun: Floats) -> Floats:
    """Return how much of the sun reaches each point, 0..1, with a soft edge."""
    lit, far = np.ones(len(points), np.float32), np.full(len(points), 0.03, np.float32)
    for _ in range(16):
        away = distance(points + far[:, None] * sun)
        lit = np.minimum(lit, np.clip(0.5 + 7 * away / far, 0, 1))
        far += np.clip(away, 0.03, 0.22)
    return np.asarray(lit * lit * (3 - 2 * lit))
