"""One process at a time in a folder; free again as soon as that process ends."""

import contextlib
import errno
import os
import sys
from pathlib import Path
from typing import Final

LOCK_NAME: Final = "lock"
"""Of the file that is locked, in the folder."""
_MOST_TRIES: Final = 100
_NO_LOCKS: Final = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}
# of file systems that cannot lock: two runs at once are not told there


class FolderLock:
    """Holds a folder, which is made if need be.

    Args:
        folder: Its parent exists.

    Raises:
        BlockingIOError: another process holds it.
        OSError: the folder cannot be made or written to.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / LOCK_NAME
        for _ in range(_MOST_TRIES):
            folder.mkdir(exist_ok=True)
            try:
                self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
            except FileNotFoundError:  # the folder was removed just now
                continue
            try:
                _lock(self._descriptor)
                if self._is_in_place():
                    os.truncate(self._descriptor, 0)
                    os.write(self._descriptor, f"{os.getpid()}\n".encode())
                    return
            except BaseException:
                os.close(self._descriptor)
                raise
            os.close(self._descriptor)
        raise BlockingIOError(f"{folder}: changes all the time")

    def release(self) -> None:
        """Let others in; may be called twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _is_in_place(self) -> bool:
        """Return whether the file that is locked is still that of the folder."""
        with contextlib.suppress(FileNotFoundError):
            return os.path.samestat(os.fstat(self._descriptor), self._path.stat())
        return False


def holder_of(folder: Path) -> str:
    """Return the number of the process that holds a folder, or ``unknown``."""
    try:
        return (folder / LOCK_NAME).read_text("utf-8").strip() or "unknown"
    except OSError:  # on Windows what is locked cannot be read
        return "unknown"


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError(str(error)) from error
    else:
        import fcntl

        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
