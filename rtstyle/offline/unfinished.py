"""Where films lie that were begun and not finished, for `rtstyle doctor`."""

import contextlib
import hashlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rtstyle.user_files import data_folder, write_whole

OLD_SECONDS: Final = 14 * 24 * 3600
"""After how long an unfinished film is taken for a forgotten one."""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """The folder of a film that was begun."""

    folder: Path
    """Where its segments are."""
    num_bytes: int
    """Of all that is in it."""
    age_seconds: float
    """Since something was last written there."""


def remember(folder: Path) -> None:
    """Note that a film grows in `folder`; it does no harm if that cannot be noted."""
    with contextlib.suppress(OSError):
        write_whole(_note(folder), str(folder.resolve()).encode())


def forget(folder: Path) -> None:
    """Remove the note; may be called without one."""
    with contextlib.suppress(OSError):
        _note(folder).unlink()


def forgotten(*, now: float | None = None) -> list[Unfinished]:
    """Return the folders that nothing was written to for two weeks; none is deleted.

    Notes of folders that are gone are removed.

    Args:
        now: Seconds since 1970; None is the clock's.
    """
    seen = time.time() if now is None else now
    rows = []
    for note in sorted(_notes().glob("*.path")):
        with contextlib.suppress(OSError, UnicodeDecodeError):
            folder = Path(note.read_text("utf-8"))
            if not folder.is_dir():
                note.unlink()
                continue
            states = [path.stat() for path in folder.iterdir()]
            age = seen - max([s.st_mtime for s in states] or [seen])
            if age > OLD_SECONDS:
                size = sum(s.st_size for s in states)
                rows.append(Unfinished(folder, size, age))
    return rows


def _notes() -> Path:
    return data_folder() / "unfinished"


def _note(folder: Path) -> Path:
    digest = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()
    return _notes() / f"{digest[:32]}.path"
