"""The screen as a camera: parts of it, and windows that move and go."""

import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from rtstyle_streams.camera.screen import ScreenSource
from rtstyle_streams.camera.screen_windows import list_windows, window_titled
from rtstyle_streams.errors import SourceError
from rtstyle_streams.frame import Frame
from rtstyle_streams.live_frame import LiveFrame
from rtstyle_streams.opening import open_source
from tests.streams.x_server import XServer, x_server

pytestmark = pytest.mark.display
pytest.importorskip("mss")

SHOW = """
import sys, cv2, numpy as np
cv2.namedWindow(sys.argv[1], cv2.WINDOW_AUTOSIZE)
cv2.moveWindow(sys.argv[1], 100, 80)
picture = np.zeros((120, 200, 3), np.uint8)
picture[:] = (20, 20, 230)
while True:
    cv2.imshow(sys.argv[1], picture)
    cv2.waitKey(20)
"""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[XServer]:
    with x_server(tmp_path) as found:
        monkeypatch.setenv("DISPLAY", found.display)
        monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
        yield found


def is_red(frame: Frame) -> bool:
    height, width = frame.pixels.shape[:2]
    middle = frame.pixels[height // 2, width // 2].astype(int)
    return bool(np.abs(middle - (230, 20, 20)).max() < 10)


def wait_for(frames: Iterator[Frame], is_so: object) -> Frame:
    end = time.monotonic() + 60
    for frame in frames:
        if is_so(frame):  # type: ignore[operator]
            return frame
        assert time.monotonic() < end, "waited in vain"
    raise AssertionError("it ended")


def test_the_screen_and_a_part_of_it_are_cameras(server: XServer) -> None:
    with open_source("screen:") as source:
        assert (source.info.width, source.info.height) == (800, 600)
        assert source.info.is_live
        frames = list(islice(source, 3))
    assert [frame.index for frame in frames] == [0, 1, 2]
    assert frames[0].pts < frames[2].pts and frames[0].captured_ns is not None
    with open_source("screen:10,20,320x240") as part:
        assert next(iter(part)).pixels.shape == (240, 320, 3)
    with pytest.raises(SourceError, match="expected 1 to 1, got 3"):
        open_source("screen:3")


def test_a_window_is_found_by_its_title_and_followed(server: XServer) -> None:
    with server.program("-c", SHOW, "A red window") as program:
        window = server.window("A red window", program)
        server.wait_until_seen(
            lambda screen: bool((screen == (230, 20, 20)).all(2).any()), "red", program
        )
        assert "A red window" in [found.title for found in list_windows()]
        with ScreenSource("red WIN", rate=60) as source:
            assert (source.info.height, source.info.width) >= (120, 200)
            frames = iter(source)
            assert is_red(next(frames))
            before = window_titled("red win").rectangle
            server.xdotool("windowmove", "--sync", window, "400", "300")
            after = window_titled("red win").rectangle
            assert after[:2] != before[:2] and after[2:] == before[2:]
            time.sleep(0.6)
            assert is_red(wait_for(frames, is_red))
            program.process.kill()
            program.process.wait()
            gone = wait_for(frames, lambda frame: isinstance(frame, LiveFrame))
            assert isinstance(gone, LiveFrame)
            assert gone.notice == "the window red WIN is gone; waiting for it"
            assert gone.pixels.shape == (source.info.height, source.info.width, 3)


def test_a_window_that_is_not_there_is_told_in_one_line(server: XServer) -> None:
    expected = r"^screen:nothing: expected a part of the title [^\n]*there are: [^\n]*$"
    with pytest.raises(SourceError, match=expected):
        open_source("screen:nothing")


def test_a_system_that_does_not_tell_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.raises(SourceError, match="expected a system that tells where windows"):
        list_windows()
