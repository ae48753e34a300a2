"""A frame on its way through the live loop, with what the camera saw beside it."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from rtstyle_streams.frame import Frame, Pixels


@dataclass(frozen=True, slots=True)
class LiveFrame(Frame):
    """A frame that remembers the picture it was made from."""

    content: Pixels | None = None
    """What the camera saw, same shape as `pixels`; None when that is not known."""
    notice: str = ""
    """Said to the viewer ("camera lost"): the picture is then an old one."""


def as_live(frame: Frame) -> LiveFrame:
    """Return `frame` as a `LiveFrame` whose content are its own pixels."""
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
    """Return `frame` darkened and with its notice written on it, if it has one.

    The pixels of `frame` are left as they were.
    """
    if not isinstance(frame, LiveFrame) or not frame.notice:
        return frame
    pixels = np.asarray(cv2.convertScaleAbs(frame.pixels, alpha=0.4), np.uint8)
    draw_text(pixels, frame.notice.split("; "), top=frame.height // 3)
    return replace(frame, pixels=pixels)


def draw_text(pixels: Pixels, lines: list[str], *, top: int = 0) -> None:
    """Write white lines with a dark outline into `pixels`, in place.

    Args:
        pixels: RGB, shape ``(H, W, 3)``, uint8.
        lines: What to write; a line too long for the picture is set smaller.
        top: Where the first line begins, in pixels from the upper edge.
    """
    height, width = pixels.shape[:2]
    for position, line in enumerate(lines):
        scale = max(0.35, min(height / 480, 1.5)) * 0.55
        (wide, _), _ = cv2.getTextSize(line, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
        if wide > width * 0.96:
            scale *= width * 0.96 / wide
        step = max(14, int(height / 480 * 24))
        place = (max(4, width // 60), top + (position + 1) * step)
        for colour, thickness in (((0, 0, 0), 3), ((255, 255, 255), 1)):
            cv2.putText(
                pixels,
                line,
                place,
                cv2.FONT_HERSHEY_SIMPLEX,
                scale,
                colour,
                thickness,
                cv2.LINE_AA,
            )
