"""Play a file or the sample scene like a camera: paced and looped."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from rtstyle_streams.camera.webcam import TIME_BASE, ticks
from rtstyle_streams.errors import SourceError
from rtstyle_streams.frame import Frame
from rtstyle_streams.managed import ManagedSource
from rtstyle_streams.pacing import FrameClock
from rtstyle_streams.protocols import Source


class AsCamera(ManagedSource):
    """Yields a source's frames at their pace, stamped with the time, for ever.

    Args:
        reopen: Opens the source, once for each round.
        rate: Frames per second; None for the source's own rate, or 30 if unknown.

    Raises:
        SourceError: the source cannot be opened.
    """

    def __init__(
        self, reopen: Callable[[], Source], *, rate: float | None = None
    ) -> None:
        self._reopen = reopen
        self._source = reopen()
        own = self._source.info.frame_rate
        self._rate = rate or (float(own) if own else 30.0)
        self._is_closed = False
        self.info = replace(
            self._source.info, time_base=TIME_BASE, num_frames=None, is_live=True
        )
        """What is known about the frames."""

    def __iter__(self) -> Iterator[Frame]:
        """Yield frames until `close`.

        Raises:
            SourceError: the source holds no frame, or failed.
        """
        clock, index = FrameClock(self._rate), 0
        start_ns = time.monotonic_ns()
        while not self._is_closed:
            at_start = index
            for frame in self._source:
                clock.wait()
                if self._is_closed:
                    return
                now_ns = time.monotonic_ns()
                pts = ticks(now_ns - start_ns)
                yield Frame(frame.pixels, pts, TIME_BASE, index, now_ns)
                index += 1
            if index == at_start:
                raise SourceError("camera: expected a file with frames, got none")
            self._source.close()
            self._source = self._reopen()

    def close(self) -> None:
        """Close the source."""
        self._is_closed = True
        self._source.close()
