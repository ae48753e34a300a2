"""What the frames of a film depend on: its input, style, options and versions."""

import hashlib
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Final

import av

import rtstyle
from rtstyle.masks.opening import model_file
from rtstyle.offline.journal import Identity
from rtstyle.stylizer.stylizer import Stylizer

if TYPE_CHECKING:
    from rtstyle.offline.job import FileJob

HASHED_BYTES: Final = 1 << 20
"""Of an input's head and of its tail that are looked at."""
_PACKAGES: Final = (
    "numpy",
    "opencv-python",
    "onnxruntime",
    "onnxruntime-gpu",
    "openvino",
    "tensorrt",
)


def identity_of(
    job: "FileJob",
    path: Path,
    stylizer: Stylizer,
    *,
    header_sha256: str,
    frames_per_segment: int,
) -> Identity:
    """Return all that the frames of a video depend on.

    Args:
        job: Whose options are looked at.
        path: Of the input.
        stylizer: What runs them.
        header_sha256: Of what the encoder writes before all frames.
        frames_per_segment: Where the film is cut.

    Raises:
        OSError: the input or the mask's model cannot be read.
    """
    device = stylizer.session.device.partition(":")[0]
    return {
        "input": input_identity(path),
        "style": _style(stylizer),
        "look": _look(job),
        "--smooth": job.smooth,
        "--every": str(job.every),
        "runtime": f"{stylizer.session.runtime} on {device}, {stylizer.precision}"
        f"{', one core a frame' if stylizer.is_one_core_a_frame else ''}",
        "encoder": f"{job.codec}, crf {job.crf}, preset {job.preset}, "
        f"bits {job.bits}, {Path(job.target).suffix.lower()}, "
        f"header {header_sha256[:16]}",
        "segment length": f"{frames_per_segment} frames",
        "version": _versions(),
    }


def input_identity(path: Path) -> str:
    """Return size, time of the last change, and a hash of head and tail of a file.

    Raises:
        OSError: it cannot be read.
    """
    state = path.stat()
    digest = hashlib.sha256()
    with path.open("rb") as file:
        digest.update(file.read(HASHED_BYTES))
        file.seek(max(0, state.st_size - HASHED_BYTES))
        digest.update(file.read(HASHED_BYTES))
    return f"{digest.hexdigest()[:16]}, {state.st_size} bytes, {state.st_mtime_ns}"


def _style(stylizer: Stylizer) -> str:
    """Return names, hashes and weights of the networks that run."""
    return ", ".join(
        f"{style.name} {hashlib.sha256(style.model).hexdigest()[:16]} x {weight!r}"
        for style, weight in zip(stylizer.styles, stylizer.weights, strict=True)
    )


def _look(job: "FileJob") -> str:
    look = job.look
    parts = [
        f"strength {look.strength!r}",
        f"keep colours {look.keep_colors}",
        f"height {look.height}",
        f"scale {look.style_scale!r}",
        f"mask {look.mask}",
    ]
    if look.mask:
        parts.append(f"model {_model(look.mask, look.mask_model)}")
    return ", ".join(parts)


def _model(mask: str, model: str | None) -> str:
    """Return the hash of the model that finds a mask."""
    data = model_file(mask, model).expanduser().read_bytes()
    return hashlib.sha256(data).hexdigest()[:16]


def _versions() -> str:
    names = {"rtstyle": rtstyle.__version__, "av": av.__version__}
    names |= {"libavcodec": ".".join(map(str, av.library_versions["libavcodec"]))}
    for package in _PACKAGES:
        try:
            names[package] = version(package)
        except PackageNotFoundError:
            continue
    names["platform"] = sys.platform
    return ", ".join(f"{name} {number}" for name, number in names.items())
