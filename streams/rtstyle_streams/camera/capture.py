"""Open a camera through OpenCV: request a mode, read the actual one, read frames."""

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final, Protocol

import cv2
import numpy as np

from rtstyle_streams.camera.devices import who_holds
from rtstyle_streams.camera.model import Camera, CameraMode
from rtstyle_streams.errors import SourceError
from rtstyle_streams.frame import Pixels
from rtstyle_streams.pacing import FramePool

SELECT_TIMEOUT: Final = "OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT"
"""Environment variable: seconds that OpenCV waits for a frozen camera; 10 if unset."""
UNCOMPRESSED: Final = ("YUYV", "UYVY", "NV12", "YU12", "I420", "BGR3", "RGB3")
"""Formats that need no JPEG decoding, the most common ones first."""
MAX_STAMP_AGE_SECONDS: Final = 1.0
"""A driver's time stamp older than this, or in the future, is from another clock."""


@dataclass(frozen=True, slots=True)
class CaptureRequest:
    """What the user asked a camera for; None leaves the choice open."""

    width: int | None = None
    """Columns."""
    height: int | None = None
    """Lines."""
    rate: float | None = None
    """Frames per second."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture as it came from a camera."""

    pixels: Pixels
    """RGB, shape ``(H, W, 3)``, uint8."""
    captured_ns: int
    """When it was taken, monotonic clock."""


class Capture(Protocol):
    """An open camera; used by one thread at a time."""

    mode: CameraMode
    """The mode that it actually delivers."""

    def read(self) -> Shot | None:
        """Wait for the next frame; None if none came and the camera may be lost."""
        ...

    def close(self) -> None:
        """Release the camera."""
        ...


def choose_mode(
    modes: Sequence[CameraMode], request: CaptureRequest
) -> CameraMode | None:
    """Return the mode that fits `request` best; None if the camera lists none.

    The nearest size comes first (without a request: the largest up to 1280x720 that is
    fast enough), then a rate that is high enough, then a format without JPEG.
    """
    wanted_rate = request.rate or 30
    width, height = request.width or 1280, request.height or 720

    def missing_rate(mode: CameraMode) -> float:
        return max(0, wanted_rate - 0.1 - float(mode.rates[0])) if mode.rates else 0

    def rank(mode: CameraMode) -> tuple[bool, float, int, float, int]:
        too_large = mode.width > width or mode.height > height
        distance = abs(mode.width - width) + abs(mode.height - height)
        order = (*UNCOMPRESSED, "MJPG")
        format_rank = order.index(mode.fourcc) if mode.fourcc in order else len(order)
        has_size = request.width is not None
        return (
            not has_size and too_large,
            0 if has_size else missing_rate(mode),
            distance,
            missing_rate(mode),
            format_rank,
        )

    return min(modes, key=rank, default=None)


class OpenCVCapture:
    """A camera read through OpenCV, with a buffer of one frame.

    Raises:
        SourceError: it cannot be opened; the message says why, if that is known.
    """

    def __init__(self, camera: Camera, request: CaptureRequest) -> None:
        os.environ.setdefault(SELECT_TIMEOUT, "1")
        # silence OpenCV's warnings; our own messages report the same once, readably
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
        self._capture = _open(camera)
        mode = choose_mode(camera.modes, request)
        self._ask(mode, request)
        self.mode = self._granted()
        self._pool: FramePool | None = None
        self._bgr: Pixels | None = None

    def _ask(self, mode: CameraMode | None, request: CaptureRequest) -> None:
        """Set the format before the size; otherwise the size is refused or slow."""
        fourcc = mode.fourcc if mode else "MJPG"
        width = request.width or (mode.width if mode else 1280)
        height = request.height or (mode.height if mode else 720)
        rate = request.rate or 30
        self._capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*fourcc))
        self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, width)
        self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, height)
        self._capture.set(cv2.CAP_PROP_FPS, rate)
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)

    def _granted(self) -> CameraMode:
        """Return the mode that the driver chose for the request."""
        code = int(self._capture.get(cv2.CAP_PROP_FOURCC))
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        return CameraMode(
            fourcc=(code & 0xFFFFFFFF).to_bytes(4, "little").decode("latin-1").strip(),
            width=int(self._capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
            height=int(self._capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
            rates=(Fraction(rate).limit_denominator(1001),) if rate > 0 else (),
        )

    def read(self) -> Shot | None:
        """Wait for the next frame; None if none came and the camera may be lost."""
        if not self._capture.grab():
            return None
        captured_ns = self._stamp_ns()
        okay, image = self._capture.retrieve(self._bgr)
        if not okay or image is None or image.ndim != 3:
            return None
        self._bgr = np.asarray(image, np.uint8)
        height, width = self._bgr.shape[:2]
        if self._pool is None:
            self._pool = FramePool(width=width, height=height)
        pixels = self._pool.take()
        cv2.cvtColor(self._bgr, cv2.COLOR_BGR2RGB, dst=pixels)
        return Shot(pixels, captured_ns)

    def _stamp_ns(self) -> int:
        """Return the driver's time stamp if it is on our clock, else the time now."""
        now_ns = time.monotonic_ns()
        if sys.platform != "linux":
            return now_ns
        stamp_ns = int(self._capture.get(cv2.CAP_PROP_POS_MSEC) * 1e6)
        if 0 <= now_ns - stamp_ns < MAX_STAMP_AGE_SECONDS * 1e9:
            return stamp_ns
        return now_ns

    def close(self) -> None:
        """Release the camera."""
        self._capture.release()


def _open(camera: Camera) -> cv2.VideoCapture:
    """Return an open camera.

    Raises:
        SourceError: it is busy, unplugged or not allowed.
    """
    if sys.platform == "linux":
        if camera.problem:
            raise SourceError(f"camera {camera}: {camera.problem}")
        capture = cv2.VideoCapture(camera.path, cv2.CAP_V4L2)
    elif sys.platform == "win32":
        capture = cv2.VideoCapture(camera.number, cv2.CAP_DSHOW)
    else:
        capture = cv2.VideoCapture(camera.number)
    if capture.isOpened():
        return capture
    capture.release()
    raise SourceError(_why_not(camera))


def _why_not(camera: Camera) -> str:
    """Return why `camera` could not be opened, which OpenCV does not report."""
    if camera.path and not Path(camera.path).exists():
        return f"camera {camera}: expected it to be plugged in, got no such device"
    if holder := who_holds(camera.path) if camera.path else "":
        return (
            f"camera {camera}: expected it to be free, got a camera in use by "
            f"{holder}; close that program, or its camera"
        )
    hint = {
        "darwin": "allow the terminal to use the camera in System Settings, Privacy",
        "win32": "allow desktop apps to use the camera in Settings, Privacy",
    }.get(sys.platform, "close other programs that use it, or plug it in again")
    return (
        f"camera {camera}: expected it to be free, got one that cannot be opened: it "
        f"is in use by another program or forbidden; {hint}"
    )
