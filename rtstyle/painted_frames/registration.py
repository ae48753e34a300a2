"""Lay a painted picture over its frame: its size, and a slight misalignment."""

from dataclasses import dataclass

import cv2
import numpy as np

from rtstyle.errors import UsageError
from rtstyle.painted_frames.likeness import edges, small_luma
from rtstyle.smoothing.warp import Mask, Picture
from rtstyle_streams.frame import Pixels

MOST_SQUEEZE = 0.1
"""By how much the proportions of picture and frame may differ, as a share."""
LONG_SIDE = 320
"""Of the pictures in which a misalignment is looked for, in pixels, at most."""
LEAST_MOVE, MOST_MOVE = 1.0, 0.06
"""A misalignment below the first, in pixels, is left, as is one above the second, as a
share of the frame's longer side, which is no misalignment."""
SAME_SIZE_MOVE = 3.0
"""In place of the first for pictures of the frame's own size, which nothing has cut or
resized: there a smaller one is freely drawn outlines more often."""
LEAST_GAIN = 0.004
"""By how much edges have to agree better, as a correlation."""


@dataclass(frozen=True, slots=True)
class Registered:
    """A painting in the frame of its film."""

    pixels: Pixels
    """RGB, shape of the frame, ``(H, W, 3)``, uint8."""
    share: Mask
    """Where it is painted, shape ``(H, W)``, 0..1; 0 where nothing came to lie."""
    notice: str = ""
    """What was done, for people; empty for nothing."""


def register(painted: Pixels, share: Mask, frame: Pixels, *, name: str) -> Registered:
    """Bring a painted picture to the size and place of its frame.

    Args:
        painted: RGB, shape ``(h, w, 3)``, uint8.
        share: Where it is painted, shape ``(h, w)``, 0..1.
        frame: RGB, shape ``(H, W, 3)``, uint8.
        name: Of the picture, for the error.

    Raises:
        UsageError: its proportions are not the frame's.
    """
    height, width = frame.shape[:2]
    lines, columns = painted.shape[:2]
    squeeze = columns * height / (lines * width)
    if not 1 - MOST_SQUEEZE <= squeeze <= 1 + MOST_SQUEEZE:
        raise UsageError(
            f"{name}: expected a picture of the film's proportions, {width}x{height}, "
            f"got {columns}x{lines}; cut it or add what is missing"
        )
    words = []
    if (lines, columns) != (height, width):
        kind = cv2.INTER_AREA if lines > height else cv2.INTER_CUBIC
        painted = np.asarray(
            cv2.resize(painted, (width, height), interpolation=kind), np.uint8
        )
        share = np.asarray(
            cv2.resize(share, (width, height), interpolation=cv2.INTER_AREA),
            np.float32,
        )
        words.append(f"resized from {columns}x{lines} to {width}x{height}")
    least = LEAST_MOVE if words else SAME_SIZE_MOVE
    if (move := misalignment(painted, frame, least=least)) is not None:
        painted, share = _moved(painted, share, move)
        words.append(f"moved by up to {_length(move, frame.shape):.1f} pixels")
    return Registered(painted, share, ", ".join(words))


def misalignment(
    painted: Pixels, frame: Pixels, *, least: float = LEAST_MOVE
) -> Picture | None:
    """Return the affine map from the frame's places to the painting's, ``(2, 3)``.

    None where there is none to speak of, or none that is found.

    Args:
        painted: RGB, shape of the frame, uint8.
        frame: RGB, shape ``(H, W, 3)``, uint8.
        least: What is one to speak of, at a corner, in pixels.

    Source:
        Evangelidis and Psarakis 2008, "Parametric Image Alignment Using Enhanced
        Correlation Coefficient Maximization", on the edges of both.
    """
    height, width = frame.shape[:2]
    factor = min(1.0, LONG_SIDE / max(height, width))
    size = (max(16, round(width * factor)), max(16, round(height * factor)))
    seen, wanted = (edges(small_luma(picture, size)) for picture in (painted, frame))
    still = np.eye(2, 3, dtype=np.float32)
    all_of_it = np.full(wanted.shape, 255, np.uint8)
    ends = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 60, 1e-5)
    try:
        before = cv2.computeECC(wanted, seen)
        after, found = cv2.findTransformECC(
            wanted, seen, still.copy(), cv2.MOTION_AFFINE, ends, all_of_it, 5
        )
    except cv2.error:  # flat, or it does not converge
        return None
    large = np.array([width / size[0], height / size[1]])
    move = np.array(found, np.float32)
    move[:, 2] *= large
    length = _length(move, frame.shape)
    is_move = least <= length <= MOST_MOVE * max(height, width)
    return move if is_move and after > before + LEAST_GAIN else None


def _length(move: Picture, shape: tuple[int, ...]) -> float:
    """Return the largest way of a corner of the frame, in pixels."""
    height, width = shape[:2]
    corners = np.array(
        [[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]], np.float32
    )
    ways = corners @ move.T - corners[:, :2]
    return float(np.linalg.norm(ways, axis=1).max())


def _moved(painted: Pixels, share: Mask, move: Picture) -> tuple[Pixels, Mask]:
    """Return picture and share at the frame's places; outside nothing is painted."""
    size = (painted.shape[1], painted.shape[0])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    pixels = cv2.warpAffine(
        painted, move, size, flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved = cv2.warpAffine(share, move, size, flags=flags)
    return np.asarray(pixels, np.uint8), np.asarray(moved, np.float32)
