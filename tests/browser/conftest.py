"""The studio in Chromium, and pages that fail their test on any error."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.studio_server import Running, studio, wait_for

__all__ = ["studio"]

OPEN = "!document.getElementById('cover').hidden"
"""Whether there is no picture yet."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")
            item.add_marker("slow")


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
    studio.studio.thumbnails.want(studio.studio.shelf.all())

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
