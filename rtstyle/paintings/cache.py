"""Modulations of paintings on disk: what was encoded once is not encoded again."""

import contextlib
import hashlib
import logging
import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import platformdirs

log = logging.getLogger(__name__)

Modulation = npt.NDArray[np.float32]
"""Scales and shifts of all norms, shape ``(M,)``, float32."""

MAGIC = b"rtstyle.modulation.1\n"
"""First bytes of an entry; then its key, a checksum and the numbers."""
SUFFIX = ".modulation"
"""Of an entry's file name."""
LIMIT_BYTES = 64 << 20
"""Of all entries together; the ones that were used longest ago go first."""


def cache_folder() -> Path:
    """Return where modulations are kept; it may not exist."""
    cache = Path(platformdirs.user_cache_dir("rtstyle", appauthor=False))
    return cache / "paintings"


@dataclass(frozen=True, slots=True)
class CacheState:
    """What lies in a cache."""

    folder: Path
    """Where."""
    num_entries: int
    """Modulations."""
    num_bytes: int
    """Of all entries together."""


class PaintingCache:
    """Modulations by key, in one file each; any number of processes may share it."""

    def __init__(
        self, folder: Path | None = None, *, limit_bytes: int = LIMIT_BYTES
    ) -> None:
        self.folder = folder or cache_folder()
        self.limit_bytes = limit_bytes

    def get(self, key: str, make: Callable[[], Modulation]) -> Modulation:
        """Return the modulation for `key`: from disk, or made and kept.

        An entry that is damaged is made again. A folder that cannot be written is no
        failure.

        Args:
            key: All that the modulation depends on, on one line.
            make: Makes it.
        """
        found = self.read(key)
        if found is None:
            found = make()
            self.write(key, found)
        return found

    def read(self, key: str) -> Modulation | None:
        """Return what is kept for `key`, or None when there is no whole entry."""
        path = self._path(key)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        parts = data.removeprefix(MAGIC).split(b"\n", 2)
        is_whole = (
            data.startswith(MAGIC)
            and len(parts) == 3
            and parts[0] == key.encode()
            and parts[1] == _checksum(parts[2])
        )
        if not is_whole:
            log.debug("%s: damaged; it is made again", path)
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # used just now
        return np.frombuffer(parts[2], "<f4").astype(np.float32)

    def write(self, key: str, modulation: Modulation) -> None:
        """Keep `modulation`, whole or not at all, and forget the oldest if need be."""
        numbers = modulation.astype("<f4").tobytes()
        data = MAGIC + b"\n".join([key.encode(), _checksum(numbers), numbers])
        path = self._path(key)
        part = path.with_suffix(f".{uuid.uuid4().hex}.part")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            part.write_bytes(data)
            os.replace(part, path)
        except OSError as error:
            log.debug("%s: not kept (%s)", path, error.strerror)
            with contextlib.suppress(OSError):
                part.unlink()
            return
        self._forget_oldest()

    def state(self) -> CacheState:
        """Return what there is."""
        entries = self._entries()
        return CacheState(self.folder, len(entries), sum(e[1] for e in entries))

    def clear(self) -> CacheState:
        """Remove all entries and return what there was."""
        before = self.state()
        for _, _, path in self._entries():
            with contextlib.suppress(OSError):
                path.unlink()
        return before

    def _path(self, key: str) -> Path:
        digest = hashlib.sha256(key.encode()).hexdigest()
        return self.folder / f"{digest[:40]}{SUFFIX}"

    def _entries(self) -> list[tuple[int, int, Path]]:
        """Return time of last use, bytes and path of every entry, newest first."""
        found = []
        for path in self.folder.glob(f"*{SUFFIX}"):
            with contextlib.suppress(OSError):  # another process may have removed it
                state = path.stat()
                found.append((state.st_mtime_ns, state.st_size, path))
        return sorted(found, reverse=True)

    def _forget_oldest(self) -> None:
        total = 0
        for _, num_bytes, path in self._entries():
            total += num_bytes
            if total > self.limit_bytes:
                with contextlib.suppress(OSError):
                    path.unlink()


def _checksum(data: bytes) -> bytes:
    return hashlib.sha256(data).hexdigest().encode()
