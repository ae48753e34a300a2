"""Streams that others serve: HLS and MJPEG over HTTP, RTSP, and what may go wrong."""

import functools
import http.server
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from rtstyle_streams.errors import SourceError
from rtstyle_streams.live_frame import LiveFrame
from rtstyle_streams.network.source import NetworkSource
from tests.streams.test_network import (
    first_picture,
    free_port,
    is_red_on_the_left,
    sending,
)

pytestmark = pytest.mark.slow


def picture() -> np.ndarray:
    pixels = np.full((180, 320, 3), 30, np.uint8)
    pixels[:, :160, 0] = 220
    return pixels


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder, or ``/stream.mjpg``."""

    extensions_map = {
        **http.server.SimpleHTTPRequestHandler.extensions_map,
        ".m3u8": "application/vnd.apple.mpegurl",
        ".ts": "video/mp2t",
    }

    def log_message(self, *_: object) -> None:
        return

    def do_GET(self) -> None:
        if self.path != "/stream.mjpg":
            super().do_GET()
            return
        bgr = cv2.cvtColor(picture(), cv2.COLOR_RGB2BGR)
        jpeg = cv2.imencode(".jpg", bgr)[1].tobytes()
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=b")
        self.end_headers()
        try:
            while True:
                self.wfile.write(b"--b\r\nContent-Type: image/jpeg\r\n\r\n" + jpeg)
                self.wfile.write(b"\r\n")
                time.sleep(0.04)
        except OSError:
            return


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    handler = functools.partial(Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def write_hls(folder: Path, *, seconds: int = 6) -> None:
    """Write a playlist that has no end yet, in pieces of a second, with sound."""
    options = {"hls_time": "1", "hls_list_size": "0", "hls_flags": "omit_endlist"}
    with av.open(str(folder / "live.m3u8"), "w", format="hls", options=options) as out:
        video: Any = out.add_stream("libx264", rate=25, options={"g": "25"})
        video.width, video.height, video.pix_fmt = 320, 180, "yuv420p"
        sound: Any = out.add_stream("aac", rate=48000, layout="stereo")
        for index in range(seconds * 25):
            shown = av.VideoFrame.from_ndarray(picture(), format="rgb24")
            shown.pts, shown.time_base = index, Fraction(1, 25)
            out.mux(video.encode(shown))
            tone = np.sin(np.arange(1920) / 20) * 8000
            heard = av.AudioFrame.from_ndarray(
                np.repeat(tone.astype(np.int16), 2)[None], format="s16", layout="stereo"
            )
            heard.rate, heard.pts = 48000, index * 1920
            heard.time_base = Fraction(1, 48000)
            out.mux(sound.encode(heard))
        out.mux(video.encode(None))
        out.mux(sound.encode(None))


def test_a_playlist_is_a_camera_with_sound(tmp_path: Path) -> None:
    write_hls(tmp_path)
    with serving(tmp_path) as address, NetworkSource(f"{address}/live.m3u8") as source:
        assert (source.info.width, source.info.height) == (320, 180)
        listener = source.sound.join()
        assert is_red_on_the_left(first_picture(source))
        end = time.monotonic() + 20
        pieces = listener.take()
        while not pieces and time.monotonic() < end:
            time.sleep(0.1)
            pieces = listener.take()
    assert source.sound.is_expected
    assert max(np.abs(piece.samples).max() for piece in pieces) > 4000


def test_motion_jpeg_is_a_camera(tmp_path: Path) -> None:
    with (
        serving(tmp_path) as address,
        NetworkSource(f"{address}/stream.mjpg") as source,
    ):
        frames = [f for f in islice(source, 12) if not isinstance(f, LiveFrame)]
        assert all(is_red_on_the_left(frame) for frame in frames)
        ages = [time.monotonic_ns() - (f.captured_ns or 0) for f in frames[-1:]]
        assert len(frames) > 8 and ages[0] < 1e9
        assert not source.sound.is_expected


def test_what_is_not_there_is_told_in_one_line(tmp_path: Path) -> None:
    with serving(tmp_path) as address:
        for name in ("none.m3u8", "none.mjpg"):
            with pytest.raises(SourceError, match=r"404") as refused:
                NetworkSource(f"{address}/{name}")
            assert "\n" not in str(refused.value)


def test_rtsp_is_sent_and_received() -> None:
    url = f"rtsp://127.0.0.1:{free_port()}/live"
    with NetworkSource(f"{url}?listen=1") as source, sending(url):
        assert is_red_on_the_left(first_picture(source))
