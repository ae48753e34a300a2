"""`rtstyle webcam` in a real window, with real keys."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import cv2
import pytest

from tests.camera_vm.tiny_style import write_inverting_style
from tests.streams.x_server import Program, Screen, XServer, x_server

pytestmark = [pytest.mark.display, pytest.mark.slow]

EFFECTS = {
    "n": "style two",
    "minus": "strength 0.9",
    "c": "colours of the camera",
    "t": "smoothing gate",
    "m": "mirror all",
    "s": "snapshot ",
    "r": "recording to ",
}
"""What each key makes the program tell."""


@contextmanager
def webcam(server: XServer, folder: Path, *arguments: str) -> Iterator[Program]:
    """Run `rtstyle webcam` with two styles; recordings go to `folder`."""
    styles = [
        str(write_inverting_style(folder / f"{name}.onnx", name=name))
        for name in ("one", "two")
    ]
    command = ["-m", "rtstyle", "webcam", "--camera", "sample:", "--json"]
    options = ["--size", "640x360", "--smooth", "off", "--folder", str(folder)]
    chosen = ["--style", styles[0], "--style", styles[1], "--device", "cpu"]
    with server.program(*command, *options, *chosen, *arguments) as program:
        yield program


class Watched:
    """A window whose pictures are kept in a folder, to be looked at."""

    def __init__(self, server: XServer, program: Program, folder: Path) -> None:
        self.server, self.program, self._folder = server, program, folder
        self.window = server.window("^rtstyle$", program)

    def press(self, key: str) -> None:
        self.server.press(self.window, key)

    def until(self, name: str, *, same: Screen | None, as_it: bool = True) -> Screen:
        """Wait until the screen is, or is not, as `same`; None: until it is bright."""

        def is_so(screen: Screen) -> bool:
            if same is None:
                return bool(screen.max() > 100)
            return bool((screen == same).all()) == as_it

        screen = self.server.wait_until_seen(is_so, name, self.program)
        cv2.imwrite(str(self._folder / f"{name}.png"), screen[..., ::-1])
        return screen

    def until_still(self, name: str) -> Screen:
        """Wait until the picture has not changed for a second; it moves otherwise."""
        last = [self.server.screenshot()]
        since = [time.monotonic()]

        def is_still(screen: Screen) -> bool:
            if (screen != last[0]).any():
                last[0], since[0] = screen, time.monotonic()
            return time.monotonic() - since[0] > 1.0

        screen = self.server.wait_until_seen(is_still, name, self.program)
        cv2.imwrite(str(self._folder / f"{name}.png"), screen[..., ::-1])
        return screen


def test_the_window_answers_every_key_and_q_ends_it(tmp_path: Path) -> None:
    outputs = ("--output", "window", "--output", "null:")
    with x_server(tmp_path) as server, webcam(server, tmp_path, *outputs) as program:
        watched = Watched(server, program, tmp_path)
        watched.until("1-plain", same=None)
        watched.press("space")
        still = watched.until_still("2-paused")
        for key, name in (("question", "3-help"), ("b", "4-split"), ("h", "5-figures")):
            watched.press(key)
            watched.until(name, same=still, as_it=False)
            watched.press(key)
            watched.until(f"{name}-gone", same=still)
        watched.press("space")
        watched.until("6-goes-on", same=still, as_it=False)
        for key, effect in EFFECTS.items():
            watched.press(key)
            program.wait_until_it_tells(effect)
        watched.until("7-controls", same=None)
        time.sleep(1)  # something to record
        watched.press("r")
        program.wait_until_it_tells("recorded ")
        watched.press("q")
        assert program.end() == 0, program.told
    (snapshot,) = tmp_path.glob("rtstyle-*.png")
    shot = cv2.imread(str(snapshot))
    assert shot is not None
    assert shot.shape == (360, 640, 3)
    (recording,) = tmp_path.glob("rtstyle-*.mkv")
    with av.open(str(recording)) as film:
        assert sum(1 for _ in film.decode(video=0)) > 5
    assert "Traceback" not in program.told
    assert json.loads(program.said)["age"]["window"]["num_samples"] > 20


def test_closing_the_window_is_a_normal_end(tmp_path: Path) -> None:
    with x_server(tmp_path) as server, webcam(server, tmp_path) as program:
        watched = Watched(server, program, tmp_path)
        watched.until("1-plain", same=None)
        server.click_away(watched.window)
        assert program.end() == 0, program.told
