"""Show a preview window; only the main thread may use it, as HighGUI on macOS needs."""

import ctypes
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Final

import cv2
import numpy as np

from rtstyle_streams.errors import SinkError
from rtstyle_streams.frame import Frame, Pixels
from rtstyle_streams.live_frame import LiveFrame, draw_text

FLAGS: Final = cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL
PROBE: Final = (
    "import cv2; cv2.namedWindow('display check', cv2.WINDOW_NORMAL); "
    "cv2.waitKey(1); cv2.destroyAllWindows()"
)
"""Opens a window briefly; run in a child process, since a failure aborts it."""
PROBE_SECONDS: Final = 20.0
PROBE_TRIES: Final = 3
"""Number of attempts; a display that is starting or restarting refuses briefly."""
PROBE_PAUSE_SECONDS: Final = 0.5
"""Pause between attempts."""
LEFT_KEYS: Final = frozenset((81, 2424832, 65361, 63234))
"""Key codes of the left arrow in Qt, Windows, GTK and Cocoa."""
RIGHT_KEYS: Final = frozenset((83, 2555904, 65363, 63235))
"""Key codes of the right arrow."""
ESCAPE: Final = 27


def why_no_display() -> str:
    """Return why no window can be opened here, in one line; empty if one can."""
    if sys.platform == "linux" and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        return "this session has no display (DISPLAY is not set)"
    for attempt in range(PROBE_TRIES):
        if attempt:
            time.sleep(PROBE_PAUSE_SECONDS)
        why, may_pass = _probe()
        if not (why and may_pass):
            break
    return why


def load_x11_xcb() -> bool:
    """Load the system's libX11-xcb for windows, and return whether that worked.

    The one in opencv-python's wheel does not know the layout of a newer libX11 (seen
    with OpenCV 5.0 and libX11 1.8.4): it fails to tell Xlib that the events are Qt's,
    Xlib takes some, and one window in five stays blank. Loading the system's library
    first makes it the one in use.
    """
    if sys.platform != "linux":
        return True
    try:
        ctypes.CDLL("libX11-xcb.so.1", mode=ctypes.RTLD_GLOBAL)
    except OSError:
        return False
    return True


def _probe() -> tuple[str, bool]:
    """Return why a child process could open no window, and whether that may pass."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", PROBE],
            capture_output=True,
            text=True,
            timeout=PROBE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"a window did not open within {PROBE_SECONDS:g} s", False
    if done.returncode == 0:
        return "", False
    if "not implemented" in done.stderr:
        why = (
            "this OpenCV was built without windows; install opencv-python in place of "
            "opencv-python-headless"
        )
        return why, False
    if "ImportError" in done.stderr:
        line = done.stderr.strip().splitlines()[-1]
        return f"OpenCV misses a library: {line}", False
    return "the display does not let a window open", True


class Window:
    """Shows frames and reports key presses.

    Args:
        title: Text of its title bar.
        width: Columns of the frames to come.
        height: Lines of the frames to come.
        on_key: Called with "a", "?", "left", "right", "escape"; False ends the run.
        lines: Returns what to write over the picture, a line each.

    Raises:
        SinkError: no window can be opened here.
    """

    def __init__(
        self,
        title: str = "rtstyle",
        *,
        width: int,
        height: int,
        on_key: Callable[[str], bool] = lambda key: key not in ("q", "escape"),
        lines: Callable[[], list[str]] = list,
    ) -> None:
        if why := why_no_display():
            raise SinkError(
                f"window: expected a display to open one on, but {why}; use another "
                "--output, such as virtualcam, a file or null:"
            )
        self.is_mirrored = False
        """Whether the picture is shown as in a mirror."""
        self.is_split = False
        """Whether the left half shows the camera's picture."""
        self._title, self._on_key, self._lines = title, on_key, lines
        self._canvas: Pixels | None = None
        self._is_shown = False
        load_x11_xcb()
        cv2.namedWindow(title, FLAGS)
        cv2.resizeWindow(title, width, height)

    def write(self, frame: Frame) -> None:
        """Show one frame."""
        picture = self._canvas = compose(
            frame,
            is_mirrored=self.is_mirrored,
            is_split=self.is_split,
            canvas=self._canvas,
        )
        if lines := self._lines():
            draw_text(picture, lines)
        cv2.imshow(self._title, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR, dst=picture))
        self._is_shown = True

    def pump(self) -> bool:
        """Let the window draw and handle its keys; False ends the run."""
        code = cv2.waitKeyEx(1)
        if code >= 0 and (key := key_name(code)) and not self._on_key(key):
            return False
        return not self._was_closed()

    def _was_closed(self) -> bool:
        """Return whether the user has closed the window."""
        if not self._is_shown:
            return False
        try:
            return cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) < 1
        except cv2.error:
            return True

    def close(self) -> None:
        """Close the window; may be called twice."""
        if self._title:
            try:
                cv2.destroyWindow(self._title)
            except cv2.error:  # the user closed it first
                pass
            self._title = ""


def compose(
    frame: Frame, *, is_mirrored: bool, is_split: bool, canvas: Pixels | None = None
) -> Pixels:
    """Return the picture of `frame` for the window, RGB, with its notice written on it.

    Args:
        frame: The frame; not changed.
        is_mirrored: Whether to swap left and right.
        is_split: Whether the left half shows the frame's content.
        canvas: Painted over and returned if it has the frame's size.
    """
    if canvas is None or canvas.shape != frame.pixels.shape:
        canvas = np.empty_like(frame.pixels, order="C")
    content = frame.content if isinstance(frame, LiveFrame) else None
    half = frame.width // 2 if is_split and content is not None else 0
    _paint(canvas[:, half:], frame.pixels, half, is_mirrored)
    if content is not None and half:
        _paint(canvas[:, :half], content, 0, is_mirrored)
        canvas[:, half - 1 : half + 1] = 255
    if isinstance(frame, LiveFrame) and frame.notice:
        cv2.convertScaleAbs(canvas, dst=canvas, alpha=0.4)
        draw_text(canvas, frame.notice.split("; "), top=frame.height // 3)
    return canvas


def _paint(part: Pixels, pixels: Pixels, start: int, is_mirrored: bool) -> None:
    """Copy what `pixels` shows from column `start` on into `part`, mirrored or not."""
    end = start + part.shape[1]
    if is_mirrored:  # a mirrored slice in numpy would be 25 times slower
        width = pixels.shape[1]
        cv2.flip(pixels[:, width - end : width - start], 1, dst=part)
    else:
        np.copyto(part, pixels[:, start:end])


def key_name(code: int) -> str:
    """Return the name of a key code of ``cv2.waitKeyEx``; empty if it has none."""
    if code in LEFT_KEYS and code > 255:
        return "left"
    if code in RIGHT_KEYS and code > 255:
        return "right"
    low = code & 0xFF
    if low == ESCAPE:
        return "escape"
    return chr(low) if code < 0x10000 or low else ""
