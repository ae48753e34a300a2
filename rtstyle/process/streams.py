"""stdout and stderr whose loss ends nothing: a job goes on without its words."""

import contextlib
import errno
import io
import os
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

GONE = frozenset((errno.EPIPE, errno.EBADF, errno.EIO, errno.ENXIO))
"""Errors that say that nobody reads any more: no fault of the result."""


class ForgivingFile(io.RawIOBase):
    """A file descriptor that takes everything, also when it can write no more."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.fault: OSError | None = None
        """Why something could not be written, a full disk for example; else None."""

    def writable(self) -> bool:
        """Return True."""
        return True

    def isatty(self) -> bool:
        """Return whether it is a terminal."""
        return os.isatty(self._descriptor)

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._descriptor

    def write(self, data: "ReadableBuffer") -> int:
        """Write what can be written and say that all was."""
        view = memoryview(data).cast("B")
        left = view
        with contextlib.suppress(OSError):
            while left:
                left = left[self._write_some(left) :]
        return len(view)

    def _write_some(self, data: memoryview) -> int:
        try:
            return os.write(self._descriptor, data)
        except OSError as error:
            if error.errno not in GONE:
                self.fault = error
            raise


def open_standard_descriptors() -> None:
    """Put the null device where stdin, stdout or stderr are closed.

    The next file that is opened would otherwise get their number, and what a library
    says on stderr would be written into it.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            found = os.open(os.devnull, os.O_RDWR)
            if found != descriptor:
                os.dup2(found, descriptor)
                os.close(found)


def steady_streams() -> None:
    """Replace stdout and stderr by ones that raise nothing.

    What somebody else has put in their place already, a test for example, stays.
    """
    open_standard_descriptors()
    if sys.stdout is None or sys.stdout is sys.__stdout__:
        sys.stdout = _forgiving(1, like=sys.__stdout__)
    if sys.stderr is None or sys.stderr is sys.__stderr__:
        sys.stderr = _forgiving(2, like=sys.__stderr__)


def stdout_fault() -> str:
    """Return why stdout could not take all of a result; empty when it could.

    A reader that went away is no fault.
    """
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    fault = raw.fault if isinstance(raw, ForgivingFile) else None
    return "" if fault is None else str(fault.strerror)


def _forgiving(descriptor: int, *, like: TextIO | None) -> TextIO:
    """Return a text stream on a descriptor; letters it lacks are written as escapes."""
    return io.TextIOWrapper(
        io.BufferedWriter(ForgivingFile(descriptor)),
        encoding=like.encoding if like is not None else "utf-8",
        errors="backslashreplace",
        line_buffering=True,
    )
