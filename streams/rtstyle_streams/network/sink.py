"""A stream by its URL, written: to a server, or to whoever listens."""

import contextlib
import json
import os
import subprocess
import sys
import threading
from fractions import Fraction
from typing import Final

from rtstyle_streams.errors import SinkError, SpecError
from rtstyle_streams.fitting import fit
from rtstyle_streams.frame import Frame
from rtstyle_streams.managed import ManagedSink
from rtstyle_streams.network.urls import SINK_FORMATS, stream_url
from rtstyle_streams.protocols import StreamInfo

TIME_BASE: Final = Fraction(1, 90_000)
"""Ticks of what is sent."""
OPEN_SECONDS: Final = 20.0
"""How long the sender may take to begin and to connect."""
FINISH_SECONDS: Final = 5.0
"""How long it may take to end."""


class NetworkSink(ManagedSink):
    """Sends frames as H.264 from a process of its own, which connects again by itself.

    Args:
        url: ``rtmp(s)://``, ``rtsp://``, ``udp://`` or ``tcp://``.
        info: What is known of the frames.

    Raises:
        SpecError: the URL makes no sense, or nothing can be sent there.
        SinkError: nobody answers.
    """

    def __init__(self, url: str, info: StreamInfo) -> None:
        self._stream = stream_url(url)
        if self._stream.scheme not in SINK_FORMATS:
            known = ", ".join(f"{scheme}://" for scheme in SINK_FORMATS)
            raise SpecError(f"{self._stream.shown}: expected one of {known} to send to")
        self._width, self._height = info.width, info.height
        self._sender: subprocess.Popen[bytes] | None = subprocess.Popen(
            [sys.executable, "-m", "rtstyle_streams.network.sender"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            start_new_session=True,  # Ctrl-C is for us; we end it
        )
        rate = info.frame_rate or Fraction(30)
        head = {"url": self._stream.url, "width": info.width, "height": info.height}
        self._send(json.dumps(head | {"rate": str(rate)}).encode() + b"\n")
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
        """Hand a frame to the sender.

        Raises:
            SinkError: the sender has ended.
        """
        pixels = frame.pixels
        if pixels.shape[:2] != (self._height, self._width):
            pixels = fit(pixels, self._width, self._height)
        pts = round(frame.pts * frame.time_base / TIME_BASE)
        self._send(pts.to_bytes(8, "little", signed=True) + pixels.tobytes())

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
