"""The page's camera as a source: for computers whose camera only a browser reaches."""

import time
from collections.abc import Iterator
from typing import Final

import cv2
import numpy as np

from rtstyle.errors import UsageError
from rtstyle.paintings.picture_size import picture_size
from rtstyle.studio.broadcast import HEAD
from rtstyle_streams.camera.webcam import TIME_BASE, ticks
from rtstyle_streams.fitting import fit
from rtstyle_streams.frame import Frame, Pixels
from rtstyle_streams.live_frame import LiveFrame
from rtstyle_streams.managed import ManagedSource
from rtstyle_streams.pacing import Latest
from rtstyle_streams.protocols import StreamInfo

WAIT_SECONDS: Final = 0.5
"""After so long without a picture the viewer is told."""
MOST_PIXELS: Final = 3840 * 2160
"""Of a picture of the page."""
MOST_AGE_MS: Final = 5000.0
"""Older times of a page are not believed."""


def taken_ns(at_ms: float, now_ns: int) -> int:
    """Return on the monotonic clock what a page says in ms since 1970.

    Args:
        at_ms: The page's time; one in the future or long ago is taken for now.
        now_ns: On the monotonic clock.
    """
    age_ms = time.time() * 1e3 - at_ms
    if not 0.0 <= age_ms <= MOST_AGE_MS:
        age_ms = 0.0
    return now_ns - int(age_ms * 1e6)


class PageCamera(ManagedSource):
    """Gives out the pictures that a page sends; of one size.

    Args:
        width: Columns of the frames; a picture of another size is fitted.
        height: Lines of the frames.
    """

    def __init__(self, *, width: int = 640, height: int = 360) -> None:
        self.info = StreamInfo(width, height, TIME_BASE, is_live=True, matrix="bt601")
        """What is known of the frames."""
        self._inbox: Latest[tuple[bytes, int]] = Latest()

    def feed(self, message: bytes) -> None:
        """Take one message: a head as of the pictures to the page, then a JPEG.

        Raises:
            UsageError: it is no such message.
        """
        if len(message) <= HEAD.size or message[:1] != b"\x02":
            raise UsageError("picture: expected a head and a JPEG, got other bytes")
        jpeg = message[HEAD.size :]
        size = picture_size(jpeg[:65536]) if jpeg[:2] == b"\xff\xd8" else None
        if size is None or size[0] * size[1] > MOST_PIXELS:
            raise UsageError("picture: expected a JPEG of at most 8 megapixels")
        at_ms = HEAD.unpack(message[: HEAD.size])[6]
        self._inbox.put((jpeg, taken_ns(at_ms, time.monotonic_ns())))

    def __iter__(self) -> Iterator[Frame]:
        """Give out pictures until `close`; placeholders while none comes."""
        start_ns, index = time.monotonic_ns(), 0
        last: Pixels = np.full((self.info.height, self.info.width, 3), 40, np.uint8)
        while not self._inbox.is_closed:
            item = self._inbox.take(WAIT_SECONDS)
            pixels = None if item is None else self._decoded(item[0])
            now_ns = time.monotonic_ns()
            if item is None or pixels is None:
                pts = ticks(now_ns - start_ns)
                notice = "waiting for the camera of the page"
                yield LiveFrame(last, pts, TIME_BASE, index, notice=notice)
            else:
                last, pts = pixels, max(0, ticks(item[1] - start_ns))
                yield Frame(pixels, pts, TIME_BASE, index, item[1])
            index += 1

    def _decoded(self, jpeg: bytes) -> Pixels | None:
        bgr = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
        if bgr is None:
            return None
        pixels = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
        if pixels.shape[:2] != (self.info.height, self.info.width):
            pixels = fit(pixels, self.info.width, self.info.height)
        return pixels

    def close(self) -> None:
        """Give out nothing more."""
        self._inbox.close(discard=True)
