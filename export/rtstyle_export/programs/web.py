"""`rtstyle export STYLE --to web`: a folder with a page that paints in the browser."""

import hashlib
import html
import os
from collections.abc import Collection
from importlib import resources
from pathlib import Path
from typing import Final

from rtstyle_export.errors import ExportError
from rtstyle_export.programs.targets import (
    refuse_existing,
    style_to_export,
    with_variant_card,
    write,
)

PACKAGE, VERSION = "onnxruntime-web", "1.30.0"
"""The npm package whose files the page loads."""
FILES: Final = {
    "ort.webgpu.bundle.min.mjs": (
        "0730816731ce2cdfb06f273da065d4a1c7091eb9d1756a83b2916c8a89d015e2"
    ),
    "ort-wasm-simd-threaded.asyncify.wasm": (
        "39f9f0894d478800487ed9f7dbe92618498db320cf55c8e3d89adff8dce658da"
    ),
    "ort.wasm.bundle.min.mjs": (
        "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90"
    ),
    "ort-wasm-simd-threaded.wasm": (
        "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2"
    ),
}
"""What is taken of it, from its folder ``dist``, by SHA-256: a bundle and a program for
browsers with WebGPU, and another pair for those without."""
FILES_OF_WEBGPU: Final = (
    "ort.webgpu.bundle.min.mjs",
    "ort-wasm-simd-threaded.asyncify.wasm",
)
"""Those of `FILES` that an int8 style has no use for: it always runs on the CPU."""
VARIABLE = "RTSTYLE_ONNXRUNTIME_WEB"
"""Environment variable: the folder of the package, where it is not in node_modules."""
PAGE, STYLE = "index.html", "style.onnx"
"""Names in the folder besides those of `FILES`."""
LAYOUT = "uint8 [H, W, 3], RGB"
"""Of the input and the output, for the card: that of every style file."""


def export_web(
    source: Path,
    target: Path | None = None,
    *,
    precision: str = "fp32",
    overwrite: bool = False,
) -> Path:
    """Write a folder that a web server can hand out: page, style, onnxruntime-web.

    Args:
        source: A style file, the name of a style, or a painting.
        target: The folder; None is ``NAME_web`` in the current one.
        precision: ``fp32``, ``int8`` or ``fp16``: which twin is taken.
        overwrite: Whether `target` may exist.

    Returns:
        Where the folder is.

    Raises:
        ExportError: onnxruntime-web is not there or is another version, or the folder
            exists already or cannot be written.
        StyleFileError: There is no such style or twin.
    """
    style = style_to_export(source, precision)
    folder = target or Path(f"{style.name}_web")
    refuse_existing(folder, overwrite=overwrite)
    is_int8 = style.card.get("precision") == "int8"
    files = runtime_files(FILES_OF_WEBGPU if is_int8 else ())
    for name, data in files.items():
        write(folder / name, data)
    write(folder / STYLE, with_variant_card(style.model, style, LAYOUT))
    write(folder / PAGE, page_of(style.title, is_int8=is_int8).encode())
    return folder


def page_of(title: str, *, is_int8: bool = False) -> str:
    """Return the page for a style.

    Args:
        title: Of the style; it is text, whatever it holds.
        is_int8: Whether the style computes in bytes: such a page never asks for a GPU.
    """
    page = resources.files(__package__).joinpath("page.html").read_text("utf-8")
    page = page.replace("STYLE_IS_INT8", "true" if is_int8 else "false")
    return page.replace("STYLE_TITLE", html.escape(title))


def runtime_files(without: Collection[str] = ()) -> dict[str, bytes]:
    """Return the files of onnxruntime-web by name, but for some.

    Raises:
        ExportError: It is not installed, or a file is not that of `VERSION`.
    """
    package = package_folder()
    found = {}
    wanted = {name: sha256 for name, sha256 in FILES.items() if name not in without}
    for name, sha256 in wanted.items():
        path = package / "dist" / name
        try:
            found[name] = path.read_bytes()
        except OSError as error:
            raise ExportError(
                f"{path}: expected a file of {PACKAGE} {VERSION}, got none "
                f"({error.strerror}); {how_to_install()}"
            ) from error
        if hashlib.sha256(found[name]).hexdigest() != sha256:
            raise ExportError(
                f"{path}: expected the file of {PACKAGE} {VERSION}, got another; "
                f"{how_to_install()}"
            )
    return found


def package_folder() -> Path:
    """Return where onnxruntime-web is: where `VARIABLE` says, or in a node_modules.

    Raises:
        ExportError: It is nowhere.
    """
    if named := os.environ.get(VARIABLE):
        return Path(named)
    here = Path.cwd()
    for folder in (here, *here.parents):
        package = folder / "node_modules" / PACKAGE
        if package.is_dir():
            return package
    raise ExportError(
        f"{PACKAGE}: expected version {VERSION} in node_modules, got none; "
        f"{how_to_install()}"
    )


def how_to_install() -> str:
    """Return what to do where onnxruntime-web is missing."""
    return (
        f"run npm install {PACKAGE}@{VERSION} here, or name the package's folder in "
        f"{VARIABLE}"
    )
