"""Pictures put together of pieces: glass, stones, dots, squares, facets."""

import cv2
import numpy as np

from rtstyle_streams.frame import Pixels
from rtstyle_train.drawings.parts import (
    Colours,
    blurred,
    borders,
    cells,
    flattened,
    grey_of,
    means_of,
    noise,
    outlines,
    posterised,
    toned,
)


def _vivid(picture: Colours, *, factor: float, lift: float = 1.0) -> Colours:
    """Return a picture with stronger colours."""
    hsv = cv2.cvtColor(picture, cv2.COLOR_RGB2HSV)
    hsv[..., 1] = np.clip(hsv[..., 1] * factor, 0, 1)
    hsv[..., 2] = np.clip(hsv[..., 2] * lift, 0, 1)
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), np.float32)


def stained_glass(scene: Pixels) -> Colours:
    """Panes of clear colours in black lead, lit from behind."""
    flat = flattened(scene, strength=3)
    _, areas = posterised(flat, 9, seed=2)
    areas = cv2.medianBlur(areas.astype(np.uint8), 11).astype(int)
    panes = cells(areas.shape, side=46, jitter=0.45, seed=12) * 16 + areas
    _, panes = np.unique(panes, return_inverse=True)
    panes = panes.reshape(areas.shape)
    glass = _vivid(means_of(flat, panes), factor=2.2, lift=1.15)
    glow = 1 + 0.10 * noise(areas.shape, scale=16, seed=13)
    lead = blurred(borders(panes, width=6), 0.8)[..., None]
    return np.asarray(glass * glow[..., None] * (1 - lead) + 0.05 * lead, np.float32)


def mosaic(scene: Pixels) -> Colours:
    """Small stones in pale mortar, each a little different."""
    stones = cells(scene.shape[:2], side=11, jitter=0.22, seed=3)
    tone = np.random.default_rng(4).normal(1, 0.11, stones.max() + 1)[stones]
    colours = _vivid(means_of(scene, stones), factor=1.25) * tone[..., None]
    mortar = blurred(borders(stones, width=2), 0.6)[..., None]
    picture = colours * (1 - mortar) + mortar * np.array([0.80, 0.76, 0.68])
    return np.asarray(picture, np.float32)


def comic(scene: Pixels) -> Colours:
    """Flat colours, black contours, and printing dots in the middle tones."""
    flat = flattened(scene, strength=2)
    colours, _ = posterised(flat, 10, seed=5)
    picture = _vivid(np.asarray(colours / 255.0, np.float32), factor=1.7, lift=1.12)
    grey = blurred(grey_of(flat), 3.0)
    y, x = np.mgrid[: grey.shape[0], : grey.shape[1]].astype(np.float32)
    u, v = (x + y) / 8.5, (x - y) / 8.5
    dots = 0.5 + 0.25 * (np.cos(2 * np.pi * u) + np.cos(2 * np.pi * v))
    radius = np.clip((0.75 - grey) * 1.1, 0, 0.6)
    is_dot = np.clip((dots - (1 - radius)) / 0.1 + 0.5, 0, 1)[..., None]
    picture = picture * (1 - 0.42 * is_dot)
    ink = outlines(flat, width=2.2, least=0.035)[..., None]
    return np.asarray(picture * (1 - ink), np.float32)


def pop_art(scene: Pixels) -> Colours:
    """Four loud colours with large dots between them."""
    grey = blurred(grey_of(flattened(scene, strength=2)), 2.0)
    low, high = np.quantile(grey, (0.04, 0.96))
    tone = np.clip((grey - low) / (high - low), 0, 1)
    y, x = np.mgrid[: grey.shape[0], : grey.shape[1]].astype(np.float32)
    u, v = (x + y) / 11, (x - y) / 11
    dots = 0.5 + 0.25 * (np.cos(2 * np.pi * u) + np.cos(2 * np.pi * v))
    inks = np.array([[16, 14, 60], [230, 20, 96], [255, 214, 0], [250, 250, 240]])
    place = tone * 2.999
    number = place.astype(int)
    share = np.clip(((place - number) - (1 - dots)) / 0.08 + 0.5, 0, 1)[..., None]
    picture = inks[number] * (1 - share) + inks[number + 1] * share
    return np.asarray(picture / 255.0, np.float32)


def pixel_art(scene: Pixels) -> Colours:
    """Large square pixels in sixteen colours, with a dark outline."""
    side = 8
    size = (scene.shape[1] // side, scene.shape[0] // side)
    small = cv2.resize(scene, size, interpolation=cv2.INTER_AREA)
    edge = cv2.resize(
        outlines(flattened(scene), width=2.4, least=0.05),
        size,
        interpolation=cv2.INTER_AREA,
    )
    colours, _ = posterised(np.asarray(small, np.uint8), 16, seed=6)
    picture = _vivid(np.asarray(colours / 255.0, np.float32), factor=1.45, lift=1.05)
    picture[edge > 0.45] *= 0.3
    large = cv2.resize(picture, scene.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    return np.asarray(large, np.float32)


def low_poly(scene: Pixels) -> Colours:
    """Triangles, denser where there is more to see, each in one colour."""
    grey = grey_of(scene)
    height, width = grey.shape
    detail = blurred(outlines(flattened(scene), width=2.0), 6.0) + 0.04
    random = np.random.default_rng(8)
    chosen = random.choice(
        detail.size, 1100, replace=False, p=(detail / detail.sum()).ravel()
    )
    area = cv2.Subdiv2D((0, 0, width, height))
    corners = [(0, 0), (width - 1, 0), (0, height - 1), (width - 1, height - 1)]
    for index in chosen:
        area.insert((float(index % width), float(index // width)))
    for corner in corners:
        area.insert(corner)
    labels = np.zeros(grey.shape, np.int32)
    for number, triangle in enumerate(area.getTriangleList(), start=1):
        points = np.reshape(triangle, (3, 2)).round().astype(np.int32)
        cv2.fillConvexPoly(labels, points, number)
    facets = _vivid(means_of(scene, labels), factor=1.3, lift=1.05)
    light = np.random.default_rng(9).normal(1, 0.07, labels.max() + 1)[labels]
    return np.asarray(facets * light[..., None], np.float32)


def paper_cut(scene: Pixels) -> Colours:
    """Sheets of coloured paper on each other, each with its shadow."""
    flat = flattened(scene, strength=3)
    grey = blurred(grey_of(flat), 4.0)
    sheets = (
        *((18, 36, 66), (38, 92, 110), (94, 158, 140)),
        *((240, 190, 110), (244, 132, 92), (252, 232, 206)),
    )
    levels = np.quantile(grey, (0.14, 0.32, 0.5, 0.68, 0.86))
    picture = toned(np.ones_like(grey), sheets[0], sheets[0])
    for level, colour in zip(levels, sheets[1:], strict=True):
        cover = np.clip((grey - level) / 0.012 + 0.5, 0, 1)
        shade = blurred(np.roll(cover, (4, 4), (0, 1)), 4.0)
        picture = picture * (1 - 0.5 * (shade * (1 - cover)))[..., None]
        sheet = np.array(colour, np.float32) / 255.0
        picture = picture * (1 - cover[..., None]) + sheet * cover[..., None]
    fibre = 1 + 0.03 * noise(grey.shape, scale=2, seed=14)
    return np.asarray(picture * fibre[..., None], np.float32)
