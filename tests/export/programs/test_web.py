"""A style as a web page: what is in the folder, and what a browser makes of it."""

import contextlib
import functools
import http.server
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtstyle.runtime import open_session
from rtstyle.style_file import FRAME_INPUT, FRAME_OUTPUT, read_style
from rtstyle_export.errors import ExportError
from rtstyle_export.programs import web
from tests.tiny_styles import negative_style, write_negative

STYLES = Path(__file__).parents[3] / "rtstyle" / "styles"
SIZE = (48, 64)
"""Height and width of the pictures that are compared."""


@pytest.fixture
def fake_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand for the npm package: files of a few bytes, whose checksums are known."""
    import hashlib

    package = tmp_path / "node_modules" / "onnxruntime-web"
    (package / "dist").mkdir(parents=True)
    sums = {}
    for name in web.FILES:
        (package / "dist" / name).write_text(name)
        sums[name] = hashlib.sha256(name.encode()).hexdigest()
    monkeypatch.setattr(web, "FILES", sums)
    monkeypatch.delenv(web.VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    return package


def test_a_folder_holds_the_page_the_style_and_the_runtime(fake_package: Path) -> None:
    folder = web.export_web(write_negative(Path.cwd()))
    assert folder == Path("negative_web")
    assert {p.name for p in folder.iterdir()} == {
        "index.html",
        "style.onnx",
        *web.FILES,
    }
    card = read_style(folder / "style.onnx").card
    assert card["title"] == "Negative" and card["variant_of_sha256"]


def test_an_int8_page_holds_nothing_of_webgpu(fake_package: Path) -> None:
    folder = web.export_web(STYLES / "starry_night.onnx", precision="int8")
    names = {path.name for path in folder.iterdir()}
    assert names == {"index.html", "style.onnx", *web.FILES} - {*web.FILES_OF_WEBGPU}
    assert read_style(folder / "style.onnx").card["precision"] == "int8"


def test_a_title_is_text_whatever_it_holds(fake_package: Path) -> None:
    page = web.page_of("<script>alert('x')</script>")
    assert "<script>alert" not in page and "&lt;script&gt;" in page


def test_the_page_is_short() -> None:
    assert len(web.page_of("x").splitlines()) <= 100


def test_without_the_package_one_line_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(web.VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    said = r"got none; run npm install onnxruntime-web@1\.30\.0 here, or name"
    with pytest.raises(ExportError, match=said):
        web.export_web(write_negative(tmp_path))
    assert not (tmp_path / "negative_web").exists()


def test_another_version_of_the_package_is_refused(fake_package: Path) -> None:
    name = next(iter(web.FILES))
    (fake_package / "dist" / name).write_text("another")
    with pytest.raises(ExportError, match=r"expected the file of onnxruntime-web 1\."):
        web.export_web(write_negative(Path.cwd()))
    (fake_package / "dist" / name).unlink()
    with pytest.raises(ExportError, match="got none"):
        web.export_web(write_negative(Path.cwd()))


def test_a_folder_that_exists_is_kept(fake_package: Path) -> None:
    Path("negative_web").mkdir()
    with pytest.raises(ExportError, match="exists already; use --overwrite"):
        web.export_web(write_negative(Path.cwd()))


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder and says nothing."""

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an exported folder, with what npm has of onnxruntime-web."""
    if not os.environ.get(web.VARIABLE):
        pytest.skip(f"no onnxruntime-web: {web.VARIABLE} is not set")
    target = tmp_path_factory.mktemp("web") / "page"
    return web.export_web(STYLES / "starry_night.onnx", target)


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """Hand out a folder and return its address."""
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="module")
def page(folder: Path, browser: Any) -> Iterator[Any]:
    """Return the page in headless Chromium, with a camera that is not one."""
    with served(folder) as address:
        opened = browser.new_page(viewport={"width": 800, "height": 820})
        opened.goto(f"{address}?device=cpu")
        opened.evaluate("window.rtstyle.ready")
        yield opened
        opened.close()


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_bytes_stay_on_the_cpu_where_there_is_a_gpu(
    folder: Path, browser: Any, tmp_path: Path, precision: str
) -> None:
    source = STYLES / "starry_night.onnx"
    target = web.export_web(source, tmp_path / "page", precision=precision)
    names: list[str] = []
    with served(target) as address:
        page = browser.new_page()
        page.on("request", lambda request: names.append(Path(request.url).name))
        page.add_init_script(  # an adapter that says it is one, and is none
            "Object.defineProperty(navigator, 'gpu', { value: {"
            " requestAdapter: async () => ({ info: { isFallbackAdapter: false } }) } })"
        )
        page.goto(address)
        page.evaluate("window.rtstyle.ready.catch(() => {})")
        said = page.evaluate("document.getElementById('says').textContent")
        page.close()
    assert said.startswith("Ready on the CPU"), "which goes on where the GPU fails"
    asked = set(web.FILES_OF_WEBGPU) & set(names)
    assert bool(asked) == (precision == "fp32")


@pytest.mark.browser
@pytest.mark.slow
def test_a_browser_paints_the_bytes_that_python_paints(folder: Path, page: Any) -> None:
    height, width = SIZE
    frame = np.random.default_rng(5).integers(0, 256, (*SIZE, 3), np.uint8)
    rgba = np.dstack([frame, np.full(SIZE, 255, np.uint8)])
    made = page.evaluate(
        "async ([data, w, h]) => Array.from("
        "await window.rtstyle.stylize(new Uint8ClampedArray(data), w, h))",
        [rgba.ravel().tolist(), width, height],
    )
    got = np.array(made, np.uint8).reshape(height, width, 4)
    session = open_session((folder / "style.onnx").read_bytes(), device="cpu")
    wanted = session.run({FRAME_INPUT: frame})[FRAME_OUTPUT]
    assert np.abs(got[..., :3].astype(int) - wanted).max() <= 1
    assert (got[..., 3] == 255).all()


@pytest.mark.browser
@pytest.mark.slow
def test_the_camera_is_shown_stylized(page: Any, tmp_path: Path) -> None:
    page.click("#camera")
    page.wait_for_function(
        "document.getElementById('says').textContent.includes('a frame on the CPU')",
        timeout=60_000,
    )
    path = Path(os.environ.get("RTSTYLE_SCREENSHOT", tmp_path / "page.png"))
    page.screenshot(path=path)
    assert path.stat().st_size > 10_000
    colours = page.evaluate(
        "(() => { const c = document.getElementById('picture'); const d = "
        "c.getContext('2d').getImageData(0, 0, c.width, c.height).data; "
        "return new Set(new Uint32Array(d.buffer)).size; })()"
    )
    assert colours > 1000, "the fake camera's flat colours have no strokes"


@pytest.mark.browser
@pytest.mark.slow
def test_a_picture_file_is_shown_stylized(page: Any, tmp_path: Path) -> None:
    import cv2

    path = tmp_path / "grey.png"
    cv2.imwrite(str(path), np.full((100, 150, 3), 128, np.uint8))
    page.set_input_files("#file", str(path))
    page.wait_for_function(
        "document.getElementById('says').textContent.startsWith('150×100,')",
        timeout=60_000,
    )


def test_the_style_of_a_page_is_an_ordinary_style(fake_package: Path) -> None:
    Path("own.onnx").write_bytes(negative_style({"name": "own"}))
    folder = web.export_web(Path("own.onnx"), Path("there"))
    assert read_style(folder / "style.onnx").name == "own"
