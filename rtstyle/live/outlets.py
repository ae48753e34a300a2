"""Where finished frames go: one mailbox for each sink, and how old frames arrive."""

import contextlib
import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from rtstyle.live.latency import LatencyMeter
from rtstyle.live.stage_threads import Stage
from rtstyle_streams.frame import Frame
from rtstyle_streams.live_frame import LiveFrame, with_notice_drawn
from rtstyle_streams.pacing import Latest, RateMeter
from rtstyle_streams.protocols import Sink

log = logging.getLogger(__name__)


class Inlet(Protocol):
    """Where a stage lays its frames: a mailbox, or the fan-out to all sinks."""

    def put(self, frame: LiveFrame, /) -> None:
        """Take one frame."""
        ...

    def close(self) -> None:
        """Let no more in."""
        ...

    @property
    def is_closed(self) -> bool:
        """Return whether nobody wants more."""
        ...


class Preview(Protocol):
    """A sink that only the main thread may touch: a window."""

    def write(self, frame: Frame) -> None:
        """Show one frame."""
        ...

    def pump(self) -> bool:
        """Let the window draw and answer its keys; False ends the run."""
        ...


class Outlet:
    """The way of finished frames into one sink, and how old they are on arrival."""

    def __init__(self, name: str) -> None:
        self.name = name
        """What the user calls the sink."""
        self.mailbox: Latest[LiveFrame] = Latest()
        """Where finished frames are laid."""
        self.age = LatencyMeter()
        """From the camera's time stamp until the sink has taken the frame."""

    def note_age(self, frame: Frame) -> None:
        """Measure how old `frame` is now; a picture shown again has no age."""
        if frame.captured_ns is not None:
            self.age.add_ns(time.monotonic_ns() - frame.captured_ns)

    def write_all(self, sink: Sink, stage: Stage) -> None:
        """Write until no more comes, then complete the result.

        It is completed for whatever reason the run ends: a recording is kept when the
        camera fails, and up to the last good frame when the sink itself fails.
        """
        try:
            for frame in self.mailbox:
                with stage.busy():
                    sink.write(with_notice_drawn(frame))
                self.note_age(frame)
        except BaseException:
            with contextlib.suppress(Exception):
                sink.finish()
            sink.close()
            tell_notices(sink)
            raise
        stage.is_finishing = True
        try:
            sink.finish()
        finally:
            tell_notices(sink)


def tell_notices(sink: Sink) -> None:
    """Log what a sink has to say: a recording that broke off, where the rest is."""
    for line in sink.notices:
        log.warning(line)


class FanOut:
    """Hands every finished frame to all outlets; keeps the last for when none comes."""

    def __init__(self, outlets: Sequence[Outlet]) -> None:
        self.rate = RateMeter()
        """Finished frames per second."""
        self.num_frames = 0
        """Finished frames so far; a picture that is shown again does not count."""
        self.is_closed = False
        """Whether nobody wants more."""
        self._outlets = outlets
        self._last: LiveFrame | None = None

    def put(self, frame: LiveFrame) -> None:
        """Give `frame` to every outlet; a notice comes with the last good picture."""
        if frame.notice and self._last is not None:
            pixels, content = self._last.pixels, self._last.content
            frame = replace(frame, pixels=pixels, content=content)
        elif not frame.notice:
            self._last = frame
            self.num_frames += 1
            self.rate.tick()
        for outlet in self._outlets:
            outlet.mailbox.put(frame)

    def close(self) -> None:
        """Let no more into any outlet."""
        self.is_closed = True
        for outlet in self._outlets:
            outlet.mailbox.close()
