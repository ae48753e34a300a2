import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from rtstyle_streams.errors import SinkError
from rtstyle_streams.frame import Frame
from rtstyle_streams.live_frame import LiveFrame, draw_text, with_notice_drawn
from rtstyle_streams.window import (
    Window,
    compose,
    key_name,
    load_x11_xcb,
    why_no_display,
)
from tests.streams.x_server import Screen, x_server

RED, BLUE = (255, 0, 0), (0, 0, 255)


def frame(*, notice: str = "") -> LiveFrame:
    """A red picture of a blue content, its left edge white."""
    pixels, content = np.empty((2, 120, 200, 3), np.uint8)
    pixels[:], content[:] = RED, BLUE
    pixels[:, :10] = 255
    return LiveFrame(pixels, 0, Fraction(1, 30), 0, content=content, notice=notice)


def test_the_preview_may_be_a_mirror_and_the_frame_is_not() -> None:
    given = frame()
    picture = compose(given, is_mirrored=True, is_split=False)
    assert (picture[:, -10:] == 255).all()
    assert (picture[:, :10] == RED).all()
    assert (given.pixels[:, :10] == 255).all()


def test_before_and_after_stand_side_by_side() -> None:
    picture = compose(frame(), is_mirrored=False, is_split=True)
    assert (picture[:, :99] == BLUE).all()
    assert (picture[:, 101:] == RED).all()
    assert (picture[:, 99:101] == 255).all()


def test_before_stays_on_the_left_in_a_mirror() -> None:
    picture = compose(frame(), is_mirrored=True, is_split=True)
    assert (picture[:, :99] == BLUE).all()
    assert (picture[:, -10:] == 255).all()


def test_a_split_without_content_shows_the_frame() -> None:
    plain = Frame(frame().pixels, 0, Fraction(1, 30), 0)
    picture = compose(plain, is_mirrored=False, is_split=True)
    assert (picture == plain.pixels).all()


def test_a_notice_is_written_on_a_dark_picture_and_stays_readable_in_a_mirror() -> None:
    given = frame(notice="camera lost")
    picture = compose(given, is_mirrored=True, is_split=False)
    assert picture[:, 20:100].max() > 150, "white letters"
    assert (picture[-1, :100] == (102, 0, 0)).all(), "darkened"
    assert (given.pixels[:, 20:] == RED).all()
    for_sinks = with_notice_drawn(given)
    assert (for_sinks.pixels[-1, 20:] == (102, 0, 0)).all()
    assert with_notice_drawn(frame()).pixels.max() == 255


def test_a_long_line_is_set_smaller_so_that_it_fits() -> None:
    pixels = np.zeros((120, 200, 3), np.uint8)
    draw_text(pixels, ["a very long line that would never fit into this picture"])
    columns = np.flatnonzero(pixels.any((0, 2)))
    assert columns.max() < 199


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (ord("q"), "q"),
        (ord("?"), "?"),
        (0x100000 | ord("+"), "+"),
        (27, "escape"),
        (65361, "left"),
        (2555904, "right"),
        (ord("Q"), "Q"),
    ],
)
def test_key_codes_have_the_same_name_on_every_system(code: int, name: str) -> None:
    assert key_name(code) == name


@pytest.mark.skipif(sys.platform != "linux", reason="DISPLAY is a thing of Linux")
def test_without_a_display_a_window_is_refused_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(SinkError, match="DISPLAY is not set"):
        Window(width=20, height=10)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="DISPLAY is a thing of Linux")
def test_a_display_that_is_not_there_aborts_only_the_child(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DISPLAY", ":4711")
    assert why_no_display() == "the display does not let a window open"


@pytest.mark.parametrize(
    ("stderr", "said"),
    [
        ("cv2.error: The function is not implemented. Rebuild", "without windows"),
        (
            "ImportError: libGL.so.1: cannot open",
            "misses a library: ImportError: libGL",
        ),
    ],
)
def test_an_opencv_without_windows_is_explained(
    monkeypatch: pytest.MonkeyPatch, stderr: str, said: str
) -> None:
    monkeypatch.setenv("DISPLAY", ":4711")

    def run(*command: object, **options: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess([], 1, "", stderr)

    monkeypatch.setattr("subprocess.run", run)
    assert said in why_no_display()


@pytest.mark.parametrize("num_failing", [1, 2])
def test_a_display_that_fails_for_a_moment_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, num_failing: int
) -> None:
    monkeypatch.setenv("DISPLAY", ":4711")
    monkeypatch.setattr("rtstyle_streams.window.PROBE_PAUSE_SECONDS", 0.0)
    codes = [-6] * num_failing + [0]

    def run(*command: object, **options: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess([], codes.pop(0), "", "cannot connect")

    monkeypatch.setattr("subprocess.run", run)
    assert why_no_display() == ""
    assert not codes, "no more often than needed"


def test_an_opencv_without_windows_is_not_tried_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DISPLAY", ":4711")
    calls: list[object] = []

    def run(*command: object, **options: object) -> subprocess.CompletedProcess[str]:
        calls.append(command)
        return subprocess.CompletedProcess([], 1, "", "The function is not implemented")

    monkeypatch.setattr("subprocess.run", run)
    assert "without windows" in why_no_display()
    assert len(calls) == 1


def test_a_system_without_x11_xcb_is_told_and_does_no_harm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(name: str, mode: int) -> None:
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("ctypes.CDLL", missing)
    assert not load_x11_xcb()
    monkeypatch.setattr("sys.platform", "darwin")
    assert load_x11_xcb(), "only X11 is concerned"


SHOW = """
import numpy as np
from fractions import Fraction
from rtstyle_streams.frame import Frame
from rtstyle_streams.window import Window
pixels = np.zeros((120, 200, 3), np.uint8)
pixels[:] = (255, 128, 0)
def on_key(key):
    print(key, flush=True)
    return key != "q"
window = Window("test window", width=200, height=120, on_key=on_key)
running = True
while running:
    window.write(Frame(pixels, 0, Fraction(1, 30), 0))
    running = window.pump()
window.close()
window.close()
"""


@pytest.mark.display
@pytest.mark.slow
def test_a_real_window_shows_the_colours_and_hears_the_keys(tmp_path: Path) -> None:
    def is_orange(screen: Screen) -> bool:
        pixels = screen.reshape(-1, 3)
        return bool((pixels == (255, 128, 0)).all(1).sum() > 0.9 * 200 * 120)

    with x_server(tmp_path) as server, server.program("-c", SHOW) as program:
        window = server.window("test window", program)
        server.wait_until_seen(is_orange, "the picture", program)
        for key in ("a", "Left"):
            server.press(window, key)
            program.wait_until_it_says(key.lower())
        server.press(window, "q")
        assert program.end() == 0, program.told
        assert program.said.split() == ["a", "left", "q"]
