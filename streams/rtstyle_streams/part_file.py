"""A file that is written beside its place and moved there when it is whole."""

import os
from itertools import count
from pathlib import Path

from rtstyle_streams.errors import SinkError


class PartFile:
    """``clip.part.mp4`` until it becomes ``clip.mp4``.

    Also the file object that FFmpeg writes through, so that a full disk is seen at
    the write that failed and cannot get lost on the way.

    Args:
        target: the final name; checked by `check_target` before.
        overwrite: whether a file of the final name may be replaced.

    Raises:
        SinkError: the folder cannot be written to.
    """

    def __init__(self, target: Path, *, overwrite: bool) -> None:
        self.target = target
        self._overwrite = overwrite
        self._error: OSError | None = None
        self.path, self._descriptor = _create(target)

    @property
    def closed(self) -> bool:
        """Return whether no more can be written."""
        return self._descriptor < 0

    def write(self, data: bytes) -> int:
        """Write all of `data` at the current place."""
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._descriptor, view) :]
        except OSError as error:
            self._error = error
            raise
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move the place of the next write; return it, bytes from the start."""
        return os.lseek(self._descriptor, offset, whence)

    def tell(self) -> int:
        """Return the place of the next write, bytes from the start."""
        return self.seek(0, os.SEEK_CUR)

    def close(self) -> None:
        """Close the file and leave it where it is; may be called twice."""
        if not self.closed:
            os.close(self._descriptor)
            self._descriptor = -1

    def commit(self) -> None:
        """Move the whole file into its place.

        Raises:
            SinkError: something could not be written or moved.
        """
        try:
            if self._error is None:
                os.fsync(self._descriptor)
        except OSError as error:
            self._error = error
        self.close()
        if self._error is not None:
            raise cannot_write(self.target, self._error)
        check_target(self.target, overwrite=self._overwrite)
        try:
            os.replace(self.path, self.target)
        except OSError as error:
            raise cannot_write(self.target, error) from error

    def discard(self) -> None:
        """Close and delete the unfinished file; may be called twice."""
        self.close()
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


def _create(target: Path) -> tuple[Path, int]:
    """Create the first that is free of ``clip.part.mp4``, ``clip.part2.mp4`` etc."""
    flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | getattr(os, "O_BINARY", 0)
    for number in count(1):
        mark = f".part{number if number > 1 else ''}"
        path = target.with_name(f"{target.stem}{mark}{target.suffix}")
        try:
            return path, os.open(path, flags, 0o666)
        except FileExistsError:
            continue
        except OSError as error:
            raise cannot_write(target, error) from error
    raise AssertionError("count() never ends")
