"""Carry a painted keyframe along the motion, and say where it can be relied on."""

from dataclasses import dataclass

import cv2
import numpy as np

from rtstyle.painted_frames.joining import joined
from rtstyle.smoothing.warp import Flow, Mask, Picture, warp
from rtstyle_streams.frame import Pixels

SLACK = 0.5
"""Error allowed in a flow, in pixels of the small grid: a difference up to this times
the content's slope is ignored."""
MOST_DIFFERENCE = 14.0
"""Of 255, between a frame and the keyframe carried to it: from there on nothing is
relied on."""
LEAST_DIFFERENCE = 5.0
"""Below this one everything is."""
WINDOW = 7
"""Side of the box over which differences are averaged, in pixels of the small grid."""
SHRINK = 5
"""Side of the square by which what can be relied on is made smaller, in pixels of the
small grid: at its border the flow is worst."""


@dataclass(frozen=True, slots=True)
class PaintedFrame:
    """A painted picture and the frame of the film that it belongs to."""

    index: int
    """Of the frame, from 0."""
    content: Pixels
    """The frame, RGB, shape ``(H, W, 3)``, uint8."""
    painted: Pixels
    """The painting of it, same shape."""
    share: Mask
    """Where it is painted, shape ``(H, W)``, 0..1."""


@dataclass(frozen=True, slots=True)
class Carried:
    """Paint that was carried to a frame."""

    pixels: Picture
    """RGB, shape ``(H, W, 3)``, float32, 0..255."""
    reliability: Mask
    """Shape ``(H, W)``, 0..1."""


def carry(key: PaintedFrame, content: Pixels, to_key: Flow, visible: Mask) -> Carried:
    """Carry a keyframe's paint to a frame.

    Paint is reliable where following the flow to the keyframe and back leads to the
    same place, where the keyframe carried along it looks like the frame, and where
    something was painted.

    Args:
        key: The keyframe.
        content: The frame, RGB, shape ``(H, W, 3)``, uint8, of the keyframe's shape.
        to_key: Where each pixel of the frame is in the keyframe, on the small grid,
            ``(h, w, 2)``.
        visible: Which pixels of the frame show in the keyframe, ``(h, w)``, 0..1.
    """
    height, width = content.shape[:2]
    sure = visible * _likeness(key.content, content, to_key)
    kernel = np.ones((SHRINK, SHRINK), np.uint8)
    sure = np.asarray(cv2.erode(sure, kernel), np.float32)
    sure = np.asarray(cv2.blur(sure, (SHRINK, SHRINK)), np.float32)
    reliability = np.asarray(
        cv2.resize(sure, (width, height), interpolation=cv2.INTER_LINEAR), np.float32
    )
    flow = enlarged(to_key, height=height, width=width)
    carried = warp(np.dstack([key.painted.astype(np.float32), key.share]), flow)
    pixels = np.ascontiguousarray(carried[..., :3])
    return Carried(pixels, np.asarray(reliability * carried[..., 3], np.float32))


def enlarged(flow: Flow, *, height: int, width: int) -> Flow:
    """Return a flow of the small grid on the grid of the frame, in its pixels."""
    lines, columns = flow.shape[:2]
    if (lines, columns) == (height, width):
        return flow
    large = cv2.resize(flow, (width, height), interpolation=cv2.INTER_LINEAR)
    factors = np.array([width / columns, height / lines], np.float32)
    return np.asarray(large * factors, np.float32)


def _likeness(key: Pixels, content: Pixels, to_key: Flow) -> Mask:
    """Return how much the frame looks like the keyframe carried to it, 0..1."""
    size = (to_key.shape[1], to_key.shape[0])
    one, other = (
        np.asarray(cv2.resize(x, size, interpolation=cv2.INTER_AREA), np.float32)
        for x in (content, key)
    )
    slope_x = cv2.Sobel(one, cv2.CV_32F, 1, 0, scale=SLACK / 8)
    slope_y = cv2.Sobel(one, cv2.CV_32F, 0, 1, scale=SLACK / 8)
    explained = np.sqrt(slope_x * slope_x + slope_y * slope_y)
    far = np.maximum(np.abs(one - warp(other, to_key)) - explained, 0.0).max(axis=2)
    mean = cv2.blur(np.asarray(far, np.float32), (WINDOW, WINDOW))
    span = MOST_DIFFERENCE - LEAST_DIFFERENCE
    return np.asarray(np.clip((MOST_DIFFERENCE - mean) / span, 0, 1), np.float32)


def merged(one: Carried, other: Carried, *, share: float) -> Carried:
    """Join the paint of two keyframes.

    Args:
        one: Paint of the one.
        other: Paint of the other, same shape.
        share: Of the other where both are as reliable, 0..1: how much nearer it is.
    """
    first = one.reliability * np.float32(1 - share)
    second = other.reliability * np.float32(share)
    wanted = second / np.maximum(first + second, np.float32(1e-6))
    reliability = one.reliability * (1 - wanted) + other.reliability * wanted
    pixels = joined(other.pixels, one.pixels, np.asarray(wanted, np.float32))
    return Carried(pixels, np.asarray(reliability, np.float32))
