"""A stream by its URL, written: to a server, or to whoever listens."""

import contextlib
import json
import os
import subprocess
import sys
import threading
from fractions import Fraction
from typing import Final

from rtstyle_streams.errors import SinkError
from rtstyle_streams.fitting import fit
from rtstyle_streams.frame import Frame
from rtstyle_streams.managed import ManagedSink
from rtstyle_streams.network.messages import HEAD, PICTURE, SOUND
from rtstyle_streams.network.urls import TIME_BASE, sink_url
from rtstyle_streams.protocols import StreamInfo
from rtstyle_streams.sound.feed import SOUND_RATE, SoundFeed
from rtstyle_streams.sound.track import SoundTrack

OPEN_SECONDS: Final = 20.0
"""How long the sender may take to begin and to connect."""
FINISH_SECONDS: Final = 5.0
"""How long it may take to end."""


class NetworkSink(ManagedSink):
    """Sends frames as H.264 from a process of its own, which connects again by itself.

    Args:
        url: ``rtmp(s)://``, ``rtsp://``, ``udp://`` or ``tcp://``.
        info: What is known of the frames.
        heard: Sound that goes with them; None: none.

    Raises:
        SpecError: the URL makes no sense, or nothing can be sent there.
        SinkError: nobody answers.
    """

    def __init__(
        self, url: str, info: StreamInfo, *, heard: SoundFeed | None = None
    ) -> None:
        self._stream = sink_url(url)
        self._track = SoundTrack(heard) if heard is not None else None
        self._width, self._height = info.width, info.height
        self._first_pts: int | None = None
        self._sender: subprocess.Popen[bytes] | None = subprocess.Popen(
            [sys.executable, "-m", "rtstyle_streams.network.sender"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            start_new_session=True,  # Ctrl-C is for us; we end it
        )
        rate = info.frame_rate or Fraction(30)
        head = {"url": self._stream.url, "width": info.width, "height": info.height}
        head |= {"rate": str(rate), "has_sound": heard is not None}
        self._send(json.dumps(head).encode() + b"\n")
        answer = self._answer()
        if answer != "connected":
            self.close()
            raise SinkError(answer or f"{self._stream.shown}: nobody answers")

    def _answer(self) -> str:
        """Return the sender's first line; empty when none comes in time."""
        assert self._sender is not None and self._sender.stdout is not None
        lines: list[bytes] = []
        pipe = self._sender.stdout
        reader = threading.Thread(
            target=lambda: lines.append(pipe.readline()), daemon=True
        )
        reader.start()
        reader.join(OPEN_SECONDS)
        return lines[0].decode("utf-8", "replace").strip() if lines else ""

    def write(self, frame: Frame) -> None:
        """Hand a frame, and the sound before it, to the sender.

        Raises:
            SinkError: the sender has ended.
        """
        pixels = frame.pixels
        if pixels.shape[:2] != (self._height, self._width):
            pixels = fit(pixels, self._width, self._height)
        pts = round(frame.pts * frame.time_base / TIME_BASE)
        self._send_message(PICTURE, pts, pixels.tobytes())
        if self._track is not None:
            self._send_sound(self._track, frame, pts)

    def _send_sound(self, track: SoundTrack, frame: Frame, pts: int) -> None:
        """Send what was heard; the first frame's time is that of the first sample."""
        self._first_pts = pts if self._first_pts is None else self._first_pts
        begin = Fraction(track.num_samples, SOUND_RATE) / TIME_BASE
        samples = track.take(frame)
        if len(samples):
            moment = self._first_pts + round(begin)
            self._send_message(SOUND, moment, samples.tobytes())

    def _send_message(self, kind: int, pts: int, data: bytes) -> None:
        self._send(HEAD.pack(kind, pts, len(data)) + data)

    def _send(self, data: bytes) -> None:
        if self._sender is None or self._sender.stdin is None:
            raise SinkError(f"{self._stream.shown}: expected an open one, got a closed")
        try:
            self._sender.stdin.write(data)
            self._sender.stdin.flush()
        except OSError as error:
            self.close()
            raise SinkError(f"{self._stream.shown}: its sender has ended") from error

    def finish(self) -> None:
        """Let the sender send the rest, then close."""
        self.close()

    def close(self) -> None:
        """End the sender; may be called twice."""
        if self._track is not None:
            self._track.close()
        sender, self._sender = self._sender, None
        if sender is None:
            return
        if sender.stdin is not None:
            with contextlib.suppress(OSError):
                sender.stdin.close()
        try:
            sender.wait(FINISH_SECONDS)
        except subprocess.TimeoutExpired:
            sender.kill()
            sender.wait()
        if sender.stdout is not None:
            sender.stdout.close()
