"""Pictures for browsers: each frame is compressed once, whoever looks on.

A viewer has room for one picture. One that is slow sees fewer pictures and never old
ones, and delays nobody; without viewers nothing is compressed.
"""

import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import cv2
import numpy as np

from rtstyle.live.latency import LatencyMeter
from rtstyle_streams.errors import SinkError
from rtstyle_streams.frame import Frame, Pixels
from rtstyle_streams.live_frame import LiveFrame
from rtstyle_streams.managed import ManagedSink

ViewKind = Literal["page", "clean"]
"""``page``: mirrored and split as the person wants; ``clean``: what goes out."""
HEAD: Final = struct.Struct("<BBHHHId")
"""Kind, version, width, height, flags, index, capture time (ms since 1970)."""
KIND_PICTURE, VERSION, FLAG_NOTICE = 1, 1, 1
QUALITY: Final = 80
"""Of JPEG, with whole colour: painted colours lie in the chroma (+2.2 dB)."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One compressed frame."""

    jpeg: bytes
    """The picture itself."""
    head: bytes
    """What goes before it in a message; see `HEAD`."""


class Viewer:
    """One browser that looks on.

    Args:
        kind: What it is shown.
        wake: Called from another thread when there is a new picture.
    """

    def __init__(self, kind: ViewKind, wake: Callable[[], None]) -> None:
        self.kind: ViewKind = kind
        self._wake = wake
        self._slot: Picture | None = None
        self.num_dropped = 0
        """Pictures that were replaced before they were taken."""

    def put(self, picture: Picture) -> None:
        """Lay a picture into the slot."""
        self.num_dropped += self._slot is not None
        self._slot = picture
        self._wake()

    def take(self) -> Picture | None:
        """Return the newest picture that was not taken yet."""
        picture, self._slot = self._slot, None
        return picture


class Broadcast(ManagedSink):
    """A sink that shows frames to all viewers; stays when live runs come and go."""

    def __init__(self) -> None:
        self.is_mirrored = True
        """Whether the page shows a mirror image."""
        self.split = 0.0
        """How much of the page's picture, from the left, is what the camera saw."""
        self.encoding = LatencyMeter()
        """How long compressing took."""
        self.content: Pixels | None = None
        """What the camera saw last, RGB, shape ``(H, W, 3)``, uint8."""
        self._viewers: list[Viewer] = []
        self._last: dict[ViewKind, Picture] = {}
        self._lock = threading.Lock()

    @property
    def num_viewers(self) -> int:
        """Return how many look on."""
        return len(self._viewers)

    def join(self, viewer: Viewer) -> None:
        """Show `viewer` the last picture and all that come."""
        with self._lock:
            self._viewers.append(viewer)
            last = self._last.get(viewer.kind)
        if last is not None:
            viewer.put(last)

    def leave(self, viewer: Viewer) -> None:
        """Show `viewer` nothing more; may be called twice."""
        with self._lock:
            if viewer in self._viewers:
                self._viewers.remove(viewer)

    def write(self, frame: Frame) -> None:
        """Compress a frame for those who look on."""
        if isinstance(frame, LiveFrame) and not frame.notice:
            self.content = frame.content
        with self._lock:
            viewers = list(self._viewers)
            kinds = {viewer.kind for viewer in viewers}
            for kind in self._last.keys() - kinds:  # it would be old for who joins next
                del self._last[kind]
        for kind in kinds:
            start = time.monotonic_ns()
            picture = compressed(frame, self._pixels(frame, kind))
            self.encoding.add_ns(time.monotonic_ns() - start)
            self._last[kind] = picture
            for viewer in viewers:
                if viewer.kind == kind:
                    viewer.put(picture)

    def _pixels(self, frame: Frame, kind: ViewKind) -> Pixels:
        """Return what viewers of a kind see."""
        content = frame.content if isinstance(frame, LiveFrame) else None
        if kind == "clean":
            return frame.pixels
        flip = self.is_mirrored
        pixels = mirrored(frame.pixels) if flip else frame.pixels
        column = round(self.split * frame.width)
        if column and content is not None and content.shape == pixels.shape:
            left = mirrored(content) if flip else content
            pixels = np.concatenate((left[:, :column], pixels[:, column:]), axis=1)
        return pixels


def mirrored(pixels: Pixels) -> Pixels:
    """Return the mirror image."""
    return np.asarray(cv2.flip(pixels, 1), np.uint8)


def compressed(frame: Frame, pixels: Pixels) -> Picture:
    """Return `pixels` as JPEG, with what is known of the frame.

    Raises:
        SinkError: OpenCV cannot compress it.
    """
    settings = [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
    settings += [
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    ]
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    okay, data = cv2.imencode(".jpg", bgr, settings)
    if not okay:
        raise SinkError("page: expected a frame to become a JPEG, got nothing")
    has_notice = isinstance(frame, LiveFrame) and bool(frame.notice)
    head = HEAD.pack(
        KIND_PICTURE,
        VERSION,
        pixels.shape[1],
        pixels.shape[0],
        FLAG_NOTICE if has_notice else 0,
        frame.index & 0xFFFFFFFF,
        epoch_ms(frame.captured_ns),
    )
    return Picture(data.tobytes(), head)


def epoch_ms(captured_ns: int | None) -> float:
    """Return a time of the monotonic clock as ms since 1970, or 0 for None."""
    if captured_ns is None:
        return 0.0
    return time.time() * 1e3 - (time.monotonic_ns() - captured_ns) / 1e6
