"""The page without a server: a folder of files that any host can serve."""

import hashlib
import json
import shutil
import tempfile
from importlib import resources
from pathlib import Path
from typing import Any, Final

from rtstyle.errors import UsageError
from rtstyle.gallery.find import read_named, style_files, user_folder
from rtstyle.paintings.live_network import live_style
from rtstyle.paintings.modulation_file import DECIMALS
from rtstyle.paintings.network import painting_network
from rtstyle.studio.page_files import page_folder
from rtstyle.studio.shelf import Shelf, ShelfStyle
from rtstyle.studio.thumbnails import sample_picture, thumbnail, webp
from rtstyle.twins import existing_twin_path
from rtstyle_streams.frame import Pixels
from rtstyle_streams.pictures.picture_file import encode_picture

RUNTIME_VERSION: Final = "1.30.0"
"""Of onnxruntime-web."""
RUNTIME_FILES: Final = {
    "ort.wasm.min.mjs": (
        "219e6a1fc8a9938268d18efca3c91d310bd2f4a59bbd13744df5b2b7fc6cee3b"
    ),
    "ort-wasm-simd-threaded.mjs": (
        "e13f7f94fc51b4ca72b12faeb1ee95f4ace6dfbc8939bc718aabdc0a27c4299b"
    ),
    "ort-wasm-simd-threaded.wasm": (
        "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2"
    ),
    "ort.webgpu.bundle.min.mjs": (
        "0730816731ce2cdfb06f273da065d4a1c7091eb9d1756a83b2916c8a89d015e2"
    ),
    "ort-wasm-simd-threaded.asyncify.wasm": (
        "39f9f0894d478800487ed9f7dbe92618498db320cf55c8e3d89adff8dce658da"
    ),
}
"""Files of that version, and their SHA-256."""
FOR_GPU: Final = ("ort.webgpu.bundle.min.mjs", "ort-wasm-simd-threaded.asyncify.wasm")
"""Those of them that a browser fetches only when it has a GPU."""
SHARED_FILES: Final = (
    "studio.css",
    "record.js",
    "microphone.js",
    "controls.js",
    "icon.svg",
)
"""Of the studio's page."""
ENCODER, NETWORK = "styles/encoder.onnx", "styles/painting.onnx"
"""Where any painting's two networks are."""


def export_page(folder: Path, *, runtime: Path) -> int:
    """Write the page into a new or empty folder: all of it, or nothing.

    Args:
        folder: Where.
        runtime: The folder of the npm package onnxruntime-web, or its ``dist``.

    Returns:
        How many bytes it holds.

    Raises:
        UsageError: the folder holds something or cannot be written, or the runtime is
            another one.
    """
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise UsageError(f"--export-page {folder}: expected an empty folder")
    if (runtime / "dist").is_dir():
        runtime = runtime / "dist"
    runtime_files = {name: _checked(runtime / name) for name in RUNTIME_FILES}
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            prefix=f".{folder.name}-", dir=folder.parent
        ) as name:
            part = Path(name) / folder.name
            _write(part, runtime_files)
            if folder.exists():
                folder.rmdir()
            part.rename(folder)
    except OSError as error:
        raise UsageError(
            f"--export-page {folder}: cannot be written ({error.strerror})"
        ) from error
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _write(folder: Path, runtime_files: dict[str, bytes]) -> None:
    """Write every file of the page."""
    for part in ("styles", "thumbs", "ort"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for name, data in runtime_files.items():
        (folder / "ort" / name).write_bytes(data)
    for name in SHARED_FILES:
        shutil.copyfile(page_folder() / name, folder / name)
    pure = Path(str(resources.files("rtstyle") / "studio" / "pure"))
    for path in pure.iterdir():
        if path.is_file():
            shutil.copyfile(path, folder / path.name)
    _write_styles(folder)
    _write_worker(folder)


def _checked(path: Path) -> bytes:
    """Return a file of the runtime, if it is the one that was tried.

    Raises:
        UsageError: it is missing or another one.
    """
    hint = (
        f"npm install onnxruntime-web@{RUNTIME_VERSION}, then --runtime-from "
        "node_modules/onnxruntime-web/dist"
    )
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); {hint}") from None
    digest = hashlib.sha256(data).hexdigest()
    if digest != RUNTIME_FILES[path.name]:
        raise UsageError(
            f"{path}: expected SHA-256 {RUNTIME_FILES[path.name][:12]}… of "
            f"onnxruntime-web {RUNTIME_VERSION}, got {digest[:12]}…; {hint}"
        )
    return data


def _write_styles(folder: Path) -> None:
    """Write the bundled styles, the networks for paintings, and the table of all."""
    scene = sample_picture(width=640, height=360)
    small = sample_picture()
    (folder / "sample.jpg").write_bytes(encode_picture(scene, suffix=".jpg"))
    shelf = Shelf(folder / "none")
    rows = [
        _write_named(folder, shelf.get(name), path, small)
        for name, path in style_files().items()
        if path.parent != user_folder()
    ]
    network = painting_network()
    live = live_style(network, network.neutral, {"name": "painting", "title": "Any"})
    (folder / NETWORK).write_bytes(live.model)
    (folder / ENCODER).write_bytes(network.encoder)
    table: dict[str, Any] = {
        "styles": rows,
        "painting": {
            "network": NETWORK,
            "encoder": ENCODER,
            "side": network.side,
            "neutral": [float(number) for number in network.neutral],
        },
    }
    (folder / "styles.json").write_text(json.dumps(table), "utf-8")


def _write_named(
    folder: Path, style: ShelfStyle, path: Path, scene: Pixels
) -> dict[str, Any]:
    """Write a style's files and its thumbnail; return what the page learns of it."""
    loaded = read_named(path)
    row: dict[str, Any] = {
        "name": style.name,
        "title": style.title,
        "by": style.by or (loaded.kind if loaded.modulation is None else "drawing"),
    }
    if loaded.modulation is not None:
        numbers = [round(float(number), DECIMALS) for number in loaded.modulation]
        row |= {"has_twin": False, "modulation": numbers}
    else:
        twin = existing_twin_path(loaded, "int8")
        row["has_twin"] = twin is not None
        shutil.copyfile(path, folder / "styles" / f"{style.name}.onnx")
        if twin is not None:
            shutil.copyfile(twin, folder / "styles" / f"{style.name}.int8.onnx")
    thumb = webp(thumbnail(style, scene))
    (folder / "thumbs" / f"{style.name}.webp").write_bytes(thumb)
    return row


def _write_worker(folder: Path) -> None:
    """Tell the service worker which files there are, and which version they are."""
    paths = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "sw.js")
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes())
    kept = [path for path in paths if path.name not in FOR_GPU]
    names = ["./", *(path.relative_to(folder).as_posix() for path in kept)]
    worker = folder / "sw.js"
    text = worker.read_text("utf-8").replace("VERSION", digest.hexdigest()[:12])
    worker.write_text(text.replace('["FILES"]', json.dumps(names)), "utf-8")
