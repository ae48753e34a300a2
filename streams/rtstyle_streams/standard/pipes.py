"""``-``: a film or a picture from standard input, or to standard output.

What comes is kept in a file until it is whole, because a film is read twice, by the
decoder and by what copies its sound; what goes is written to a file first, because most
containers are completed at their beginning.
"""

import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from rtstyle_streams.errors import SinkError, SourceError
from rtstyle_streams.frame import Frame
from rtstyle_streams.managed import ManagedSink
from rtstyle_streams.protocols import Sink


def spool_input(folder: Path) -> Path:
    """Write all of standard input to a file in `folder` and return its path.

    Raises:
        SourceError: it is a terminal, or closed, or could not be kept.
    """
    stdin = getattr(sys.stdin, "buffer", None)
    if stdin is None or sys.stdin.isatty():
        raise SourceError("-: expected a file on standard input, got a terminal")
    path = folder / "stdin"
    try:
        with path.open("wb") as file:
            shutil.copyfileobj(stdin, file, 1 << 20)
    except OSError as error:
        raise SourceError(f"-: could not be read: {error.strerror}") from error
    return path


class StandardOutput(ManagedSink):
    """Writes to standard output what another sink has written to a file.

    Args:
        suffix: Says the kind of file, ``.mkv`` for example.
        open_file: Opens the sink for a path.

    Raises:
        SinkError: standard output is a terminal.
    """

    def __init__(self, suffix: str, open_file: Callable[[Path], Sink]) -> None:
        stdout = getattr(sys.stdout, "buffer", None)
        if stdout is None or sys.stdout.isatty():
            raise SinkError("-: expected a pipe or a file, got a terminal")
        self._stdout = stdout
        self._folder = tempfile.TemporaryDirectory(prefix="rtstyle-")
        self._path = Path(self._folder.name) / f"stdout{suffix}"
        try:
            self._sink = open_file(self._path)
        except BaseException:
            self._folder.cleanup()
            raise

    @property
    def notices(self) -> list[str]:
        """Return what is not written as it came, a line each."""
        return list(self._sink.notices)

    @property
    def num_decode_errors(self) -> int:
        """Return what was broken of all that is copied."""
        return self._sink.num_decode_errors

    def write(self, frame: Frame) -> None:
        """Take one frame."""
        self._sink.write(frame)

    def finish(self) -> None:
        """Complete the file and write it out.

        Raises:
            SinkError: nobody reads, or the disk is full.
        """
        try:
            self._sink.finish()
            with self._path.open("rb") as file:
                shutil.copyfileobj(file, self._stdout, 1 << 20)
            self._stdout.flush()
        except OSError as error:
            if isinstance(error, SinkError):
                raise
            raise SinkError(f"-: could not be written: {error.strerror}") from error
        finally:
            self.close()

    def close(self) -> None:
        """Let go of the file; may be called twice."""
        self._sink.close()
        self._folder.cleanup()
