"""A file that is written beside its place and moved there when it is whole."""

import os
from itertools import count
from pathlib import Path

from rtstyle_streams.errors import SinkError


class PartFile:
    """``clip.part.mp4`` until it becomes ``clip.mp4``.

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
        self._overwrite = overwrite
        self.path = _create(folder / target.name if folder else target)
        """The unfinished file; empty at first, open to be written by its name."""

    def commit(self) -> None:
        """Move the whole file, closed by now, into its place.

        Raises:
            SinkError: it could not be moved.
        """
        check_target(self.target, overwrite=self._overwrite)
        try:
            _to_disk(self.path)
            os.replace(self.path, self.target)
        except OSError as error:
            raise cannot_write(self.target, error) from error

    def discard(self) -> None:
        """Delete the unfinished file; may be called twice."""
        self.path.unlink(missing_ok=True)


def check_target(target: Path, *, overwrite: bool) -> None:
    """Refuse a place where no file can or may be put.

    Raises:
        SinkError: a directory, a missing folder, or a file that may not be replaced.
    """
    if target.is_dir():
        raise SinkError(f"{target}: expected the name of a file, got a directory")
    folder = target.parent
    if not folder.is_dir():
        raise SinkError(
            f"{target}: expected a folder to write to, found no {folder}; create it"
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        raise SinkError(
            f"{target}: expected a folder to write to, {folder} is read-only"
        )
    if target.exists() and not overwrite:
        raise SinkError(
            f"{target}: expected a new name, this file exists; "
            "pass --overwrite to replace it"
        )


def cannot_write(target: Path, error: Exception) -> SinkError:
    """Return the error that says what the system or FFmpeg said."""
    reason = getattr(error, "strerror", None) or error
    return SinkError(f"{target}: could not be written: {reason}")


def _create(target: Path) -> Path:
    """Create the first that is free of ``clip.part.mp4``, ``clip.part2.mp4`` etc."""
    for number in count(1):
        mark = f".part{number if number > 1 else ''}"
        path = target.with_name(f"{target.stem}{mark}{target.suffix}")
        try:
            path.touch(exist_ok=False)
        except FileExistsError:
            continue
        except OSError as error:
            raise cannot_write(target, error) from error
        return path
    raise AssertionError("count() never ends")


def _to_disk(path: Path) -> None:
    """Wait until the file is on the disk, so that a late error is seen here."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
