"""The queue of file jobs: one SQLite file that any number of processes may share.

`JobQueue` is the whole of it: the command `rtstyle jobs` and the studio read and fill
the same file through it. States and who changes them:

=============  =========================================================
``waiting``    `add`, `retry`; `take` turns the oldest one into
``running``    a process works on it and calls `report` now and then; if
               that process dies, the next `take` makes it waiting again
``done``       `finish`; the output is whole
``failed``     `fail`; `QueuedJob.error` says why, `retry` makes it waiting
``cancelled``  `cancel`; `retry` makes it waiting
=============  =========================================================
"""

import os
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

import psutil

from rtstyle.errors import UsageError
from rtstyle.offline.job import FileJob
from rtstyle.offline.queued_job import (
    COLUMNS,
    JOB_STATES,
    CancelledError,
    JobState,
    QueuedJob,
    text_of,
)
from rtstyle.user_files import data_folder

MOST_ATTEMPTS: Final = 5
"""How often a job is begun whose process dies, before it counts as failed."""
_SCHEMA_VERSION: Final = 1
_BUSY_SECONDS: Final = 30.0
_SAME_START_SECONDS: Final = 2.0
_SCHEMA: Final = """
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT, state TEXT NOT NULL, kind TEXT NOT NULL,
    source TEXT NOT NULL, target TEXT NOT NULL, folder TEXT NOT NULL,
    num_done INTEGER NOT NULL DEFAULT 0, num_frames INTEGER,
    rate REAL NOT NULL DEFAULT 0, error TEXT NOT NULL DEFAULT '',
    attempts INTEGER NOT NULL DEFAULT 0, added REAL NOT NULL, started REAL, ended REAL,
    options TEXT NOT NULL, pid INTEGER, process_started REAL, host TEXT,
    wants_cancel INTEGER NOT NULL DEFAULT 0);
CREATE INDEX jobs_by_state ON jobs (state, id);
CREATE TABLE lines (job INTEGER NOT NULL, at REAL NOT NULL, text TEXT NOT NULL);
CREATE INDEX lines_by_job ON lines (job);
"""


class JobQueue:
    """Jobs in one file; may be used by many threads and processes at once.

    Args:
        path: The file, made if need be; None is ``jobs.sqlite`` in the user's data
            folder.

    Raises:
        UsageError: the file is of another version, or no queue.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or data_folder() / "jobs.sqlite"
        """The file."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._database = sqlite3.connect(
            self.path,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = FULL")
            self._make_tables()
        except sqlite3.DatabaseError as error:
            self.close()
            raise UsageError(
                f"{self.path}: expected a queue of jobs, got: {error}; move it away to "
                "begin a new one"
            ) from error

    def add(self, job: FileJob, *, kind: str, folder: Path | None = None) -> int:
        """Add a waiting job and return its number.

        Args:
            job: What is to be done.
            kind: ``video`` or ``image``, for people.
            folder: From where names of files are meant; None is the current one.
        """
        return self.add_many([job], kind=kind, folder=folder)[0]

    def add_many(
        self, jobs: Sequence[FileJob], *, kind: str, folder: Path | None = None
    ) -> list[int]:
        """Add waiting jobs, all or none, and return their numbers; see `add`."""
        place = str((folder or Path.cwd()).resolve())
        numbers: list[int] = []
        with self._change() as database:
            for job in jobs:
                row = database.execute(
                    "INSERT INTO jobs (state, kind, source, target, folder, added,"
                    " options) VALUES ('waiting', ?, ?, ?, ?, ?, ?) RETURNING id",
                    (kind, job.source, job.target, place, time.time(), text_of(job)),
                ).fetchone()
                numbers.append(row[0])
        return numbers

    def jobs(
        self,
        *,
        states: Sequence[JobState] = JOB_STATES,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> list[QueuedJob]:
        """Return jobs in the order in which they were added.

        Args:
            states: Which ones.
            limit: How many at most; None for all. A thousand take a few milliseconds,
                however many there are.
            newest_first: Turns the order around.
        """
        marks = ", ".join("?" * len(states))
        column = "state" if len(states) == 1 else "+state"  # + reads in order, unsorted
        order = "DESC" if newest_first else "ASC"
        rows = self._read(
            f"SELECT {COLUMNS} FROM jobs WHERE {column} IN ({marks}) "
            f"ORDER BY id {order} LIMIT ?",
            (*states, -1 if limit is None else limit),
        )
        return [QueuedJob(*row) for row in rows]

    def get(self, number: int) -> QueuedJob:
        """Return one job.

        Raises:
            UsageError: there is none of this number.
        """
        rows = self._read(f"SELECT {COLUMNS} FROM jobs WHERE id = ?", (number,))
        if not rows:
            raise UsageError(f"job {number}: expected a number of rtstyle jobs list")
        return QueuedJob(*rows[0])

    def counts(self) -> dict[JobState, int]:
        """Return how many jobs are in each state."""
        rows = self._read("SELECT state, count(*) FROM jobs GROUP BY state", ())
        found = dict(rows)
        return {state: found.get(state, 0) for state in JOB_STATES}

    def log(self, number: int) -> str:
        """Return what a job has said so far, a line each."""
        rows = self._read(
            "SELECT text FROM lines WHERE job = ? ORDER BY rowid", (number,)
        )
        return "\n".join(text for (text,) in rows)

    def take(self, *, pid: int | None = None) -> QueuedJob | None:
        """Begin the oldest waiting job, or return None; no two takers get the same.

        Args:
            pid: Of the process that will work on it; None is this one.
        """
        with self._change() as database:
            self._release_dead(database)
            row = database.execute(
                "SELECT id FROM jobs WHERE state = 'waiting' ORDER BY id LIMIT 1"
            ).fetchone()
            if row is None:
                return None
            database.execute(
                "UPDATE jobs SET state = 'running', started = ?, ended = NULL,"
                " attempts = attempts + 1, error = '', num_done = 0, rate = 0,"
                " wants_cancel = 0 WHERE id = ?",
                (time.time(), row[0]),
            )
            _set_worker(database, row[0], pid or os.getpid())
            return self.get(row[0])

    def hand_over(self, number: int, *, pid: int | None = None) -> None:
        """Note that another process works on a running job; None is this one."""
        with self._change() as database:
            _set_worker(database, number, pid or os.getpid())

    def report(
        self, number: int, *, num_done: int, num_frames: int | None, rate: float
    ) -> None:
        """Note how far a running job is.

        Raises:
            CancelledError: `cancel` was called meanwhile.
        """
        with self._change() as database:
            row = database.execute(
                "UPDATE jobs SET num_done = ?, num_frames = ?, rate = ? WHERE id = ?"
                " RETURNING wants_cancel",
                (num_done, num_frames, rate, number),
            ).fetchone()
        if row is None or row[0]:
            raise CancelledError(f"job {number}: cancelled")

    def say(self, number: int, line: str) -> None:
        """Add a line to a job's log."""
        with self._change() as database:
            database.execute(
                "INSERT INTO lines VALUES (?, ?, ?)", (number, time.time(), line)
            )

    def finish(self, number: int, *, error: str = "") -> None:
        """Note that a job is done; `error` says what of its input was damaged."""
        self._end(number, "done", error)

    def fail(self, number: int, error: str) -> None:
        """Note that a job failed, and why, in one line."""
        self._end(number, "failed", error)

    def give_back(self, number: int) -> None:
        """Make a running job wait again, as if it had not been taken."""
        with self._change() as database:
            database.execute(
                "UPDATE jobs SET state = 'waiting', pid = NULL,"
                " attempts = max(0, attempts - 1)"
                " WHERE id = ? AND state = 'running'",
                (number,),
            )

    def cancel(self, numbers: Sequence[int]) -> int:
        """Cancel jobs; a running one ends within a second or so, and can go on later.

        Returns:
            How many were waiting or running.
        """
        changed = 0
        with self._change() as database:
            for number in numbers:
                changed += database.execute(
                    "UPDATE jobs SET state = 'cancelled', ended = ? WHERE id = ?"
                    " AND state = 'waiting'",
                    (time.time(), number),
                ).rowcount
                changed += database.execute(
                    "UPDATE jobs SET wants_cancel = 1 WHERE id = ?"
                    " AND state = 'running'",
                    (number,),
                ).rowcount
        return changed

    def end_cancelled(self, number: int) -> None:
        """Note that the process of a cancelled job has stopped."""
        self._end(number, "cancelled", "")

    def retry(self, numbers: Sequence[int] | None = None) -> int:
        """Make failed and cancelled jobs wait again; None: all that failed.

        Returns:
            How many.
        """
        if numbers is None:
            numbers = [job.id for job in self.jobs(states=["failed"])]
        changed = 0
        with self._change() as database:
            for number in numbers:
                changed += database.execute(
                    "UPDATE jobs SET state = 'waiting', error = '', attempts = 0,"
                    " wants_cancel = 0, ended = NULL WHERE id = ?"
                    " AND state IN ('failed', 'cancelled')",
                    (number,),
                ).rowcount
        return changed

    def clear(self, states: Sequence[JobState] = ("done", "cancelled")) -> int:
        """Remove jobs in these states, with their logs; running ones always stay.

        Returns:
            How many.
        """
        wanted = [state for state in states if state != "running"]
        marks = ", ".join("?" * len(wanted))
        with self._change() as database:
            changed = database.execute(
                f"DELETE FROM jobs WHERE state IN ({marks})", wanted
            ).rowcount
            database.execute("DELETE FROM lines WHERE job NOT IN (SELECT id FROM jobs)")
        return changed

    def forget(self, numbers: Sequence[int]) -> int:
        """Remove jobs that have ended, with their logs.

        Returns:
            How many.
        """
        changed = 0
        with self._change() as database:
            for number in numbers:
                changed += database.execute(
                    "DELETE FROM jobs WHERE id = ?"
                    " AND state IN ('done', 'failed', 'cancelled')",
                    (number,),
                ).rowcount
            database.execute("DELETE FROM lines WHERE job NOT IN (SELECT id FROM jobs)")
        return changed

    def close(self) -> None:
        """Close the file; may be called twice."""
        with self._lock:
            self._database.close()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def _end(self, number: int, state: JobState, error: str) -> None:
        with self._change() as database:
            database.execute(
                "UPDATE jobs SET state = ?, error = ?, ended = ?, pid = NULL"
                " WHERE id = ?",
                (state, error, time.time(), number),
            )

    def _read(self, text: str, values: Sequence[Any]) -> list[Any]:
        with self._lock:
            rows: list[Any] = self._database.execute(text, values).fetchall()
            return rows

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        """Give out the database for one change that is made whole or not at all."""
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")

    def _make_tables(self) -> None:
        with self._change() as database:
            (found,) = database.execute("PRAGMA user_version").fetchone()
            if found == 0:
                for statement in _SCHEMA.split(";"):
                    database.execute(statement)
                database.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
        if found not in (0, _SCHEMA_VERSION):
            self.close()
            raise UsageError(
                f"{self.path}: expected a queue of version {_SCHEMA_VERSION}, got "
                f"{found}; finish it with the rtstyle that made it"
            )

    def _release_dead(self, database: sqlite3.Connection) -> None:
        """Make jobs wait again whose process is gone."""
        rows = database.execute(
            "SELECT id, pid, process_started, host, attempts, wants_cancel FROM jobs"
            " WHERE state = 'running'"
        ).fetchall()
        for number, pid, started, host, attempts, wants_cancel in rows:
            if host != socket.gethostname() or _is_alive(pid, started):
                continue
            state, error = "waiting", ""
            if wants_cancel:
                state = "cancelled"
            elif attempts >= MOST_ATTEMPTS:
                state, error = "failed", f"its process died {attempts} times"
            database.execute(
                "UPDATE jobs SET state = ?, error = ?, pid = NULL WHERE id = ?",
                (state, error, number),
            )


def _set_worker(database: sqlite3.Connection, number: int, pid: int) -> None:
    started = psutil.Process(pid).create_time()
    database.execute(
        "UPDATE jobs SET pid = ?, process_started = ?, host = ? WHERE id = ?",
        (pid, started, socket.gethostname(), number),
    )


def _is_alive(pid: int | None, started: float | None) -> bool:
    """Return whether the process of that number is the one that began then."""
    if pid is None or started is None:
        return False
    try:
        process = psutil.Process(pid)
        is_same: bool = abs(process.create_time() - started) < _SAME_START_SECONDS
        return is_same and bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
