"""Define a frame in the live loop, which keeps its camera picture, and draw notices."""

from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np

from rtstyle_streams.frame import Frame, Pixels

FONT: Final = cv2.FONT_HERSHEY_SIMPLEX


@dataclass(frozen=True, slots=True)
class LiveFrame(Frame):
    """A frame that keeps the picture it was made from."""

    content: Pixels | None = None
    """The camera's picture, same shape as `pixels`; None if it is not known."""
    notice: str = ""
    """Message to the viewer ("camera lost"); the picture is then an old one."""


def as_live(frame: Frame) -> LiveFrame:
    """Return `frame` as a `LiveFrame` with its own pixels as its content."""
    if isinstance(frame, LiveFrame):
        return frame
    return LiveFrame(
        frame.pixels,
        frame.pts,
        frame.time_base,
        frame.index,
        frame.captured_ns,
        content=frame.pixels,
    )


def with_notice_drawn(frame: Frame) -> Frame:
    """Return `frame` darkened, with its notice written on it, if it has one.

    The pixels of `frame` are not changed.
    """
    if not isinstance(frame, LiveFrame) or not frame.notice:
        return frame
    pixels = np.asarray(cv2.convertScaleAbs(frame.pixels, alpha=0.4), np.uint8)
    draw_text(pixels, frame.notice.split("; "), top=frame.height // 3)
    return replace(frame, pixels=pixels)


def draw_text(pixels: Pixels, lines: list[str], *, top: int = 0) -> None:
    """Write white lines of text on a darkened background into `pixels`, in place.

    Args:
        pixels: RGB, shape ``(H, W, 3)``, uint8.
        lines: Lines of text; one too long for the picture is written smaller. Text
            after a tab starts in a second column.
        top: Where the first line starts, in pixels from the upper edge.
    """
    height, width = pixels.shape[:2]
    scale = 0.55 * max(0.6, min(height / 480, 2.0))
    step, left, column = round(44 * scale), max(4, width // 60), round(150 * scale)
    for position, line in enumerate(lines):
        first, _, second = line.partition("\t")
        end = max(_width(first, scale), (column + _width(second, scale)) * bool(second))
        fitting = scale * min(1.0, (width - 2 * left) / max(1, end))
        upper, lower = top + position * step, top + (position + 1) * step
        ground = pixels[upper:lower, : left + end + left]
        ground[:] = ground // 2
        base = lower - round(0.3 * step)
        _put(pixels, first, (left, base), fitting)
        _put(pixels, second, (left + column, base), fitting)


def _width(text: str, scale: float) -> int:
    """Return the width of a text in pixels."""
    (width, _), _ = cv2.getTextSize(text, FONT, scale, 1)
    return int(width)


def _put(pixels: Pixels, text: str, place: tuple[int, int], scale: float) -> None:
    white = (255, 255, 255)
    cv2.putText(pixels, text, place, FONT, scale, white, 1, cv2.LINE_AA)
