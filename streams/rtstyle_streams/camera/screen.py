"""The screen, or a part of it, as a camera."""

import re
import time
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, Final

import numpy as np

from rtstyle_streams.errors import SourceError, SpecError
from rtstyle_streams.fitting import fit
from rtstyle_streams.frame import Frame, Pixels
from rtstyle_streams.managed import ManagedSource
from rtstyle_streams.pacing import FrameClock
from rtstyle_streams.protocols import StreamInfo

TIME_BASE: Final = Fraction(1, 90_000)
"""Ticks of a frame's time, counted from the first frame."""
RATE: Final = 30.0
"""Frames a second when nobody asks for another rate."""
SPEC: Final = re.compile(r"(\d*)|(\d+),(\d+),(\d+)x(\d+)")
"""A screen's number, or left, top, width and height in pixels."""


class ScreenSource(ManagedSource):
    """Takes pictures of a screen.

    Args:
        spec: Empty for the first screen, its number from 1, or ``LEFT,TOP,WxH``.
        rate: Frames a second.
        width: Columns of the frames; None for as many as the part has.
        height: Lines of the frames.

    Raises:
        SpecError: `spec` makes no sense.
        SourceError: there is no such screen, or it may not be seen.
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
        self._part = self._part_of(spec)
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
        if match is None:
            raise SpecError(
                f"screen:{spec}: expected screen:, screen:2 or screen:LEFT,TOP,WxH"
            )
        with _grabber() as grabber:
            if match[2]:
                left, top, width, height = (int(match[i]) for i in range(2, 6))
                part = {"left": left, "top": top, "width": width, "height": height}
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
        with _grabber() as grabber:  # belongs to the thread that uses it
            while not self._is_closed:
                clock.wait()
                taken_ns = time.monotonic_ns()
                pixels = _grab(grabber, self._part)
                if pixels.shape[:2] != (self.info.height, self.info.width):
                    pixels = fit(pixels, self.info.width, self.info.height)
                pts = (taken_ns - start_ns) * TIME_BASE.denominator // 10**9
                yield Frame(pixels, pts, TIME_BASE, index, taken_ns)
                index += 1

    def close(self) -> None:
        """Take no more pictures."""
        self._is_closed = True


_KEYS: Final = ("left", "top", "width", "height")


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
