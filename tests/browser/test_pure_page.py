"""The page without a server, in a real browser: the same bytes as Python, offline."""

import functools
import http.server
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("starlette")

from rtstyle.errors import UsageError
from rtstyle.gallery.find import load_style, style_files
from rtstyle.metrics.psnr import psnr_db
from rtstyle.paintings.network import painting_network
from rtstyle.paintings.picture import shown
from rtstyle.runtime.onnxruntime import OrtSession
from rtstyle.studio.export_page import RUNTIME_FILES, export_page
from rtstyle.style_file import bundled_folder
from rtstyle.twins import with_precision
from tests.browser.conftest import until
from tests.chromium import browser_path
from tests.conftest import ROOT

VARIABLE = "RTSTYLE_ONNXRUNTIME_WEB"
"""Environment variable: the folder of the npm package onnxruntime-web."""
ASK = """async ([message, text]) => {
  const { Engine } = await import("./engine_link.js");
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  window.engine ??= new Engine();
  const began = performance.now();
  const answer = await window.engine.ask({ ...message, pixels: bytes,
    modulation: message.modulation && Float32Array.from(message.modulation) });
  return { values: Array.from(answer.pixels ?? answer.modulation ?? []),
    where: answer.where, ms: performance.now() - began };
}"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    extensions_map = {
        **http.server.SimpleHTTPRequestHandler.extensions_map,
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
    }

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture(scope="module")
def page_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    package = os.environ.get(VARIABLE, ROOT / "node_modules" / "onnxruntime-web")
    runtime = Path(package) / "dist"
    if not runtime.is_dir():
        pytest.skip(f"no onnxruntime-web; {VARIABLE} names its folder")
    folder = tmp_path_factory.mktemp("pure")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RTSTYLE_RUNTIME", "onnxruntime")
        num_bytes = export_page(folder, runtime=runtime)
    assert 40e6 < num_bytes < 64e6
    return folder


@pytest.fixture(scope="module")
def address(page_folder: Path) -> Iterator[str]:
    handler = functools.partial(Quiet, directory=str(page_folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def pure(browser: Any, address: str) -> Iterator[Any]:
    """The page, once it has painted its first picture."""
    errors: list[str] = []
    context = browser.new_context(accept_downloads=True)
    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    page.goto(address)
    until(page, "document.getElementById('cover')?.hidden === true")
    yield page
    assert errors == []
    context.close()


def ask(page: Any, pixels: Any, **message: Any) -> Any:
    import base64

    height, width = pixels.shape[:2]
    message |= {"width": width, "height": height}
    text = base64.b64encode(pixels.tobytes()).decode()
    return page.evaluate(ASK, [message, text])


FRAME = np.random.default_rng(1).integers(0, 256, (64, 96, 3), np.uint8)
NAMES = [
    name for name, path in style_files().items() if path.parent == bundled_folder()
]


def test_it_has_threads_though_the_server_sets_no_headers(pure: Any) -> None:
    assert pure.evaluate("crossOriginIsolated")


def by_python(name: str, frame: np.ndarray, *, precision: str = "fp32") -> np.ndarray:
    style = load_style(name)
    model = (
        style.model if precision == "fp32" else with_precision(style, precision).model
    )
    return OrtSession(model, device="cpu").run({"frame": frame})["stylized"].astype(int)


@pytest.mark.parametrize("name", NAMES)
def test_every_style_gives_the_bytes_of_python(pure: Any, name: str) -> None:
    answer = ask(pure, FRAME, do="run", file=f"styles/{name}.onnx")
    found = np.array(answer["values"]).reshape(FRAME.shape)
    assert np.abs(found - by_python(name, FRAME)).max() <= 1
    assert answer["where"].startswith("processor")


@pytest.mark.parametrize("name", NAMES)
def test_every_twin_gives_the_picture_of_python(pure: Any, name: str) -> None:
    files = {"file": f"styles/{name}.onnx", "light": f"styles/{name}.int8.onnx"}
    answer = ask(pure, FRAME, do="run", **files)
    found = np.array(answer["values"]).reshape(FRAME.shape)
    apart = found - by_python(name, FRAME, precision="int8")
    assert psnr_db(float((apart**2).mean())) > 40, "it rounds a little differently"
    if name == "starry_night":
        assert (found != by_python(name, FRAME)).any(), "the twin ran"


@pytest.fixture(scope="module")
def with_gpu(browser: Any, address: str) -> Iterator[Any]:
    """A page of a browser whose GPU is SwiftShader: WebGPU, but no real adapter."""
    flags = [
        "--no-sandbox",
        "--enable-unsafe-webgpu",
        "--use-webgpu-adapter=swiftshader",
    ]
    kind = browser.browser_type
    path = browser_path()
    launched = kind.launch(executable_path=path, args=flags)
    page = launched.new_page()
    page.goto(address)
    until(page, "document.getElementById('cover')?.hidden === true")
    yield page
    launched.close()


def test_a_gpu_that_is_none_is_not_taken(with_gpu: Any) -> None:
    adapter = "navigator.gpu.requestAdapter().then((a) => a.info.isFallbackAdapter)"
    assert with_gpu.evaluate(adapter), "SwiftShader is there"
    assert "processor" in with_gpu.evaluate(
        "document.getElementById('figures').textContent"
    )
    fetched = "performance.getEntriesByType('resource').map((row) => row.name).join()"
    assert "webgpu" not in with_gpu.evaluate(fetched)


def test_webgpu_gives_the_bytes_of_python(with_gpu: Any) -> None:
    small = np.ascontiguousarray(FRAME[:32, :48])
    ask(with_gpu, small, do="begin", takesFallback=True)
    files = {"file": "styles/starry_night.onnx", "light": "styles/none.int8.onnx"}
    answer = ask(with_gpu, small, do="run", **files)
    assert answer["where"] == "GPU"
    found = np.array(answer["values"]).reshape(small.shape)
    assert np.abs(found - by_python("starry_night", small)).max() <= 1


def test_a_gpu_that_fails_is_left_for_the_processor(with_gpu: Any) -> None:
    ask(with_gpu, FRAME, do="begin", takesFallback=True)
    files = {"file": "styles/no_such.onnx", "light": "styles/scream.int8.onnx"}
    answer = ask(with_gpu, FRAME, do="run", **files)
    assert answer["where"].startswith("processor")


def test_a_painting_gives_the_bytes_of_python(pure: Any) -> None:
    network = painting_network()
    painting = shown(np.repeat(FRAME, 4, axis=0), side=network.side)
    answer = ask(pure, painting, do="encode", file="styles/encoder.onnx")
    modulation = np.array(answer["values"], np.float32)
    assert np.abs(modulation - network.encode(painting)).max() < 1e-3
    answer = ask(
        pure,
        FRAME,
        do="run",
        file="styles/painting.onnx",
        modulation=modulation.tolist(),
    )
    style = network.fold(network.encode(painting), {"name": "x", "title": "x"})
    expected = OrtSession(style.model, device="cpu").run({"frame": FRAME})["stylized"]
    found = np.array(answer["values"]).reshape(FRAME.shape)
    assert np.abs(found - expected.astype(int)).max() <= 1


@pytest.mark.parametrize("name", ["stained_glass", "woodcut", "red_fuji"])
def test_a_modulation_gives_the_bytes_of_python(
    pure: Any, page_folder: Path, name: str
) -> None:
    table = json.loads((page_folder / "styles.json").read_text())
    (row,) = [row for row in table["styles"] if row["name"] == name]
    answer = ask(
        pure,
        FRAME,
        do="run",
        file=table["painting"]["network"],
        modulation=row["modulation"],
    )
    found = np.array(answer["values"]).reshape(FRAME.shape)
    assert np.abs(found - by_python(name, FRAME)).max() <= 1
    assert (page_folder / "thumbs" / f"{name}.webp").stat().st_size > 1000


def test_a_style_is_chosen_and_a_snapshot_saved(pure: Any) -> None:
    pure.get_by_role("button", name="The Scream").click()
    pure.locator("#split").fill("0.5")
    with pure.expect_download() as waiting:
        pure.get_by_role("button", name="Snapshot").click()
    assert waiting.value.path().stat().st_size > 20000


def test_it_comes_up_again_without_a_network(pure: Any) -> None:
    pure.context.set_offline(True)
    pure.reload()
    until(pure, "document.getElementById('cover')?.hidden === true")
    assert pure.evaluate("crossOriginIsolated")
    pure.context.set_offline(False)


def test_another_runtime_is_refused(tmp_path: Path) -> None:
    for name in RUNTIME_FILES:
        (tmp_path / name).write_bytes(b"other")
    with pytest.raises(UsageError, match="expected SHA-256 219e6a1fc8a9"):
        export_page(tmp_path / "page", runtime=tmp_path)
    assert not (tmp_path / "page").exists()


def test_a_page_that_cannot_be_written_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = os.environ.get(VARIABLE)
    if package is None:
        pytest.skip(f"no onnxruntime-web; {VARIABLE} names its folder")

    def fill(folder: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("rtstyle.studio.export_page._write_styles", fill)
    with pytest.raises(UsageError, match="cannot be written .No space left"):
        export_page(tmp_path / "page", runtime=Path(package))
    assert not list(tmp_path.iterdir())


def test_a_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected an empty folder"):
        export_page(tmp_path.parent, runtime=tmp_path)
