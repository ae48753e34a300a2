"""The user's own folders: whole files only, and what is kept to save work."""

import contextlib
import hashlib
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import platformdirs

APP: Final = "rtstyle"
"""Name of our folders within the user's."""


def data_folder() -> Path:
    """Return where what the user added is kept; it may not exist."""
    return Path(platformdirs.user_data_dir(APP))


def cache_folder() -> Path:
    """Return where what can be made again is kept; it may not exist."""
    return Path(platformdirs.user_cache_dir(APP, appauthor=False))


@contextlib.contextmanager
def written_beside(target: Path, *, overwrite: bool = True) -> Iterator[Path]:
    """Yield a path beside `target` that takes its place when the block ends well.

    The folder is made. After an error nothing is left.

    Args:
        target: The final name.
        overwrite: Whether an existing file is replaced; of several processes that
            write a file which may not be, one wins.

    Yields:
        Where to write; its suffix is ``.part``, so that no listing shows it.

    Raises:
        FileExistsError: There is one, and it may not be replaced.
        OSError: It could not be written or moved.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{uuid.uuid4().hex}.part")
    try:
        yield part
        if overwrite:
            os.replace(part, target)
        else:
            _move_if_free(part, target)
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


def write_whole(target: Path, data: bytes, *, overwrite: bool = True) -> None:
    """Write a file whole or not at all; see `written_beside`."""
    with written_beside(target, overwrite=overwrite) as part:
        part.write_bytes(data)


def _move_if_free(part: Path, target: Path) -> None:
    try:
        os.link(part, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        with open(target, "xb") as file:
            file.write(part.read_bytes())


@dataclass(frozen=True, slots=True)
class CacheState:
    """What lies in a cache."""

    folder: Path
    """Where."""
    num_entries: int
    """Entries."""
    num_bytes: int
    """Of all entries together."""


class DamagedEntryError(ValueError):
    """An entry of a cache that is not what was written there."""


class DiskCache:
    """Bytes by key, in one file each; any number of processes may share it.

    A file holds a mark of its format, the key on a line, a checksum on a line and the
    bytes. The entries that were used longest ago go first.

    Args:
        folder: Made when something is kept.
        mark: First bytes of every entry, ending in a newline.
        suffix: Of an entry's file name.
        limit_bytes: Of all entries together; None for no limit.
        limit_entries: How many there are at most; None for no limit.
    """

    def __init__(
        self,
        folder: Path,
        *,
        mark: bytes,
        suffix: str,
        limit_bytes: int | None = None,
        limit_entries: int | None = None,
    ) -> None:
        self.folder = folder
        self._mark, self._suffix = mark, suffix
        self._limit_bytes, self._limit_entries = limit_bytes, limit_entries

    def path_of(self, key: str) -> Path:
        """Return where the entry of a key is, whether it exists or not."""
        digest = hashlib.sha256(key.encode()).hexdigest()
        return self.folder / f"{digest[:40]}{self._suffix}"

    def read(self, key: str) -> bytes | None:
        """Return what is kept for `key`, or None when there is nothing.

        Args:
            key: All that the bytes depend on, on one line.

        Raises:
            DamagedEntryError: it is of another format or key, or not whole.
        """
        path = self.path_of(key)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        parts = data.removeprefix(self._mark).split(b"\n", 2)
        if not data.startswith(self._mark) or len(parts) != 3:
            raise DamagedEntryError(f"{path.name}: not an entry of this version")
        if parts[0] != key.encode():
            raise DamagedEntryError(f"{path.name}: made for something else")
        if parts[1] != _checksum(parts[2]):
            raise DamagedEntryError(f"{path.name}: damaged")
        with contextlib.suppress(OSError):
            os.utime(path)  # used just now
        return parts[2]

    def write(self, key: str, data: bytes) -> None:
        """Keep `data`, whole or not at all, and forget the oldest if need be.

        Raises:
            OSError: it could not be written.
        """
        lines = [key.encode(), _checksum(data), data]
        write_whole(self.path_of(key), self._mark + b"\n".join(lines))
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

    def _entries(self) -> list[tuple[int, int, Path]]:
        """Return time of last use, bytes and path of every entry, newest first."""
        entries = []
        for path in self.folder.glob(f"*{self._suffix}"):
            with contextlib.suppress(OSError):  # another process may have removed it
                state = path.stat()
                entries.append((state.st_mtime_ns, state.st_size, path))
        return sorted(entries, reverse=True)

    def _forget_oldest(self) -> None:
        total = 0
        for count, (_, num_bytes, path) in enumerate(self._entries(), start=1):
            total += num_bytes
            is_beyond = self._limit_bytes is not None and total > self._limit_bytes
            is_beyond |= self._limit_entries is not None and count > self._limit_entries
            if is_beyond:
                with contextlib.suppress(OSError):
                    path.unlink()


def _checksum(data: bytes) -> bytes:
    return hashlib.sha256(data).hexdigest().encode()
