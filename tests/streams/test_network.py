"""Streams by URL, from one process to itself."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction

import numpy as np
import pytest

from rtstyle_streams.errors import SinkError, SourceError, SpecError
from rtstyle_streams.frame import Frame
from rtstyle_streams.live_frame import LiveFrame
from rtstyle_streams.network.sink import NetworkSink
from rtstyle_streams.network.source import NetworkSource
from rtstyle_streams.network.urls import (
    MISSING,
    source_options,
    stream_url,
    without_credentials,
)
from rtstyle_streams.opening import open_sink, open_source
from rtstyle_streams.protocols import StreamInfo

INFO = StreamInfo(320, 180, Fraction(1, 1000), frame_rate=Fraction(30), is_live=True)
SECRET = "hunter2"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def frame(index: int) -> Frame:
    """A picture whose red says when it was taken, in ms modulo 4 s."""
    now_ns = time.monotonic_ns()
    pixels = np.full((180, 320, 3), 30, np.uint8)
    pixels[:, :160, 0] = 220
    return Frame(pixels, now_ns // 10**6, Fraction(1, 1000), index, now_ns)


@contextmanager
def sending(url: str) -> Iterator[threading.Event]:
    """Send frames to `url`, as soon as somebody is there, until the block ends."""
    stop = threading.Event()

    def work() -> None:
        sink = None
        while sink is None and not stop.is_set():
            with suppress(SinkError):
                sink = NetworkSink(url, INFO)
            stop.wait(0.1)
        index = 0
        while sink is not None and not stop.wait(1 / 30):
            sink.write(frame(index))
            index += 1
        if sink is not None:
            sink.close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(15)


def first_picture(source: NetworkSource, *, seconds: float = 40) -> Frame:
    """Return the first frame that is no placeholder."""
    end = time.monotonic() + seconds
    for got in source:
        if not isinstance(got, LiveFrame):
            return got
        assert time.monotonic() < end, got.notice
    raise AssertionError("it ended")


def is_red_on_the_left(got: Frame) -> bool:
    width = got.width
    left = got.pixels[:, : width // 3].reshape(-1, 3).mean(0)
    right = got.pixels[:, -width // 3 :].reshape(-1, 3).mean(0)
    return bool(left[0] > 180 and left[1] < 70 and right[0] < 70)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["rtmp", "tcp"])
def test_others_push_a_stream_to_us(scheme: str) -> None:
    port = free_port()
    path = "/live/x" if scheme == "rtmp" else ""
    url = f"{scheme}://127.0.0.1:{port}{path}"
    with NetworkSource(f"{url}?listen=1") as source:
        placeholder = next(iter(source))
        assert isinstance(placeholder, LiveFrame) and "waiting" in placeholder.notice
        with sending(url):
            got = first_picture(source)
    assert (got.width, got.height) == (1280, 720)
    assert is_red_on_the_left(got)


@pytest.mark.slow
def test_a_stream_over_udp_arrives_and_its_loss_is_told() -> None:
    url = f"udp://127.0.0.1:{free_port()}"
    with sending(url) as stop, NetworkSource(url) as source:
        assert (source.info.width, source.info.height) == (320, 180)
        assert is_red_on_the_left(first_picture(source))
        stop.set()
        end, notice = time.monotonic() + 30, ""
        for got in source:
            if isinstance(got, LiveFrame):
                notice = got.notice
                break
            assert time.monotonic() < end
        assert "is lost; connecting again" in notice
        with sending(url):
            assert is_red_on_the_left(first_picture(source))


@pytest.mark.slow
def test_a_lost_server_is_connected_to_again() -> None:
    port = free_port()
    url = f"rtmp://127.0.0.1:{port}/live/x"
    with sending(url):
        for _ in range(2):
            with NetworkSource(f"{url}?listen=1") as source:
                assert is_red_on_the_left(first_picture(source))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"rtmp://me:{SECRET}@host:1935/app/{SECRET}", "rtmp://host:1935/…"),
        (f"rtsp://host/x?key={SECRET}", "rtsp://host/…"),
        (f"rtsp://me:p@{SECRET}@host/", "rtsp://host"),
        ("udp://127.0.0.1:5000", "udp://127.0.0.1:5000"),
        ("clip.mp4", "clip.mp4"),
    ],
)
def test_what_is_shown_holds_no_secret(text: str, shown: str) -> None:
    assert without_credentials(text) == shown


@pytest.mark.slow
def test_errors_hold_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    url = f"://me:{SECRET}@127.0.0.1:{free_port()}/app/{SECRET}"
    for scheme in ("rtmp", "rtsp", "http"):
        with pytest.raises(SourceError) as refused:
            NetworkSource(scheme + url)
        assert SECRET not in str(refused.value)
        assert "127.0.0.1" in str(refused.value)
    with pytest.raises(SinkError) as unsent:
        NetworkSink("rtmp" + url, INFO)
    assert SECRET not in str(unsent.value)
    assert SECRET not in caplog.text


@pytest.mark.parametrize("scheme", sorted(MISSING))
def test_what_cannot_be_had_is_said_by_name(scheme: str) -> None:
    url = f"{scheme}://me:{SECRET}@host/x"
    for refused in (lambda: open_source(url), lambda: open_sink(url, INFO)):
        with pytest.raises(SpecError, match=MISSING[scheme].split(";")[0]) as error:
            refused()
        assert SECRET not in str(error.value)


@pytest.mark.parametrize("url", ["rtmp://", "rtsp:///x", "http://host:99999/"])
def test_a_url_without_a_host_is_refused(url: str) -> None:
    with pytest.raises(SpecError, match="expected"):
        stream_url(url)


def test_nothing_is_sent_over_http() -> None:
    with pytest.raises(SpecError, match="expected one of rtmp://"):
        open_sink("http://host/x", INFO)


def test_listening_is_an_option_where_ffmpeg_wants_one() -> None:
    rtmp = stream_url("rtmp://0.0.0.0:1935/live/x?listen=1&key=2")
    assert rtmp.url == "rtmp://0.0.0.0:1935/live/x?key=2"
    assert source_options(rtmp, seconds=5)["listen"] == "1"
    tcp = stream_url("tcp://0.0.0.0:1935?listen=1")
    assert tcp.url == "tcp://0.0.0.0:1935?listen=1" and tcp.is_listening
    rtsp = stream_url("rtsp://0.0.0.0:554/x?listen=1")
    assert source_options(rtsp, seconds=5) == {
        "rtsp_flags": "listen",
        "listen_timeout": "5",
    }


def test_streams_come_with_little_delay() -> None:
    options = source_options(stream_url("rtmp://host/x"), seconds=5)
    assert options["fflags"] == "nobuffer" and options["analyzeduration"] == "0"
