"""What a long job has done so far: lines in a file, each checked, each on the disk."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any, Final

FORMAT: Final = "rtstyle journal 1"
"""Of the lines that this version reads and writes."""
_NUM_DIGITS: Final = 16

Identity = dict[str, str]
"""All that the frames of a film depend on: name and value, in words for people."""


class Journal:
    """An identity, and a record for each thing done; a line each, only appended.

    Every line begins with a part of the SHA-256 of the rest and of all lines before,
    so that nothing behind a damaged, missing or exchanged line is believed.

    Args:
        path: Of the file; made by `begin`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._chain = b""

    def begin(self, identity: Identity) -> None:
        """Start anew.

        Raises:
            OSError: it could not be written.
        """
        self._chain = b""
        with self.path.open("wb") as file:
            file.write(self._line({"format": FORMAT, "identity": identity}))
            file.flush()
            os.fsync(file.fileno())

    def append(self, record: dict[str, Any]) -> None:
        """Add a record, and wait until it is on the disk.

        Raises:
            OSError: it could not be written.
        """
        with self.path.open("ab") as file:
            file.write(self._line(record))
            file.flush()
            os.fsync(file.fileno())

    def read(
        self, *, num_records: int | None = None
    ) -> tuple[Identity | None, list[dict[str, Any]]]:
        """Return the identity (None: there is none that is whole) and whole records.

        What is behind a damaged line is cut off, so that `append` goes on there.

        Args:
            num_records: How many to keep at most; those behind are cut off too.
        """
        self._chain = b""
        try:
            data = self.path.read_bytes()
        except OSError:
            return None, []
        rows: list[dict[str, Any]] = []
        num_good = 0
        for line in data.splitlines(keepends=True):
            is_enough = num_records is not None and len(rows) > num_records
            row = None if is_enough else self._checked(line)
            if row is None:
                break
            rows.append(row)
            num_good += len(line)
        if not rows or rows[0].get("format") != FORMAT:
            return None, []
        if num_good < len(data):
            os.truncate(self.path, num_good)
        return dict(rows[0]["identity"]), rows[1:]

    def _line(self, row: dict[str, Any]) -> bytes:
        text = json.dumps(row, sort_keys=True).encode()
        self._chain = self._digest(text)
        return self._chain + b" " + text + b"\n"

    def _checked(self, line: bytes) -> dict[str, Any] | None:
        """Return what a line says if it is what was written behind those before."""
        digest, _, text = line.rstrip(b"\n").partition(b" ")
        if not line.endswith(b"\n") or digest != self._digest(text):
            return None
        self._chain = digest
        row: dict[str, Any] = json.loads(text)
        return row

    def _digest(self, text: bytes) -> bytes:
        digest = hashlib.sha256(self._chain + text).hexdigest()
        return digest[:_NUM_DIGITS].encode()


def difference(before: Identity, now: Identity) -> str:
    """Return what differs, in one phrase for people; empty when nothing does."""
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    return ", ".join(
        f"another {name} ({_short(before.get(name))} before, "
        f"{_short(now.get(name))} now)"
        for name in names
    )


def _short(value: str | None) -> str:
    if value is None:
        return "none"
    return value if len(value) <= 40 else value[:37] + "..."
