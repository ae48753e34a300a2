"""`rtstyle webcam` in a real window, with real keys."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from tests.camera_vm.tiny_style import write_inverting_style
from tests.streams.x_server import XServer, x_server

pytestmark = [pytest.mark.display, pytest.mark.slow]


@contextmanager
def webcam(
    server: XServer, folder: Path, *arguments: str
) -> Iterator[subprocess.Popen[str]]:
    """Run `rtstyle webcam` with two styles; recordings go to `folder`."""
    styles = [
        str(write_inverting_style(folder / f"{name}.onnx", name=name))
        for name in ("one", "two")
    ]
    command = ["-m", "rtstyle", "webcam", "--camera", "sample:", "--json"]
    options = ["--size", "640x360", "--smooth", "off", "--folder", str(folder)]
    chosen = ["--style", styles[0], "--style", styles[1], "--device", "cpu"]
    with server.program(*command, *options, *chosen, *arguments) as child:
        yield child


def save(
    server: XServer, folder: Path, name: str
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    picture = server.screenshot()
    cv2.imwrite(str(folder / f"{name}.png"), picture[..., ::-1])
    return picture


def test_the_window_answers_every_key_and_q_ends_it(tmp_path: Path) -> None:
    outputs = ("--output", "window", "--output", "null:")
    with x_server(tmp_path) as server, webcam(server, tmp_path, *outputs) as child:
        window = server.window("rtstyle", child)
        time.sleep(1.5)
        plain = save(server, tmp_path, "1-plain")
        server.press(window, "question")
        helped = save(server, tmp_path, "2-help")
        server.press(window, "question")
        server.press(window, "h")
        save(server, tmp_path, "3-figures")
        server.press(window, "b")
        save(server, tmp_path, "4-split")
        server.press(window, "b")
        for key in ("s", "r"):
            server.press(window, key)
        time.sleep(1)
        for key in ("r", "n", "minus", "c", "t", "m"):
            server.press(window, key)
        save(server, tmp_path, "5-controls")
        server.press(window, "space")
        server.press(window, "h")
        time.sleep(5)  # messages go
        still = save(server, tmp_path, "6-paused")
        assert (save(server, tmp_path, "7-paused") == still).all()
        server.press(window, "q")
        said, told = child.communicate(timeout=30)
    assert child.returncode == 0, told
    assert plain.max() > 100
    assert (helped != plain).any()
    (snapshot,) = tmp_path.glob("rtstyle-*.png")
    shot = cv2.imread(str(snapshot))
    assert shot is not None
    assert shot.shape == (360, 640, 3)
    (recording,) = tmp_path.glob("rtstyle-*.mkv")
    with av.open(str(recording)) as film:
        assert sum(1 for _ in film.decode(video=0)) > 5
    for text in ("style ", "strength 0.9", "smoothing gate", "mirror all"):
        assert text in told
    assert "Traceback" not in told
    assert json.loads(said)["age"]["window"]["num_samples"] > 20


def test_closing_the_window_is_a_normal_end(tmp_path: Path) -> None:
    with x_server(tmp_path) as server, webcam(server, tmp_path) as child:
        window = server.window("rtstyle", child)
        time.sleep(1)
        server.click_away(window)
        _, told = child.communicate(timeout=30)
    assert child.returncode == 0, told
