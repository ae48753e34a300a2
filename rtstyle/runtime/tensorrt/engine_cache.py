"""Cache TensorRT engines on disk, each under everything that it depends on."""

import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from rtstyle.user_files import DamagedEntryError, DiskCache, cache_folder

log = logging.getLogger(__name__)

MAGIC = b"rtstyle.engine.1\n"
"""First bytes of an engine file; a line of JSON, a checksum and the plan follow."""
KEPT = 24
"""Number of engines to keep; those used longest ago are deleted."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Sizes that an engine accepts, height and width in pixels."""

    least: tuple[int, int] = (16, 16)
    """The smallest."""
    best: tuple[int, int] = (1080, 1920)
    """The size that it is tuned for."""
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
        """Return whether an engine of this profile accepts frames of this size."""
        pairs = zip(self.least, (height, width), self.most, strict=True)
        return all(low <= size <= high for low, size, high in pairs)


@dataclass(frozen=True, slots=True)
class EngineKey:
    """All that an engine depends on; it is loaded only if every field matches."""

    gpu: str
    """Name and compute capability: ``NVIDIA L4 8.9``."""
    driver: str
    """Version of the NVIDIA driver."""
    tensorrt: str
    """Version of TensorRT."""
    onnx_sha256: str
    """SHA-256 of the style's graph."""
    profile: Profile
    """Sizes."""
    precision: str
    """``fp32`` or ``fp16``."""

    def as_json(self) -> str:
        """Return all fields on one line."""
        return json.dumps(asdict(self), sort_keys=True)


def cached_engine(
    key: EngineKey, build: Callable[[], bytes], *, folder: Path | None = None
) -> bytes:
    """Return the engine for `key`, from disk or newly built and stored.

    Args:
        key: What it must match.
        build: Makes the plan; takes minutes.
        folder: Folder of the engines; None is the user's cache folder.

    Returns:
        The serialised plan.
    """
    plan = read_engine(key, folder=folder)
    if plan is None:
        plan = build()
        write_engine(key, plan, folder=folder)
    return plan


def engine_folder() -> Path:
    """Return the folder of the engines."""
    return cache_folder() / "engines"


def engine_path(key: EngineKey, *, folder: Path | None = None) -> Path:
    """Return the path of the engine for `key`, whether or not it exists."""
    return _files(folder).path_of(key.as_json())


def read_engine(key: EngineKey, *, folder: Path | None = None) -> bytes | None:
    """Return the plan stored for `key`, or None if there is no intact one."""
    try:
        return _files(folder).read(key.as_json())
    except DamagedEntryError as error:
        log.warning("engine %s; it is built again", error)
        return None


def write_engine(key: EngineKey, plan: bytes, *, folder: Path | None = None) -> None:
    """Store a plan, whole or not at all; a full disk is not an error."""
    try:
        _files(folder).write(key.as_json(), plan)
    except OSError as error:
        log.warning("%s: engine not kept (%s)", engine_folder(), error.strerror)


def _files(folder: Path | None) -> DiskCache:
    return DiskCache(
        folder or engine_folder(), mark=MAGIC, suffix=".engine", limit_entries=KEPT
    )
