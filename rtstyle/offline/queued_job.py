"""One row of the queue of file jobs."""

import json
from dataclasses import asdict, dataclass, fields
from typing import Final, Literal, get_args

from rtstyle.errors import UsageError
from rtstyle.look import Look
from rtstyle.offline.job import FileJob

JobState = Literal["waiting", "running", "done", "failed", "cancelled"]
"""See `rtstyle.offline.queue`."""
JOB_STATES: Final[tuple[JobState, ...]] = get_args(JobState)
"""All states."""


@dataclass(slots=True)
class QueuedJob:
    """One row of the queue, as it was when it was read."""

    id: int
    """Number of the job, from 1; never given twice."""
    state: JobState
    """See `rtstyle.offline.queue`."""
    kind: str
    """``video`` or ``image``."""
    source: str
    """Its input, as written."""
    target: str
    """Its output, as written."""
    folder: str
    """Names of files are meant from here."""
    num_done: int
    """Frames that are done."""
    num_frames: int | None
    """Frames in all; None when unknown."""
    rate: float
    """Frames per second, the mean since it was begun; 0 before."""
    error: str
    """Why it failed, or what was damaged, in one line; else empty."""
    attempts: int
    """How often it was begun."""
    added: float
    """When, in seconds since 1970."""
    started: float | None
    """When it was begun last, likewise."""
    ended: float | None
    """When it came to its end, likewise."""
    options: str
    """`FileJob` as JSON; `job` reads it."""

    @property
    def job(self) -> FileJob:
        """Return all options.

        Raises:
            UsageError: they were written by another version.
        """
        return job_of(self.options)

    @property
    def progress(self) -> float:
        """Return which part is done, 0..1; 0 when unknown."""
        if self.state == "done":
            return 1.0
        return min(1.0, self.num_done / self.num_frames) if self.num_frames else 0.0


COLUMNS: Final = ", ".join(field.name for field in fields(QueuedJob))
"""Of the queue's table, in the order of the fields."""


class CancelledError(Exception):
    """Raised by `JobQueue.report` when the job is no longer wanted."""


def text_of(job: FileJob) -> str:
    """Return a job as JSON; `job_of` reads it."""
    return json.dumps(asdict(job), sort_keys=True)


def job_of(text: str) -> FileJob:
    """Return the job that `text_of` was given.

    Raises:
        UsageError: it was written by another version.
    """
    try:
        rows = json.loads(text)
        return FileJob(**{**rows, "look": Look(**rows["look"])})
    except (TypeError, KeyError, ValueError) as error:
        raise UsageError(
            f"job: expected options of this version, got others ({error}); add it again"
        ) from error
