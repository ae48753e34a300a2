"""Films and pictures that the page stylizes as files, one at a time, beside the camera.

The list is a queue of `rtstyle.offline.queue` of its own, so it outlives the studio: a
job that was cut off goes on where it ended at the next start.
"""

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from rtstyle.errors import UsageError
from rtstyle.gallery.spec import StyleSpec
from rtstyle.look import Look
from rtstyle.offline.job import FileJob
from rtstyle.offline.queue import JobQueue
from rtstyle.offline.queued_job import QueuedJob
from rtstyle.studio.gentle import be_gentle
from rtstyle_streams.pictures.picture_file import PICTURE_SUFFIXES

VIDEO_SUFFIXES: Final = frozenset(
    {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".gif"}
)
"""Of films that a page may send."""
KEPT_SUFFIXES: Final = frozenset({".mp4", ".m4v", ".mov", ".mkv"})
"""Of films whose result has the same suffix; others become MP4."""
MOST_JOBS: Final = 200
"""In the list."""
POLL_SECONDS: Final = 0.3
"""How often the queue is looked at."""
LEAST_FRAMES: Final = 25
"""Done before it is told how long a job will take; the first ones include loading."""
MARK: Final = "-painted"
"""In the name of a result."""
STOP_SECONDS: Final = 8.0
"""How long a job may take to stop."""


@dataclass(frozen=True, slots=True)
class JobRow:
    """What the page learns of one job."""

    id: str
    """What the page calls it."""
    title: str
    """What people call it."""
    style: str
    """What people call its style, or its mixture."""
    state: str
    """See `rtstyle.offline.queue`."""
    done: float
    """Which part is done, 0..1."""
    seconds_left: float | None
    """How long it will take from now; None when not known."""
    error: str
    """Why it failed, in one line."""

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {key: getattr(self, key) for key in self.__slots__}


class StudioJobs:
    """Runs the jobs of a queue in processes of their own, one at a time.

    Args:
        path: The queue's file.
        title_of: Returns what people call what stands after `--style`.
    """

    def __init__(self, path: Path, title_of: Callable[[str], str]) -> None:
        self._queue, self._title_of = JobQueue(path), title_of
        self._closing, self._wake = threading.Event(), threading.Event()
        self._thread = threading.Thread(
            target=self._work, name="rtstyle-jobs", daemon=True
        )
        self._thread.start()

    def rows(self) -> list[JobRow]:
        """Return all jobs, oldest first."""
        return [self._row(job) for job in self._queue.jobs(limit=MOST_JOBS)]

    def add(self, job: FileJob) -> JobRow:
        """Take a job; it begins when its turn comes.

        Raises:
            UsageError: there are too many.
        """
        rows = self._queue.jobs(limit=MOST_JOBS)
        if len(rows) >= MOST_JOBS:
            raise UsageError(f"jobs: expected at most {MOST_JOBS}; remove some")
        taken = {row.target for row in rows}
        job = replace(job, target=str(_free(Path(job.target), taken)))
        kind = "image" if Path(job.source).suffix in PICTURE_SUFFIXES else "video"
        number = self._queue.add(job, kind=kind, folder=Path(job.target).parent)
        self._wake.set()
        return self._row(self._queue.get(number))

    def cancel(self, job_id: object) -> None:
        """End a job, or take one that has ended off the list; its result stays.

        Raises:
            UsageError: there is none of that id.
        """
        job = self._get(job_id)
        if self._queue.cancel([job.id]):
            return
        self._queue.forget([job.id])
        Path(job.source).unlink(missing_ok=True)

    def result(self, job_id: object) -> Path:
        """Return where a finished job's result is.

        Raises:
            UsageError: there is none.
        """
        job = self._get(job_id)
        if job.state != "done" or not Path(job.target).is_file():
            raise UsageError(f"job {_title(job)}: expected a finished one")
        return Path(job.target)

    def close(self) -> None:
        """Stop; the job that runs goes on another time."""
        self._closing.set()
        self._wake.set()
        self._thread.join(STOP_SECONDS + 4)
        self._queue.close()

    def _row(self, job: QueuedJob) -> JobRow:
        left = None
        if job.rate and job.num_frames and job.num_done >= LEAST_FRAMES:
            left = max(0.0, (job.num_frames - job.num_done) / job.rate)
        return JobRow(
            str(job.id),
            _title(job),
            self._title_of(job.job.style or ""),
            job.state,
            round(job.progress, 4),
            left if job.state == "running" else None,
            " ".join(job.error.replace(job.source, _title(job)).split()),
        )

    def _get(self, job_id: object) -> QueuedJob:
        is_number = isinstance(job_id, str) and job_id.isdecimal() and len(job_id) < 15
        if not is_number:
            raise UsageError(f"job: expected one of the list, got {job_id!r:.40}")
        return self._queue.get(int(str(job_id)))

    def _work(self) -> None:
        be_gentle()
        while not self._closing.is_set():
            taken = self._queue.take()
            if taken is None:
                self._wake.wait(POLL_SECONDS * 10)
                self._wake.clear()
                continue
            self._run(taken)

    def _run(self, taken: QueuedJob) -> None:
        """Run one job in a process, which takes what the camera leaves of the cores."""
        words = [sys.executable, "-m", "rtstyle.offline.queue_worker"]
        worker = subprocess.Popen(
            [*words, str(self._queue.path.resolve()), str(taken.id)],
            cwd=taken.folder,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for us; we end it
        )
        while worker.poll() is None and not self._closing.wait(POLL_SECONDS):
            pass
        if worker.poll() is None:
            worker.terminate()
            try:
                worker.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()
            self._queue.give_back(taken.id)
            return
        try:
            job = self._queue.get(taken.id)
        except UsageError:  # it was taken off the list meanwhile
            return
        if job.state == "running":  # it could not say how it ended
            self._queue.fail(job.id, f"its process ended with {worker.returncode}")
        elif job.state == "done":
            with contextlib.suppress(OSError):
                Path(job.source).unlink()


def new_job(
    source: Path, *, title: str, folder: Path, spec: StyleSpec, look: Look
) -> FileJob:
    """Return the job that stylizes a file which was sent.

    Args:
        source: The file, with the suffix of its kind.
        title: What its sender calls it; only letters and digits go into the name.
        folder: Where the result goes.
        spec: The style.
        look: Its controls.
    """
    suffix = source.suffix.lower()
    is_picture = suffix in PICTURE_SUFFIXES
    if not is_picture and suffix not in KEPT_SUFFIXES:
        suffix = ".mp4"
    stem = "".join(c if c.isalnum() or c in "-_" else "_" for c in Path(title).stem)
    parts = spec.parts
    style = ",".join(f"{part.name}:{part.weight:.6g}" for part in parts)
    return FileJob(
        source=str(source.resolve()),
        target=str((folder / f"{stem[:60] or 'film'}{MARK}{suffix}").resolve()),
        style=style if len(parts) > 1 else parts[0].name,
        look=look,
        smooth="off" if is_picture else "flow",
        is_quiet=True,
    )


def _title(job: QueuedJob) -> str:
    path = Path(job.target)
    return path.with_stem(path.stem.replace(MARK, "")).name


def _free(path: Path, taken: set[str]) -> Path:
    count, free = 2, path
    while free.exists() or str(free) in taken:
        free = path.with_stem(f"{path.stem}-{count}")
        count += 1
    return free
