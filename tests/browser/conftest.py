"""Chromium, and pages that fail their test on any error."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.studio_server import Running, running, wait_for
from tests.tiny_paintings import write_network
from tests.tiny_styles import write_negative

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
OPEN = "!document.getElementById('cover').hidden"
"""Whether there is no picture yet."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")
            item.add_marker("slow")


def browser_path() -> str:
    """Return where a browser is, or skip."""
    found = [path for name in BROWSERS if (path := shutil.which(name))]
    if not found:
        pytest.skip("no Chromium")
    return found[0]


@pytest.fixture(scope="session")
def camera_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a film of JPEGs that plays the browser's camera: a red square moves."""
    path = tmp_path_factory.mktemp("camera") / "camera.mjpeg"
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


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("studio")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(folder / "xdg"))
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        patch.setenv("RTSTYLE_RUNTIME", "onnxruntime")
        network = str(write_network(folder / "network"))
        patch.setenv("RTSTYLE_PAINTING_NETWORK", network)
        with running(folder, style=str(write_negative(folder))) as found:
            found.studio.thumbnails.want(found.studio.shelf.all())
            yield found


REFUSED = "the server responded with a status of 400"
"""Chromium's note about an answer that the page shows as a refusal."""


def is_fault(line: Any) -> bool:
    return line.type == "error" and REFUSED not in line.text


OpenPage = Callable[..., Any]
"""Opens the studio's page; arguments go to the browser's context."""


@pytest.fixture
def open_page(browser: Any, studio: Running) -> Iterator[OpenPage]:
    errors: list[str] = []
    contexts: list[Any] = []

    def open_one(
        path: str = "", *, secret: str | None = None, wait: bool = True, **context: Any
    ) -> Any:
        context.setdefault("viewport", {"width": 1280, "height": 800})
        contexts.append(browser.new_context(accept_downloads=True, **context))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on(
            "console",
            lambda line: errors.append(line.text) if is_fault(line) else None,
        )
        token = f"#token={studio.guard.token}" if secret is None else secret
        page.goto(f"http://{studio.host}/{path}{token}")
        if wait:
            until(page, f"!({OPEN})")
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert errors == []


def until(page: Any, condition: str) -> None:
    """Wait until something is so on the page; the page's rules forbid other ways."""

    def is_so() -> bool:
        page.wait_for_timeout(30)
        return bool(page.evaluate(condition))

    wait_for(is_so, seconds=40)
