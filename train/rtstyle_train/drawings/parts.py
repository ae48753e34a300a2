"""What the drawings share: planes, edges, hatching, grain and cells of a picture."""

import cv2
import numpy as np
import numpy.typing as npt

from rtstyle_streams.frame import Pixels

Plane = npt.NDArray[np.float32]
"""Shape ``(H, W)``, float32, 0..1."""
Colours = npt.NDArray[np.float32]
"""RGB, shape ``(H, W, 3)``, float32, 0..1."""


def grey_of(scene: Pixels) -> Plane:
    """Return how light a picture is."""
    grey = cv2.cvtColor(scene, cv2.COLOR_RGB2GRAY)
    return np.asarray(grey / 255.0, np.float32)


def blurred(plane: npt.NDArray[np.float32], sigma: float) -> npt.NDArray[np.float32]:
    """Return a plane or a picture out of focus."""
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), sigma), np.float32)


def flattened(scene: Pixels, *, strength: int = 2) -> Pixels:
    """Return a picture in flat areas with sharp borders (mean shift)."""
    small = cv2.resize(scene, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    flat = cv2.pyrMeanShiftFiltering(small, 8 * strength, 14 * strength)
    flat = cv2.resize(flat, scene.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    return np.asarray(cv2.medianBlur(flat, 5), np.uint8)


def posterised(scene: Pixels, count: int, *, seed: int) -> tuple[Pixels, npt.NDArray]:  # type: ignore[type-arg]
    """Return a picture in `count` colours, and the number of each pixel's colour.

    The colours are the picture's own, by k-means; numbers go from dark to light.
    """
    points = scene.reshape(-1, 3).astype(np.float32)
    chosen = points[np.random.default_rng(seed).choice(len(points), 20_000)]
    cv2.setRNGSeed(seed)
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 30, 0.5)
    _, _, centres = cv2.kmeans(
        chosen,
        count,
        None,
        criteria,
        3,
        cv2.KMEANS_PP_CENTERS,  # type: ignore[call-overload]
    )
    centres = centres[np.argsort(centres.sum(1))]
    far = np.stack([((points - centre) ** 2).sum(1) for centre in centres], axis=1)
    labels = far.argmin(1).reshape(scene.shape[:2])
    return np.asarray(centres[labels], np.uint8), labels


def outlines(scene: Pixels, *, width: float, least: float = 0.06) -> Plane:
    """Return how much ink lies on each pixel: lines on the dark side of edges.

    Args:
        scene: A picture.
        width: Of the lines, in pixels.
        least: Step of lightness, 0..1, that makes a full line; a tenth makes none.

    Source:
        Difference of Gaussians, as in Winnemöller et al. 2012.
    """
    grey = grey_of(scene)
    darker = blurred(grey, 1.6 * width) - blurred(grey, width)
    step = 0.25 * least
    return np.asarray(np.clip((darker - 0.4 * step) / (0.6 * step), 0, 1), np.float32)


def hatching(
    shape: tuple[int, int], *, angle: float, period: float, waver: float, seed: int
) -> Plane:
    """Return strokes side by side: 0 between them, 1 in their middle.

    Args:
        shape: Height and width, in pixels.
        angle: Of the strokes, in degrees.
        period: From stroke to stroke, in pixels.
        waver: How far they leave the straight line, in pixels.
        seed: Of that.
    """
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    turn = np.deg2rad(angle)
    across = x * np.sin(turn) + y * np.cos(turn)
    across += waver * noise(shape, scale=60, seed=seed)
    return np.asarray(0.5 + 0.5 * np.cos(2 * np.pi * across / period), np.float32)


def noise(shape: tuple[int, int], *, scale: float, seed: int) -> Plane:
    """Return smooth noise of mean 0 and deviation 1, features of `scale` pixels."""
    random = np.random.default_rng(seed)
    small = [max(2, round(side / scale) + 2) for side in shape]
    plane = random.normal(0, 1, small).astype(np.float32)
    return np.asarray(
        cv2.resize(plane, shape[::-1], interpolation=cv2.INTER_CUBIC), np.float32
    )


def paper(shape: tuple[int, int], *, grain: float, seed: int) -> Plane:
    """Return a sheet's own texture: around 1, darker in its valleys."""
    fine = noise(shape, scale=1.5, seed=seed) + noise(shape, scale=5, seed=seed + 1)
    return np.asarray(1.0 + grain * fine, np.float32)


def cells(
    shape: tuple[int, int], *, side: float, jitter: float, seed: int
) -> npt.NDArray:  # type: ignore[type-arg]
    """Return the number of the nearest of scattered points: Voronoi cells.

    Args:
        shape: Height and width, in pixels.
        side: Mean distance of the points, in pixels.
        jitter: How far they leave a grid, as a share of `side`.
        seed: Of that.
    """
    points = scattered(shape, side=side, jitter=jitter, seed=seed)
    subdivision = np.ones(shape, np.uint8)
    inside = np.clip(points.round().astype(int), 0, np.array(shape)[::-1] - 1)
    subdivision[inside[:, 1], inside[:, 0]] = 0
    _, labels = cv2.distanceTransformWithLabels(
        subdivision, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    return np.asarray(labels)


def scattered(
    shape: tuple[int, int], *, side: float, jitter: float, seed: int
) -> npt.NDArray[np.float32]:
    """Return points (x, y) on a shaken grid over a picture."""
    random = np.random.default_rng(seed)
    rows, columns = (max(2, round(length / side)) for length in shape)
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    x = x + 0.5 * (np.arange(rows) % 2)[:, None]
    points = np.stack([x, y], axis=-1).reshape(-1, 2)
    points = points + random.uniform(-jitter, jitter, points.shape) + 0.25
    return np.asarray(points * side, np.float32)


def means_of(scene: Pixels, labels: npt.NDArray) -> Colours:  # type: ignore[type-arg]
    """Return each cell in its mean colour, 0..1."""
    count = int(labels.max()) + 1
    flat = labels.ravel()
    sizes = np.maximum(1, np.bincount(flat, minlength=count))
    sums = [
        np.bincount(flat, scene[..., k].ravel(), minlength=count) / sizes
        for k in range(3)
    ]
    return np.asarray(np.stack(sums, axis=-1)[labels] / 255.0, np.float32)


def borders(labels: npt.NDArray, *, width: int) -> Plane:  # type: ignore[type-arg]
    """Return 1 where cells of different numbers meet, lines of `width` pixels."""
    edge = np.zeros(labels.shape, np.uint8)
    edge[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    edge[1:] |= labels[1:] != labels[:-1]
    size = (width, width)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, size)
    return np.asarray(cv2.dilate(edge, kernel), np.float32)


def toned(plane: Plane, dark: tuple[float, ...], light: tuple[float, ...]) -> Colours:
    """Return a plane between two colours, RGB 0..255, as a picture 0..1."""
    ends = [np.array(colour, np.float32) / 255.0 for colour in (dark, light)]
    return np.asarray(ends[0] + plane[..., None] * (ends[1] - ends[0]), np.float32)
