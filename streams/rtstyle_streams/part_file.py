"""A file that is written beside its place and moved there when it is whole."""

import os
import stat
import time
from contextlib import suppress
from itertools import count
from pathlib import Path

from rtstyle_streams.errors import SinkError, TargetExistsError

_MOST_BYTES = 255
"""Of a file's name, on every file system that is common."""

_LOOK_SECONDS = 1.0
"""How often is looked whether a file that is being written was removed."""


class PartFile:
    """``clip.part.mp4`` until it becomes ``clip.mp4``.

    A link is followed: what it leads to is written, and the link stays. A file that is
    replaced leaves its mode to the new one.

    Args:
        target: the final name; checked by `check_target` before.
        overwrite: whether a file of the final name may be replaced.
        folder: where the unfinished file is, on the same disk; None is beside it.

    Raises:
        SinkError: the folder cannot be written to.
    """

    def __init__(
        self, target: Path, *, overwrite: bool, folder: Path | None = None
    ) -> None:
        self.target = target
        self._place = Path(os.path.realpath(target))
        self._overwrite = overwrite
        self.path = _create(folder / self._place.name if folder else self._place)
        """The unfinished file; empty at first, open to be written by its name."""
        self._next_look = 0.0

    def check(self) -> None:
        """Look, at most once a second, whether the unfinished file is still there.

        The system lets a program write on into a file that was removed.

        Raises:
            SinkError: it is gone, or its folder is.
        """
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + _LOOK_SECONDS
        if not self.path.exists():
            raise SinkError(
                f"{self.target}: expected {self.path} to stay while it is written, "
                "got a file or folder that was removed"
            )

    def commit(self) -> None:
        """Move the whole file, closed by now, into its place.

        Of several that want one place without overwriting, one gets it.

        Raises:
            TargetExistsError: a file came to be there meanwhile.
            SinkError: it could not be moved.
        """
        check_target(self.target, overwrite=self._overwrite)
        try:
            _to_disk(self.path)
            if self._overwrite:
                _take_mode(self.path, like=self._place)
                os.replace(self.path, self._place)
            else:
                _move_to_free(self.path, self._place)
        except FileExistsError:
            raise _exists(self.target) from None
        except OSError as error:
            raise cannot_write(self.target, error) from error

    def discard(self) -> None:
        """Delete the unfinished file; may be called twice."""
        self.path.unlink(missing_ok=True)


def check_target(target: Path, *, overwrite: bool) -> None:
    """Refuse a place where no file can or may be put.

    Raises:
        TargetExistsError: a file is there that may not be replaced.
        SinkError: a directory, a device, or a missing folder.
    """
    place = Path(os.path.realpath(target))
    if place.is_dir():
        raise SinkError(f"{target}: expected the name of a file, got a directory")
    folder = place.parent
    if not folder.is_dir():
        raise SinkError(
            f"{target}: expected a folder to write to, found no {folder}; create it"
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        raise SinkError(
            f"{target}: expected a folder to write to, {folder} is read-only"
        )
    if place.exists() and not place.is_file():
        raise SinkError(f"{target}: expected the name of a file, got a device")
    if place.exists() and not overwrite:
        raise _exists(target)


def cannot_write(target: Path, error: Exception) -> SinkError:
    """Return the error that says what the system or FFmpeg said."""
    reason = getattr(error, "strerror", None) or error
    return SinkError(f"{target}: could not be written: {reason}")


def _exists(target: Path) -> TargetExistsError:
    return TargetExistsError(
        f"{target}: expected a new name, this file exists; "
        "pass --overwrite to replace it"
    )


def _create(place: Path) -> Path:
    """Create the first that is free of ``clip.part.mp4``, ``clip.part2.mp4`` etc."""
    for number in count(1):
        mark = f".part{number if number > 1 else ''}"
        path = place.with_name(_shortened(place.stem, mark + place.suffix))
        try:
            path.touch(exist_ok=False)
        except FileExistsError:
            continue
        except OSError as error:
            raise cannot_write(place, error) from error
        return path
    raise AssertionError("count() never ends")


def _shortened(stem: str, end: str) -> str:
    """Return ``stem + end``, the stem cut so that the name can be one of a file."""
    while len(os.fsencode(stem + end)) > _MOST_BYTES and len(stem) > 1:
        stem = stem[:-1]
    return stem + end


def _take_mode(path: Path, *, like: Path) -> None:
    """Give a file the mode of another one, if that is there."""
    with suppress(FileNotFoundError):
        path.chmod(stat.S_IMODE(like.stat().st_mode))


def _move_to_free(path: Path, place: Path) -> None:
    """Move a file to a place where none is; fail if another was faster.

    Raises:
        FileExistsError: a file is there.
    """
    try:
        os.link(path, place)
    except FileExistsError:
        raise
    except OSError:  # no hard links on this file system: take the place first
        os.close(os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        os.replace(path, place)
    else:
        path.unlink()


def _to_disk(path: Path) -> None:
    """Wait until the file is on the disk, so that a late error is seen here."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
