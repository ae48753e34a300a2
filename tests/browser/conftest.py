"""The studio in Chromium, and pages that fail their test on any error."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.studio_server import Running, running, wait_for
from tests.tiny_paintings import write_network
from tests.tiny_styles import write_negative

OPEN = "!document.getElementById('cover').hidden"
"""Whether there is no picture yet."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")
            item.add_marker("slow")


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Return a running studio; its environment ends with the module's tests."""
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
    from playwright.sync_api import Error

    def is_so() -> bool:
        page.wait_for_timeout(30)
        try:
            return bool(page.evaluate(condition))
        except Error as error:  # the page loads itself again under its own worker
            if "context was destroyed" not in str(error):
                raise
            return False

    wait_for(is_so, seconds=40)
