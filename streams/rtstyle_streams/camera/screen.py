"""The screen, a part of it, or a window on it, as a camera."""

import re
import time
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, Final

import numpy as np

from rtstyle_streams.camera.screen_windows import Rectangle, window_titled
from rtstyle_streams.errors import SourceError
from rtstyle_streams.fitting import fit
from rtstyle_streams.frame import Frame, Pixels
from rtstyle_streams.live_frame import LiveFrame
from rtstyle_streams.managed import ManagedSource
from rtstyle_streams.pacing import FrameClock
from rtstyle_streams.protocols import StreamInfo

TIME_BASE: Final = Fraction(1, 90_000)
"""Ticks of a frame's time, counted from the first frame."""
RATE: Final = 30.0
"""Frames a second when nobody asks for another rate."""
SPEC: Final = re.compile(r"(\d*)|(\d+),(\d+),(\d+)x(\d+)")
"""A screen's number, or left, top, width and height in pixels; else it is a title."""
LOOK_SECONDS: Final = 0.5
"""How often it is looked where a window lies."""


class ScreenSource(ManagedSource):
    """Takes pictures of a screen.

    A window is followed when it is moved, and waited for when it is gone; its frames
    keep the size that it had first. What lies over it is seen too.

    Args:
        spec: Empty for the first screen, its number from 1, ``LEFT,TOP,WxH``, or a part
            of a window's title.
        rate: Frames a second.
        width: Columns of the frames; None for as many as the part has.
        height: Lines of the frames.

    Raises:
        SourceError: there is no such screen or window, or it may not be seen.
    """

    def __init__(
        self,
        spec: str = "",
        *,
        rate: float | None = None,
        width: int | None = None,
        height: int | None = None,
    ) -> None:
        self._rate, self._is_closed = rate or RATE, False
        self._title = "" if SPEC.fullmatch(spec) else spec
        self._part = self._part_of(spec)
        self._next_look_ns, self._has_window = 0, True
        self.info = StreamInfo(
            width=width or self._part["width"],
            height=height or self._part["height"],
            time_base=TIME_BASE,
            frame_rate=Fraction(round(self._rate)),
            is_live=True,
        )
        """What is known of the frames."""

    def _part_of(self, spec: str) -> dict[str, int]:
        match = SPEC.fullmatch(spec)
        with _grabber() as grabber:
            if match is None:
                part = _part(window_titled(spec).rectangle)
            elif match[2]:
                left, top, width, height = (int(match[i]) for i in range(2, 6))
                part = _part((left, top, width, height))
            else:
                screens, number = grabber.monitors[1:], int(match[1] or 1)
                if not 1 <= number <= len(screens):
                    raise SourceError(
                        f"screen:{spec}: expected 1 to {len(screens)}, got {number}"
                    )
                part = {k: int(screens[number - 1][k]) for k in _KEYS}
            _grab(grabber, part)
        return part

    def __iter__(self) -> Iterator[Frame]:
        """Give out pictures until `close`.

        Raises:
            SourceError: the screen may not be seen any more.
        """
        clock, start_ns, index = FrameClock(self._rate), time.monotonic_ns(), 0
        pixels: Pixels = np.full((self.info.height, self.info.width, 3), 40, np.uint8)
        with _grabber() as grabber:  # belongs to the thread that uses it
            while not self._is_closed:
                clock.wait()
                taken_ns = time.monotonic_ns()
                pts = (taken_ns - start_ns) * TIME_BASE.denominator // 10**9
                if self._is_there(taken_ns):
                    pixels = self._seen(grabber)
                    yield Frame(pixels, pts, TIME_BASE, index, taken_ns)
                else:
                    notice = f"the window {self._title} is gone; waiting for it"
                    yield LiveFrame(pixels, pts, TIME_BASE, index, notice=notice)
                index += 1

    def _seen(self, grabber: Any) -> Pixels:
        pixels = _grab(grabber, self._part)
        if pixels.shape[:2] != (self.info.height, self.info.width):
            pixels = fit(pixels, self.info.width, self.info.height)
        return pixels

    def _is_there(self, now_ns: int) -> bool:
        """Return whether there is something to see; look now and then for a window."""
        if self._title and now_ns >= self._next_look_ns:
            self._next_look_ns = now_ns + int(LOOK_SECONDS * 1e9)
            try:
                self._part = _part(window_titled(self._title).rectangle)
                self._has_window = True
            except SourceError:
                self._has_window = False
        return self._has_window

    def close(self) -> None:
        """Take no more pictures."""
        self._is_closed = True


_KEYS: Final = ("left", "top", "width", "height")


def _part(rectangle: Rectangle) -> dict[str, int]:
    return dict(zip(_KEYS, rectangle, strict=True))


def _grabber() -> Any:
    try:
        import mss
    except ImportError as error:
        raise SourceError(
            "screen: needs mss, which is not installed. "
            "Install it with: pip install 'rtstyle[studio]'"
        ) from error
    try:
        return mss.MSS() if hasattr(mss, "MSS") else mss.mss()
    except Exception as error:  # its own classes, one for each system
        raise SourceError(
            f"screen: expected a screen that may be seen, got {error}; on Wayland "
            "choose it in OBS and use OBS's virtual camera"
        ) from error


def _grab(grabber: Any, part: dict[str, int]) -> Pixels:
    try:
        shot = grabber.grab(part)
    except Exception as error:  # its own classes, one for each system
        raise SourceError(
            f"screen: expected a part of the screen, got {error}"
        ) from error
    bgra = np.frombuffer(bytes(shot.bgra), np.uint8).reshape(shot.height, shot.width, 4)
    return np.ascontiguousarray(bgra[..., 2::-1])
