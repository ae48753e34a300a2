"""Encodes and sends frames; a process of its own, started by `NetworkSink`.

PyAV holds Python's lock while it connects, which may take seconds: in the process of
a live run everything would stand still meanwhile. The URL comes by standard input, so
that no list of processes shows a password.
"""

import contextlib
import json
import logging
import sys
import time
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any, Final

import av
import numpy as np

from rtstyle_streams.errors import SinkError, StreamError
from rtstyle_streams.fitting import fit
from rtstyle_streams.frame import Frame
from rtstyle_streams.managed import ManagedSink
from rtstyle_streams.network.messages import PICTURE, read_message
from rtstyle_streams.network.urls import SINK_FORMATS, TIME_BASE, sink_url
from rtstyle_streams.protocols import StreamInfo
from rtstyle_streams.sound.encoder import TICK, SoundEncoder
from rtstyle_streams.sound.feed import Samples

log = logging.getLogger(__name__)

OPEN_SECONDS: Final = 10.0
"""How long a server may take to answer."""
WRITE_SECONDS: Final = 5.0
"""How long it may take for a packet."""
RETRY_SECONDS: Final = 2.0
"""Between two tries to connect."""
OPTIONS: Final = {"preset": "ultrafast", "tune": "zerolatency"}
"""Of x264: no frame waits for a later one."""


class DirectSink(ManagedSink):
    """Sends frames as H.264; a connection that is lost is made again.

    Args:
        url: ``rtmp(s)://``, ``rtsp://``, ``udp://`` or ``tcp://``.
        info: What is known of the frames.
        has_sound: Whether `write_sound` will be called.

    Raises:
        SpecError: the URL makes no sense, or nothing can be sent there.
        SinkError: nobody answers.
    """

    def __init__(self, url: str, info: StreamInfo, *, has_sound: bool = False) -> None:
        self._stream = sink_url(url)
        self._has_sound = has_sound
        self._sound: SoundEncoder | None = None
        self._next_sample = 0
        self._width, self._height = info.width // 2 * 2, info.height // 2 * 2
        self._rate = info.frame_rate or Fraction(30)
        self._container: Any = None
        self._video: Any = None
        self._start: Fraction | None = None
        self._last_pts = -1
        self._next_try = 0.0
        try:
            self._open()
        except (av.error.FFmpegError, OSError) as error:
            self.close()
            raise SinkError(
                f"{self._stream.shown}: expected somebody to send to, got "
                f"{error.strerror}"
            ) from error

    def _open(self) -> None:
        form = SINK_FORMATS[self._stream.scheme]
        options = {"flvflags": "no_duration_filesize"} if form == "flv" else {}
        self._container = av.open(
            self._stream.url,
            "w",
            format=form,
            options=options,
            timeout=(OPEN_SECONDS, WRITE_SECONDS),
        )
        video = self._container.add_stream("libx264", rate=self._rate, options=OPTIONS)
        video.width, video.height, video.pix_fmt = self._width, self._height, "yuv420p"
        video.codec_context.time_base = TIME_BASE
        video.codec_context.gop_size = max(1, round(2 * self._rate))
        self._video, self._start, self._last_pts = video, None, -1
        if self._has_sound:
            self._sound, self._next_sample = SoundEncoder(self._container), 0
        self._container.start_encoding()  # connects

    def write(self, frame: Frame) -> None:
        """Send a frame; while the connection is lost it is forgotten."""
        if self._container is None and not self._try_again():
            return
        pixels = frame.pixels[: self._height, : self._width]
        if pixels.shape[:2] != (self._height, self._width):
            pixels = fit(frame.pixels, self._width, self._height)
        picture = av.VideoFrame.from_ndarray(pixels, format="rgb24")
        moment = frame.pts * frame.time_base
        if self._start is None:
            self._start = moment
        pts = max(self._last_pts + 1, round((moment - self._start) / TIME_BASE))
        picture.pts, picture.time_base, self._last_pts = pts, TIME_BASE, pts
        self._send(lambda: self._video.encode(picture))

    def write_sound(self, samples: Samples, moment: Fraction) -> None:
        """Send samples; those before the first frame of a connection are forgotten.

        Args:
            samples: Shape ``(N, 2)``; without a connection they are forgotten.
            moment: When the first one is heard, in seconds on the frames' clock.
        """
        encoder, start = self._sound, self._start
        if self._container is None or encoder is None or start is None:
            return
        begin = round((moment - start) / TICK)
        if self._next_sample == 0 and begin < 0:
            samples, begin = samples[-begin:], 0
        begin = max(begin, self._next_sample)
        self._next_sample = begin + len(samples)
        self._send(lambda: encoder.encode(samples, begin=begin))

    def _send(self, encoded: Callable[[], Iterable[Any]]) -> None:
        """Encode and send; a connection that breaks is made again later."""
        try:
            for packet in encoded():
                self._container.mux(packet)
        except (av.error.FFmpegError, OSError) as error:
            log.warning("%s: lost (%s)", self._stream.shown, error.strerror)
            self.close()
            self._next_try = time.monotonic() + RETRY_SECONDS

    def _try_again(self) -> bool:
        if time.monotonic() < self._next_try:
            return False
        try:
            self._open()
        except (av.error.FFmpegError, OSError) as error:
            log.debug("%s: %s", self._stream.shown, error.strerror)
            self.close()
            self._next_try = time.monotonic() + RETRY_SECONDS
            return False
        log.warning("%s: connected again", self._stream.shown)
        return True

    def finish(self) -> None:
        """Send what the encoder still holds, then close."""
        if self._container is not None:
            with contextlib.suppress(av.error.FFmpegError, OSError):
                rest = [] if self._sound is None else self._sound.flush()
                for packet in (*rest, *self._video.encode(None)):
                    self._container.mux(packet)
        self.close()

    def close(self) -> None:
        """Let go of the connection; may be called twice."""
        container, self._container = self._container, None
        if container is not None:
            with contextlib.suppress(av.error.FFmpegError, OSError):
                container.close()


def main() -> None:
    """Send what comes by standard input: a line of JSON, then messages.

    Answers with one line when it is connected, or with the error.
    """
    given, answers = sys.stdin.buffer, sys.stdout
    head = json.loads(given.readline())
    width, height = int(head["width"]), int(head["height"])
    rate = Fraction(head["rate"])
    info = StreamInfo(width, height, TIME_BASE, frame_rate=rate, is_live=True)
    try:
        sink = DirectSink(head["url"], info, has_sound=bool(head["has_sound"]))
    except StreamError as error:
        answers.write(f"{error}\n")
        return
    answers.write("connected\n")
    answers.flush()
    index = 0
    with sink:
        while (message := read_message(given)) is not None:
            kind, pts, data = message
            if kind == PICTURE:
                pixels = np.frombuffer(data, np.uint8).reshape(height, width, 3)
                sink.write(Frame(pixels, pts, TIME_BASE, index))
                index += 1
            else:
                samples = np.frombuffer(data, np.int16).reshape(-1, 2)
                sink.write_sound(samples, pts * TIME_BASE)


if __name__ == "__main__":
    main()
