"""TensorRT engines on disk: each under all that it was built for."""

import contextlib
import hashlib
import json
import logging
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

log = logging.getLogger(__name__)

MAGIC = b"rtstyle.engine.1\n"
"""First bytes of an engine file; then a line of JSON, a checksum, the plan."""
KEPT = 24
"""Engines that stay; the ones that were used longest ago go."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Sizes that an engine takes, height and width in pixels."""

    least: tuple[int, int] = (16, 16)
    """The smallest."""
    best: tuple[int, int] = (1080, 1920)
    """The one it is tuned for."""
    most: tuple[int, int] = (2160, 3840)
    """The largest."""

    def __post_init__(self) -> None:
        """Refuse sizes in the wrong order."""
        sizes = list(zip(self.least, self.best, self.most, strict=True))
        if any(not 0 < low <= mid <= high for low, mid, high in sizes):
            raise ValueError(
                f"profile: expected least <= best <= most, got {self.least}, "
                f"{self.best}, {self.most}"
            )

    def holds(self, height: int, width: int) -> bool:
        """Return whether an engine of this profile takes frames of this size."""
        pairs = zip(self.least, (height, width), self.most, strict=True)
        return all(low <= size <= high for low, size, high in pairs)


@dataclass(frozen=True, slots=True)
class EngineKey:
    """All that an engine hangs on; one that differs anywhere is not loaded."""

    gpu: str
    """Name and compute capability: ``NVIDIA L4 8.9``."""
    driver: str
    """Version of the NVIDIA driver."""
    tensorrt: str
    """Version of TensorRT."""
    onnx_sha256: str
    """Of the style's graph."""
    profile: Profile
    """Sizes."""
    precision: str
    """``fp32`` or ``fp16``."""

    @property
    def file_name(self) -> str:
        """Return the name of its file: a checksum over all fields."""
        return hashlib.sha256(self.as_json().encode()).hexdigest()[:32] + ".engine"

    def as_json(self) -> str:
        """Return all fields on one line."""
        return json.dumps(asdict(self), sort_keys=True)


def cached_engine(
    key: EngineKey, build: Callable[[], bytes], *, folder: Path | None = None
) -> bytes:
    """Return the engine for `key`: from disk, or built and kept.

    Args:
        key: What it has to fit.
        build: Makes the plan; takes minutes.
        folder: Where engines are kept; None is the user's cache folder.

    Returns:
        The serialised plan.
    """
    path = (folder or engine_folder()) / key.file_name
    plan = read_engine(path, key)
    if plan is None:
        plan = build()
        write_engine(path, key, plan)
    return plan


def engine_folder() -> Path:
    """Return where engines are kept."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("rtstyle", appauthor=False)) / "engines"


def read_engine(path: Path, key: EngineKey) -> bytes | None:
    """Return the plan in a file, or None unless it is whole and built for `key`."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    parts = data.removeprefix(MAGIC).split(b"\n", 2)
    if not data.startswith(MAGIC) or len(parts) != 3:
        log.warning("%s: not an engine of this version; it is built anew", path.name)
        return None
    found, checksum, plan = parts
    if found.decode("utf-8", "replace") != key.as_json():
        log.warning("%s: built for something else; it is built anew", path.name)
        return None
    if hashlib.sha256(plan).hexdigest().encode() != checksum:
        log.warning("%s: damaged; it is built anew", path.name)
        return None
    os.utime(path)
    return plan


def write_engine(path: Path, key: EngineKey, plan: bytes) -> None:
    """Write an engine file, whole or not at all; a full disk is no failure."""
    checksum = hashlib.sha256(plan).hexdigest().encode()
    data = MAGIC + b"\n".join([key.as_json().encode(), checksum, plan])
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(data)
        os.replace(part, path)
        _forget_oldest(path.parent)
    except OSError as error:
        log.warning("%s: engine not kept (%s)", path, error.strerror)
        with contextlib.suppress(OSError):
            part.unlink()


def _forget_oldest(folder: Path) -> None:
    engines = sorted(
        folder.glob("*.engine"), key=lambda path: path.stat().st_mtime, reverse=True
    )
    for path in engines[KEPT:]:
        path.unlink(missing_ok=True)
