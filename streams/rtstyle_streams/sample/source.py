"""Render the built-in scene, a landscape with a person, which needs no file."""

import math
import re
from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from rtstyle_streams.errors import SpecError
from rtstyle_streams.frame import Frame, Pixels
from rtstyle_streams.managed import ManagedSource
from rtstyle_streams.protocols import StreamInfo
from rtstyle_streams.sample.scene import paint_layers
from rtstyle_streams.sample.sprites import draw_bird, paint_balloon, paint_person

_SPEC = re.compile(r"(?:(\d+)x(\d+))?(?:@(\d+(?:[./]\d+)?))?(?:x(\d+))?")


class SampleSource(ManagedSource):
    """A camera pan over mountains, woods and a meadow, with a person in front.

    The same size and times always give the same pixels. Painting the layers takes
    about half a second at 1280x720, a frame then a few milliseconds.

    Args:
        width: Columns.
        height: Lines.
        num_frames: Number of frames to yield; any number.
        frame_rate: Frames per second.

    Raises:
        SpecError: a size, a rate or a number is out of range.
    """

    def __init__(
        self,
        *,
        width: int = 1280,
        height: int = 720,
        num_frames: int = 90,
        frame_rate: Fraction = Fraction(30),
    ) -> None:
        if min(width, height) < 16 or max(width, height) > 8192:
            raise SpecError(
                f"sample: expected a size from 16x16 to 8192x8192, got {width}x{height}"
            )
        if num_frames < 1 or frame_rate <= 0:
            raise SpecError(
                "sample: expected at least one frame and a rate above 0, "
                f"got {num_frames} frames at {frame_rate} per second"
            )
        self.info = StreamInfo(
            width=width,
            height=height,
            time_base=1 / frame_rate,
            frame_rate=frame_rate,
            num_frames=num_frames,
        )
        self._num_frames = num_frames
        self._layers = paint_layers(width, height)
        self._balloon = paint_balloon(0.30 * height)
        self._person = paint_person(0.66 * height, eyes_open=True)
        self._blinking = paint_person(0.66 * height, eyes_open=False)

    @classmethod
    def from_spec(cls, text: str) -> "SampleSource":
        """Read ``1280x720@30x90``: size, rate and number of frames, each optional.

        Raises:
            SpecError: the text has another form, or a number is out of range.
        """
        match = _SPEC.fullmatch(text)
        if match is None or (match[3] or "").endswith("/0"):
            raise SpecError(
                "sample: expected sample:WIDTHxHEIGHT@RATExFRAMES, "
                f"for example sample:1280x720@30x90, got sample:{text}"
            )
        width, height, rate, num_frames = match.groups()
        return cls(
            width=int(width or 1280),
            height=int(height or 720),
            num_frames=int(num_frames or 90),
            frame_rate=Fraction(rate or 30),
        )

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames, rendered one by one."""
        for index in range(self._num_frames):
            yield Frame(
                pixels=self.render(float(index * self.info.time_base)),
                pts=index,
                time_base=self.info.time_base,
                index=index,
            )

    def render(self, seconds: float) -> Pixels:
        """Return the scene at a time: RGB, shape ``(H, W, 3)``, uint8, a new array."""
        width, height = self.info.width, self.info.height
        frame = np.empty((height, width, 3), np.uint8)
        for layer in self._layers[:2]:
            layer.draw(frame, seconds)
        self._draw_flight(frame, seconds)
        for layer in self._layers[2:]:
            layer.draw(frame, seconds)
        person = self._blinking if 2.0 < seconds % 3.1 < 2.16 else self._person
        sway = 0.012 * math.sin(2 * math.pi * seconds / 3.7)
        breath = 0.006 * math.sin(2 * math.pi * seconds / 2.3)
        person.draw(frame, x=0.66 * width + sway * width, y=(0.365 + breath) * height)
        return frame

    def _draw_flight(self, frame: Pixels, seconds: float) -> None:
        """Draw what is in the air: the balloon and five birds."""
        height, width = frame.shape[:2]
        drift = (0.10 + 0.022 * seconds) % 1.3
        bob = 0.015 * math.sin(2 * math.pi * seconds / 5)
        self._balloon.draw(
            frame, x=(drift - 0.15) * width + 0.06 * width, y=(0.07 + bob) * height
        )
        for number in range(5):
            flight = (0.36 + 0.05 * number + 0.06 * seconds) % 1.2 - 0.1
            rise = 0.02 * math.sin(seconds + 2 * number) + 0.018 * abs(number - 2)
            draw_bird(
                frame,
                x=flight * width,
                y=(0.16 + rise) * height,
                span=(0.016 + 0.002 * (number % 3)) * height,
                beat=math.sin(2 * math.pi * (1.7 * seconds + 0.23 * number)),
            )
