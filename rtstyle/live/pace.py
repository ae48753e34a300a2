"""Let the network paint fewer frames where the camera is faster than the machine."""

import logging
import time
from collections import deque
from typing import Final

import numpy as np

from rtstyle.live.loop import Process
from rtstyle.stylizer.controls import EVERY, Controls
from rtstyle_streams.live_frame import LiveFrame

log = logging.getLogger(__name__)

WINDOW: Final = 18
"""Frames that a decision looks at: half a second, and a multiple of 2 and 3."""
FULL: Final = 0.95
"""Share of the camera's time for a frame from which on the network is too slow."""
FREE: Final = 0.7
"""Share of it below which one frame more is painted."""


class Pace:
    """A stage of the live loop that sets `Controls.every` by its own time.

    Args:
        stage: Runs the network.
        controls: Shared with the stylizers.
    """

    def __init__(self, stage: Process, controls: Controls) -> None:
        self._stage, self._controls = stage, controls
        self._busy: deque[float] = deque(maxlen=WINDOW)
        self._camera: deque[float] = deque(maxlen=WINDOW)
        self._last: LiveFrame | None = None

    def __call__(self, frame: LiveFrame) -> LiveFrame:
        """Run the stage, and change how many frames are painted if need be."""
        began = time.perf_counter()
        done = self._stage(frame)
        self.note(frame, time.perf_counter() - began)
        return done

    def note(self, frame: LiveFrame, busy_seconds: float) -> None:
        """Take the time of a frame, and decide once a window is full.

        Args:
            frame: As the camera gave it; those between it and the last one were lost.
            busy_seconds: What the stage took.
        """
        last, self._last = self._last, frame
        if last is None or None in (last.captured_ns, frame.captured_ns):
            return
        assert last.captured_ns is not None and frame.captured_ns is not None
        steps = frame.index - last.index
        if steps < 1:
            return
        self._busy.append(busy_seconds)
        self._camera.append((frame.captured_ns - last.captured_ns) / 1e9 / steps)
        if len(self._busy) < WINDOW:
            return
        every = wanted_every(
            np.array(self._busy),
            camera_seconds=float(np.median(self._camera)),
            every=self._controls.every,
        )
        if every != self._controls.every:
            log.info("live: the network paints %s", SAID[every])
            self._controls.every = every
            self._busy.clear()
            self._camera.clear()


SAID: Final = {1: "every frame", 2: "every second frame", 3: "every third frame"}
"""What a number of `Controls.every` means."""


def wanted_every(busy_seconds: np.ndarray, *, camera_seconds: float, every: int) -> int:
    """Return which frames the network should paint.

    Args:
        busy_seconds: Times of the last frames, shape ``(n,)``.
        camera_seconds: Between two frames of the camera.
        every: Which ones it paints now.
    """
    mean = float(busy_seconds.mean())
    if mean > FULL * camera_seconds:
        return min(every + 1, EVERY[-1])
    if every == 1:
        return 1
    paint, carry = float(np.quantile(busy_seconds, 0.9)), float(busy_seconds.min())
    more = (paint + (every - 2) * carry) / (every - 1)
    return every - 1 if more < FREE * camera_seconds else every
