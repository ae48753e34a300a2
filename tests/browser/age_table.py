"""How old the studio's picture is in a browser, by hand.

``python -m tests.browser.age_table [SECONDS]`` starts `rtstyle studio` and Chromium
with a false camera of 640x360 at 30 frames a second. The camera's pictures go up over
the WebSocket and come back painted. It prints rows of ages, from the moment the browser
took a picture to the moment its painted one is on the canvas, and of memory; then the
same with a reader that needs 200 ms a picture, and with 50 that look on, in turns.
"""

import asyncio
import contextlib
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import psutil
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from rtstyle.studio.broadcast import HEAD
from rtstyle.studio.security import SUBPROTOCOL, TOKEN_MARK, Guard
from tests.chromium import browser_path, write_camera_film
from tests.studio_server import Running, wait_for

SAMPLE_SECONDS: Final = 30
"""Between two rows of the long run."""
TURN_SECONDS: Final = 20
"""Of each turn with and without others that look on."""
SLOW_SECONDS: Final = 0.2
"""That the slow reader needs for a picture."""
NUM_VIEWERS: Final = 50
KEEP_AGES: Final = ("note(age) {", "note(age) { (globalThis.allAges ??= []).push(age);")
"""What the page's picture.js is given, so that it keeps every age."""


@dataclass(slots=True)
class Readers:
    """Connections that look on, on a thread of their own, while it is entered."""

    studio: Running
    count: int
    seconds: float
    """That each needs for a picture."""
    ages: list[float] = field(default_factory=list)
    """Of the pictures when they were taken, in ms."""
    _over: threading.Event = field(default_factory=threading.Event)

    async def _read(self) -> None:
        secret = Subprotocol(f"{TOKEN_MARK}{self.studio.guard.token}")
        address = f"ws://{self.studio.host}/ws/view"
        protocols = [Subprotocol(SUBPROTOCOL), secret]
        async with connect(address, subprotocols=protocols, proxy=None) as socket:
            while not self._over.is_set():
                message = await socket.recv()
                if isinstance(message, bytes):
                    taken_ms = HEAD.unpack(message[: HEAD.size])[6]
                    await asyncio.sleep(self.seconds)
                    self.ages.append(time.time() * 1e3 - taken_ms)
                    await socket.send("a")

    async def _read_all(self) -> None:
        await asyncio.gather(*(self._read() for _ in range(self.count)))

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Look on."""
        thread = threading.Thread(target=lambda: asyncio.run(self._read_all()))
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join(20)


@contextmanager
def process(folder: Path) -> Iterator[tuple[Running, psutil.Process]]:
    """Start `rtstyle studio` as people do, with one bundled style."""
    log = folder / "log.txt"
    words = ["studio", "--no-browser", "--camera", "sample:", "--size", "640x360"]
    words += ["--style", "starry_night", "--folder", str(folder / "out")]
    homes = {f"XDG_{name}_HOME": str(folder / name) for name in ("DATA", "CACHE")}
    with log.open("wb") as told:
        run = subprocess.Popen(
            [sys.executable, "-m", "rtstyle", *words],
            stderr=told,
            env=os.environ | homes,
        )
    try:
        wait_for(lambda: b"Ctrl-C" in log.read_bytes())
        found = re.search(r":(\d+)/#token=(\S+)", log.read_text("utf-8"))
        assert found is not None
        guard = Guard(port=int(found[1]))
        guard.token = found[2]
        studio = Running(None, guard, int(found[1]))  # type: ignore[arg-type]
        wait_for(lambda: studio.state()["is_ready"])
        yield studio, psutil.Process(run.pid)
    finally:
        run.terminate()
        run.wait(20)


@contextmanager
def page_of(studio: Running, folder: Path) -> Iterator[Any]:
    """Open the studio's page in Chromium; its camera is chosen."""
    from playwright.sync_api import Route, sync_playwright

    def keep_ages(route: Route) -> None:
        answer = route.fetch()
        text = answer.text()
        assert KEEP_AGES[0] in text, "the page keeps its ages elsewhere"
        route.fulfill(response=answer, body=text.replace(*KEEP_AGES))

    film = write_camera_film(folder / "camera.mjpeg")
    false_camera = [
        "--no-sandbox",
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={film}",
    ]
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=browser_path(), args=false_camera
        )
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.route("**/page/picture.js", keep_ages)
        page.goto(f"http://{studio.host}/#token={studio.guard.token}")
        page.locator("#camera").select_option("page")
        wait_for(lambda: studio.state()["camera"]["id"] == "page")
        yield page
        browser.close()


def taken_ages(page: Any) -> list[float]:
    """Return the ages since the last call, in ms."""
    ages: list[float] = page.evaluate("globalThis.allAges?.splice(0) ?? []")
    return ages


def megabytes(processes: list[psutil.Process]) -> float:
    """Return the unshared memory of processes; those that ended count nothing."""
    total = 0
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            total += process.memory_full_info().uss
    return total / 2**20


def browser_processes() -> list[psutil.Process]:
    """Return Chromium's processes, which are this one's children."""
    rows = psutil.Process().children(recursive=True)
    return [row for row in rows if "chrom" in row.name()]


def figures(ages: list[float], seconds: float) -> str:
    """Return pictures a second and three percentiles of their ages."""
    if not ages:
        return "no picture"
    p50, p99 = np.percentile(ages, (50, 99))
    return (
        f"{len(ages) / seconds:5.1f} fps  age p50 {p50:4.0f}  p99 {p99:4.0f}"
        f"  max {max(ages):4.0f} ms"
    )


def long_run(page: Any, server: psutil.Process, seconds: int) -> None:
    """Print ages and memory every half minute, and the ages of the whole."""
    every: list[float] = []
    taken_ages(page)
    for at in range(SAMPLE_SECONDS, seconds + 1, SAMPLE_SECONDS):
        page.wait_for_timeout(SAMPLE_SECONDS * 1000)
        ages = taken_ages(page)
        every += ages
        studio_mb, page_mb = megabytes([server]), megabytes(browser_processes())
        print(
            f"{at:4d} s  {figures(ages, SAMPLE_SECONDS)}"
            f"  studio {studio_mb:.0f} MB  browser {page_mb:.0f} MB",
            flush=True,
        )
    print(f"whole   {figures(every, seconds)}", flush=True)


def turn(page: Any, label: str, others: Readers | None) -> None:
    """Print the page's ages while others look on."""
    around: Callable[[], contextlib.AbstractContextManager[None]]
    around = contextlib.nullcontext if others is None else others.entered
    with around():
        page.wait_for_timeout(3000)
        taken_ages(page)
        if others is not None:
            others.ages.clear()
        page.wait_for_timeout(TURN_SECONDS * 1000)
        ages = taken_ages(page)
    theirs = "" if others is None else f"  | they: {figures(others.ages, TURN_SECONDS)}"
    print(f"{label:12}{figures(ages, TURN_SECONDS)}{theirs}", flush=True)


def main(seconds: int) -> None:
    """Print all rows."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with process(folder) as (studio, server), page_of(studio, folder) as page:
            page.wait_for_timeout(10_000)  # the gallery's pictures are made first
            long_run(page, server, seconds)
            for _ in range(2):
                turn(page, "alone", None)
                turn(page, "200 ms", Readers(studio, 1, SLOW_SECONDS))
                turn(page, f"{NUM_VIEWERS} viewers", Readers(studio, NUM_VIEWERS, 0.0))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
