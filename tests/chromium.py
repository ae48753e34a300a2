"""Chromium for the tests: one for the session, as one process holds one Playwright."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def browser_path() -> str:
    """Return where a browser is, or skip."""
    found = [path for name in BROWSERS if (path := shutil.which(name))]
    if not found:
        pytest.skip("no Chromium")
    return found[0]


@pytest.fixture(scope="session")
def camera_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a film of JPEGs that plays the browser's camera: a red square moves."""
    return write_camera_film(tmp_path_factory.mktemp("camera") / "camera.mjpeg")


def write_camera_film(path: Path) -> Path:
    """Write 30 pictures of 640x360, which Chromium repeats, and return `path`."""
    with path.open("wb") as file:
        for index in range(30):
            picture = np.full((360, 640, 3), 230, np.uint8)
            picture[100:260, 10 * index : 10 * index + 160] = (20, 20, 220)
            file.write(cv2.imencode(".jpg", picture)[1].tobytes())
    return path


@pytest.fixture(scope="session")
def browser(camera_film: Path) -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    path = browser_path()
    with playwright.sync_playwright() as play:
        launched = play.chromium.launch(
            executable_path=path,
            args=[
                "--no-sandbox",
                "--use-fake-device-for-media-stream",
                "--use-fake-ui-for-media-stream",
                f"--use-file-for-fake-video-capture={camera_film}",
                "--host-resolver-rules=MAP evil.test 127.0.0.1",
            ],
        )
        yield launched
        launched.close()
