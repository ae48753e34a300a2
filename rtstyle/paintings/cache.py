"""Modulations of paintings on disk: what was encoded once is not encoded again."""

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rtstyle import user_files
from rtstyle.user_files import CacheState, DamagedEntryError, DiskCache

log = logging.getLogger(__name__)

Modulation = npt.NDArray[np.float32]
"""Scales and shifts of all norms, shape ``(M,)``, float32."""

MAGIC = b"rtstyle.modulation.1\n"
"""First bytes of an entry; then its key, a checksum and the numbers."""
LIMIT_BYTES = 64 << 20
"""Of all entries together; the ones that were used longest ago go first."""


def cache_folder() -> Path:
    """Return where modulations are kept; it may not exist."""
    return user_files.cache_folder() / "paintings"


class PaintingCache:
    """Modulations by key, in one file each; any number of processes may share it."""

    def __init__(
        self, folder: Path | None = None, *, limit_bytes: int = LIMIT_BYTES
    ) -> None:
        self.folder = folder or cache_folder()
        self._files = DiskCache(
            self.folder, mark=MAGIC, suffix=".modulation", limit_bytes=limit_bytes
        )

    def path_of(self, key: str) -> Path:
        """Return where the entry of a key is, whether it exists or not."""
        return self._files.path_of(key)

    def get(self, key: str, make: Callable[[], Modulation]) -> Modulation:
        """Return the modulation for `key`: from disk, or made and kept.

        An entry that is damaged is made again. A folder that cannot be written is no
        failure.

        Args:
            key: All that the modulation depends on, on one line.
            make: Makes it.
        """
        modulation = self.read(key)
        if modulation is None:
            modulation = make()
            self.write(key, modulation)
        return modulation

    def read(self, key: str) -> Modulation | None:
        """Return what is kept for `key`, or None when there is no whole entry."""
        try:
            numbers = self._files.read(key)
        except DamagedEntryError as error:
            log.debug("%s; it is made again", error)
            return None
        if numbers is None:
            return None
        return np.frombuffer(numbers, "<f4").astype(np.float32)

    def write(self, key: str, modulation: Modulation) -> None:
        """Keep `modulation`, whole or not at all, and forget the oldest if need be."""
        try:
            self._files.write(key, modulation.astype("<f4").tobytes())
        except OSError as error:
            log.debug("%s: not kept (%s)", self.folder, error.strerror)

    def state(self) -> CacheState:
        """Return what there is."""
        return self._files.state()

    def clear(self) -> CacheState:
        """Remove all entries and return what there was."""
        return self._files.clear()
