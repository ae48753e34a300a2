"""Define sources and sinks in memory; the tests use them as doubles."""

import time
from collections.abc import Iterator, Sequence
from fractions import Fraction

from rtstyle_streams.errors import SinkError, SourceError
from rtstyle_streams.frame import Frame, Pixels
from rtstyle_streams.managed import ManagedSink, ManagedSource
from rtstyle_streams.protocols import StreamInfo


class ListSource(ManagedSource):
    """Yields pictures from memory.

    Args:
        pictures: RGB, each ``(H, W, 3)`` uint8, all of one size; at least one.
        frame_rate: Frames per second of the presentation times.
        is_live: Value in `info`; if true, frames carry the time of their capture.
        fail_at: Index of the frame at which to raise a SourceError instead.
        delay_seconds: How long to sleep before each frame.
    """

    def __init__(
        self,
        pictures: Sequence[Pixels],
        *,
        frame_rate: Fraction = Fraction(30),
        is_live: bool = False,
        fail_at: int | None = None,
        delay_seconds: float = 0.0,
    ) -> None:
        if not pictures:
            raise SourceError("pictures: expected at least one, got none")
        height, width = pictures[0].shape[:2]
        self._pictures = pictures
        self._fail_at = fail_at
        self._delay_seconds = delay_seconds
        self.is_closed = False
        self.info = StreamInfo(
            width=width,
            height=height,
            time_base=1 / frame_rate,
            frame_rate=frame_rate,
            num_frames=len(pictures),
            is_live=is_live,
        )

    def __iter__(self) -> Iterator[Frame]:
        """Yield the pictures, one tick apart."""
        for index, pixels in enumerate(self._pictures):
            if self._delay_seconds:
                time.sleep(self._delay_seconds)
            if index == self._fail_at:
                raise SourceError(f"memory: failed at frame {index}, as asked")
            captured_ns = time.monotonic_ns() if self.info.is_live else None
            yield Frame(
                pixels=pixels,
                pts=index,
                time_base=self.info.time_base,
                index=index,
                captured_ns=captured_ns,
            )

    def close(self) -> None:
        """Remember that it was closed."""
        self.is_closed = True


class NullSink(ManagedSink):
    """Counts frames and discards them."""

    def __init__(self) -> None:
        self.num_frames = 0
        self.is_finished = False
        self.is_closed = False

    def write(self, frame: Frame) -> None:
        """Count `frame`."""
        self.num_frames += 1

    def finish(self) -> None:
        """Remember that the end was reached."""
        self.is_finished = True
        self.close()

    def close(self) -> None:
        """Remember that it was closed."""
        self.is_closed = True


class ListSink(NullSink):
    """Keeps copies of all frames.

    Args:
        fail_at: Number of frames after which `write` raises a SinkError.
        delay_seconds: How long each `write` sleeps.
    """

    def __init__(
        self, *, fail_at: int | None = None, delay_seconds: float = 0.0
    ) -> None:
        super().__init__()
        self.frames: list[Frame] = []
        """The frames written, in order."""
        self._fail_at = fail_at
        self._delay_seconds = delay_seconds

    def write(self, frame: Frame) -> None:
        """Keep a copy of `frame`."""
        if self._delay_seconds:
            time.sleep(self._delay_seconds)
        if self.num_frames == self._fail_at:
            raise SinkError(f"memory: failed at frame {self.num_frames}, as asked")
        super().write(frame)
        copy = frame.pixels.copy()
        self.frames.append(
            Frame(copy, frame.pts, frame.time_base, frame.index, frame.captured_ns)
        )
