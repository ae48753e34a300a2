"""A stream by its URL, read like a camera: the newest frame, and back after a loss."""

import contextlib
import logging
import threading
import time
from collections.abc import Iterator
from typing import Any, Final

import av
import numpy as np

from rtstyle_streams.errors import SourceError
from rtstyle_streams.fitting import fit
from rtstyle_streams.frame import Frame, Pixels
from rtstyle_streams.live_frame import LiveFrame
from rtstyle_streams.managed import ManagedSource
from rtstyle_streams.network.urls import (
    TIME_BASE,
    StreamUrl,
    source_options,
    stream_url,
)
from rtstyle_streams.pacing import Latest
from rtstyle_streams.protocols import StreamInfo
from rtstyle_streams.sound.decoder import Resampler
from rtstyle_streams.sound.feed import Sound, SoundFeed

log = logging.getLogger(__name__)

OPEN_SECONDS: Final = 10.0
"""How long a server may take to answer, and the first frame to come."""
READ_SECONDS: Final = 5.0
"""After so long without a packet the stream is lost."""
LISTEN_SECONDS: Final = 3600.0
"""How long a listener waits before it listens anew."""
RETRY_SECONDS: Final = 1.0
"""Between two tries to connect."""
PLACEHOLDER_SECONDS: Final = 0.2
"""How often a placeholder is given out while there is no picture."""
QUIET_SECONDS: Final = 1.5
"""After so long without a frame the viewer is told."""
FOLLOWED: Final = 0.1
"""How much of a frame's delay in the network goes into the mean delay."""
JUMP_NS: Final = 500_000_000
"""By which the mean delay is off when the stream's times have jumped."""


class NetworkSource(ManagedSource):
    """Gives a stream's frames, and placeholders with a notice while there are none.

    Frames have the size of the first one; others are fitted. A source that listens
    begins with placeholders of 1280x720.

    Args:
        url: ``rtmp://``, ``rtsp://``, ``udp://``, ``tcp://``, ``http(s)://``; with
            ``?listen=1`` others connect to us.

    Raises:
        SpecError: the URL makes no sense.
        SourceError: nobody answers, or no picture comes.
    """

    def __init__(self, url: str) -> None:
        self._stream = stream_url(url)
        self._sound = SoundFeed()
        self._sound.is_expected = self._stream.is_listening
        self._clock = _StreamClock()
        self._frames: Latest[tuple[Pixels, int]] = Latest()
        self._closing = threading.Event()
        self._problem = ""
        self._thread = threading.Thread(
            target=self._read_on, name="rtstyle-stream", daemon=True
        )
        self._thread.start()
        self._first = None if self._stream.is_listening else self._first_frame()
        height, width = (720, 1280) if self._first is None else self._first[0].shape[:2]
        self.info = StreamInfo(
            width=width,
            height=height,
            time_base=TIME_BASE,
            is_live=True,
            matrix="bt709" if height >= 720 else "bt601",
        )
        """What is known of the frames."""

    @property
    def sound(self) -> SoundFeed:
        """Return the stream's sound; expected too while a stream is waited for."""
        return self._sound

    def _first_frame(self) -> tuple[Pixels, int]:
        end = time.monotonic() + OPEN_SECONDS + 1
        while time.monotonic() < end:
            item = self._frames.take(0.1)
            if item is not None:
                return item
            if self._problem:
                break
        self.close()
        raise SourceError(
            f"{self._stream.shown}: expected a stream with a picture within "
            f"{OPEN_SECONDS:g} s, got {self._problem or 'none'}"
        )

    def __iter__(self) -> Iterator[Frame]:
        """Give out frames until `close`; placeholders while none comes."""
        start_ns, heard, index = time.monotonic_ns(), time.monotonic(), 0
        shape = (self.info.height, self.info.width, 3)
        last: Pixels = np.full(shape, 40, np.uint8)
        item, self._first = self._first, None
        if self._stream.is_listening:
            heard -= QUIET_SECONDS
        while not self._closing.is_set():
            item = item or self._frames.take(PLACEHOLDER_SECONDS)
            if item is not None:
                pixels, taken_ns = item
                if pixels.shape != shape:
                    pixels = fit(pixels, self.info.width, self.info.height)
                last, heard, item = pixels, time.monotonic(), None
                pts = max(0, _ticks(taken_ns - start_ns))
                yield Frame(last, pts, TIME_BASE, index, taken_ns)
            elif time.monotonic() - heard > QUIET_SECONDS:
                pts = _ticks(time.monotonic_ns() - start_ns)
                yield LiveFrame(last, pts, TIME_BASE, index, notice=self._notice())
            else:
                continue
            index += 1

    def _notice(self) -> str:
        if self._stream.is_listening:
            return f"waiting for a stream at {self._stream.shown}"
        return f"{self._stream.shown} is lost; connecting again"

    def _read_on(self) -> None:
        """Read, and connect again when the stream ends, until closed."""
        while not self._closing.is_set():
            try:
                self._read_once()
                self._problem = "the end of the stream"
            except (av.error.FFmpegError, OSError, ValueError) as error:
                self._problem = _reason(error)
            if not self._closing.is_set():
                log.debug("%s: %s", self._stream.shown, self._problem)
            self._closing.wait(RETRY_SECONDS)

    def _read_once(self) -> None:
        with _opened(self._stream) as container:
            if not container.streams.video:
                raise ValueError("a stream without a picture")
            video = container.streams.video[0]
            video.thread_type = "SLICE"  # threads by frame would hold frames back
            wanted, resample = [video, *container.streams.audio[:1]], Resampler()
            self._sound.is_expected |= len(wanted) > 1
            self._clock.forget()
            for packet in container.demux(wanted):
                if self._closing.is_set():
                    return
                if packet.stream is not video:
                    self._hear(packet, resample)
                    continue
                for frame in packet.decode():
                    self._problem = ""
                    pixels = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
                    taken_ns = time.monotonic_ns()
                    self._clock.see(frame.time, taken_ns)
                    self._frames.put((pixels, taken_ns))

    def _hear(self, packet: Any, resample: Resampler) -> None:
        """Decode a packet of sound; what is broken is passed over."""
        try:
            for frame in packet.decode():
                samples = resample(frame)
                self._sound.put(Sound(samples, self._clock.at(frame.time)))
        except (av.error.FFmpegError, ValueError) as error:
            log.debug("%s: sound: %s", self._stream.shown, _reason(error))

    def close(self) -> None:
        """Read no more; may be called twice."""
        self._closing.set()
        self._frames.close(discard=True)
        self._thread.join(2)


class _StreamClock:
    """When what a stream gives its times was taken, on the monotonic clock.

    Pictures come as they do; sound is put where the stream's times say, beside them.
    """

    def __init__(self) -> None:
        self._delay_ns: float | None = None

    def forget(self) -> None:
        """Begin with a new connection."""
        self._delay_ns = None

    def see(self, seconds: float | None, taken_ns: int) -> None:
        """Learn that a picture of this time was taken then."""
        if seconds is None:
            return
        delay = taken_ns - seconds * 1e9
        if self._delay_ns is None or abs(delay - self._delay_ns) > JUMP_NS:
            self._delay_ns = delay
        self._delay_ns += FOLLOWED * (delay - self._delay_ns)

    def at(self, seconds: float | None) -> int:
        """Return when sound of this time was taken."""
        if seconds is None or self._delay_ns is None:
            return time.monotonic_ns()
        return round(seconds * 1e9 + self._delay_ns)


def _opened(stream: StreamUrl) -> Any:
    """Return an open container, to be closed by a `with` block."""
    seconds = LISTEN_SECONDS if stream.is_listening else OPEN_SECONDS
    options = source_options(stream, seconds=seconds)
    limits: tuple[float, float] | None = (seconds, READ_SECONDS)
    if stream.scheme in ("rtsp", "rtsps") and stream.is_listening:
        limits = None  # FFmpeg refuses both
    return av.open(stream.url, options=options, timeout=limits)


def _reason(error: BaseException) -> str:
    """Return what an error says, without the URL that it may name."""
    with contextlib.suppress(AttributeError):
        if text := getattr(error, "strerror", None):
            return str(text)
    return " ".join(str(error).split("'")[0].split())[:120] or type(error).__name__


def _ticks(duration_ns: int) -> int:
    return duration_ns * TIME_BASE.denominator // 1_000_000_000
