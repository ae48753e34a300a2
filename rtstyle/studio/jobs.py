"""Films and pictures that the page stylizes as files, one at a time, beside the camera.

The page knows jobs by the small protocol `JobList`, whoever runs them. `LocalJobs` runs
them on a thread of this process and writes the list down, so that a job that was cut
off begins again at the next start.
"""

import contextlib
import json
import logging
import re
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, Protocol

from rtstyle.errors import RtstyleError, UsageError
from rtstyle.gallery.mixture import load_mixture
from rtstyle.gallery.spec import StylePart, StyleSpec
from rtstyle.look import Look
from rtstyle.offline.pipeline import Pipeline
from rtstyle.smoothing import SmoothMode
from rtstyle.studio.gentle import be_gentle
from rtstyle.stylizer.controls import controls_of
from rtstyle.stylizer.stylizer import Stylizer
from rtstyle.user_files import write_whole
from rtstyle_streams.errors import StreamError
from rtstyle_streams.frame import Frame
from rtstyle_streams.opening import open_sink, open_source
from rtstyle_streams.pictures.picture_file import PICTURE_SUFFIXES

log = logging.getLogger(__name__)

JobState = Literal["waiting", "running", "done", "failed", "cancelled"]
"""Where a job is."""
VIDEO_SUFFIXES: Final = frozenset(
    {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".gif"}
)
"""Of films that a page may send."""
KEPT_SUFFIXES: Final = frozenset({".mp4", ".m4v", ".mov", ".mkv"})
"""Of films whose result has the same suffix; others become MP4."""
MOST_JOBS: Final = 200
"""In the list."""


@dataclass(frozen=True, slots=True)
class Job:
    """One file to stylize."""

    id: str
    """What the page calls it."""
    title: str
    """What its sender calls it."""
    source: str
    """The file that was sent."""
    target: str
    """Where the result goes."""
    style: tuple[tuple[str, float], ...]
    """Names or paths of styles, and their weights."""
    look: dict[str, Any]
    """As of `Look`."""
    smooth: SmoothMode = "flow"
    """See `Controls.smooth`."""
    state: JobState = "waiting"
    """Where it is."""
    done: float = 0.0
    """How much of it, 0..1."""
    seconds_left: float | None = None
    """How long it will take from now; None when not known."""
    error: str = ""
    """Why it failed."""

    def as_dict(self) -> dict[str, Any]:
        """Return what the page learns of it."""
        keys = ("id", "title", "state", "done", "seconds_left", "error")
        row = {key: getattr(self, key) for key in keys}
        names = [
            re.sub(r"-[0-9a-f]{8}$", "", Path(name).stem) for name, _ in self.style
        ]
        return row | {"style": " + ".join(names)}


class JobList(Protocol):
    """What the page needs of whoever runs jobs."""

    def all(self) -> list[Job]:
        """Return all jobs, oldest first."""
        ...

    def add(self, job: Job) -> None:
        """Take a job; it begins when its turn comes."""
        ...

    def cancel(self, job_id: object) -> None:
        """End a job, or take one that has ended off the list."""
        ...

    def result(self, job_id: object) -> Path:
        """Return where a finished job's result is."""
        ...

    def close(self) -> None:
        """Stop; jobs that are not finished go on another time."""
        ...


class Cancelled(Exception):
    """A job was told to end."""


class LocalJobs:
    """Runs jobs on a thread of this process, one at a time, with one core.

    Args:
        folder: Where the list and the files that were sent are kept.
        run: Runs one job; told how much is done, it may be ended by an exception.
    """

    def __init__(
        self,
        folder: Path,
        run: Callable[[Job, Callable[[float], None]], None] | None = None,
    ) -> None:
        self._path, self._run = folder / "jobs.json", run or run_job
        self._jobs: dict[str, Job] = {}
        self._lock, self._wake = threading.Lock(), threading.Event()
        self._closing, self._ended = threading.Event(), set[str]()
        for row in self._read():
            self._jobs[row.id] = row
        self._thread = threading.Thread(
            target=self._work, name="rtstyle-jobs", daemon=True
        )
        self._thread.start()

    def all(self) -> list[Job]:
        """Return all jobs, oldest first."""
        with self._lock:
            return list(self._jobs.values())

    def add(self, job: Job) -> None:
        """Take a job; it begins when its turn comes.

        Raises:
            UsageError: there are too many.
        """
        with self._lock:
            if len(self._jobs) >= MOST_JOBS:
                raise UsageError(f"jobs: expected at most {MOST_JOBS}; remove some")
            self._jobs[job.id] = job
        self._save()
        self._wake.set()

    def cancel(self, job_id: object) -> None:
        """End a job, or take one that has ended off the list; its result stays.

        Raises:
            UsageError: there is none of that id.
        """
        job = self._get(job_id)
        self._ended.add(job.id)
        if job.state == "waiting":
            self._note(job.id, state="cancelled")
        elif job.state != "running":
            with self._lock:
                self._jobs.pop(job.id, None)
        if job.state != "running":
            Path(job.source).unlink(missing_ok=True)
        self._save()

    def result(self, job_id: object) -> Path:
        """Return where a finished job's result is.

        Raises:
            UsageError: there is none.
        """
        job = self._get(job_id)
        if job.state != "done" or not Path(job.target).is_file():
            raise UsageError(f"job {job.title}: expected a finished one")
        return Path(job.target)

    def close(self) -> None:
        """Stop; the job that runs begins again another time."""
        self._closing.set()
        self._wake.set()
        self._thread.join(10)

    def _get(self, job_id: object) -> Job:
        job = self._jobs.get(job_id) if isinstance(job_id, str) else None
        if job is None:
            raise UsageError(f"job: expected one of the list, got {job_id!r:.40}")
        return job

    def _work(self) -> None:
        be_gentle()
        while not self._closing.is_set():
            waiting = [job for job in self.all() if job.state == "waiting"]
            if not waiting:
                self._wake.wait()
                self._wake.clear()
                continue
            self._run_one(waiting[0])
            self._save()

    def _run_one(self, job: Job) -> None:
        began = time.monotonic()
        self._note(job.id, state="running")

        def tell(done: float) -> None:
            if job.id in self._ended or self._closing.is_set():
                raise Cancelled
            left = (time.monotonic() - began) * (1 - done) / done if done else None
            self._note(job.id, done=done, seconds_left=left)

        try:
            self._run(job, tell)
        except Cancelled:
            is_wanted = job.id not in self._ended
            self._note(job.id, state="waiting" if is_wanted else "cancelled", done=0.0)
        except (RtstyleError, StreamError) as error:
            self._note(job.id, state="failed", error=" ".join(str(error).split()))
        except Exception as error:  # a fault of ours ends the job, not the list
            log.exception("job %s", job.title)
            self._note(job.id, state="failed", error=f"{type(error).__name__}: {error}")
        else:
            self._note(job.id, state="done", done=1.0, seconds_left=0.0)
        if self._jobs[job.id].state != "waiting":
            Path(job.source).unlink(missing_ok=True)

    def _note(self, job_id: str, **changes: Any) -> None:
        with self._lock:
            self._jobs[job_id] = replace(self._jobs[job_id], **changes)

    def _save(self) -> None:
        rows = [asdict(job) for job in self.all()]
        with contextlib.suppress(OSError):
            write_whole(self._path, json.dumps(rows, ensure_ascii=False).encode())

    def _read(self) -> list[Job]:
        try:
            rows = json.loads(self._path.read_bytes())
            jobs = [
                Job(
                    **{
                        **row,
                        "style": tuple((str(n), float(w)) for n, w in row["style"]),
                    }
                )
                for row in rows
            ]
        except (OSError, ValueError, TypeError, KeyError):
            return []
        return [
            replace(job, state="waiting", done=0.0) if job.state == "running" else job
            for job in jobs
        ]


def new_job(
    source: Path, *, title: str, folder: Path, spec: StyleSpec, look: Look
) -> Job:
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
    target = _free(folder / f"{stem[:60] or 'film'}-painted{suffix}")
    return Job(
        uuid.uuid4().hex[:12],
        title[:80],
        str(source),
        str(target),
        tuple((part.name, part.weight) for part in spec.parts),
        asdict(look),
        "off" if is_picture else "flow",
    )


def run_job(job: Job, tell: Callable[[float], None]) -> None:
    """Stylize one file; the target appears only when it is whole.

    Raises:
        Cancelled: `tell` said so; nothing is left.
        StreamError: the file cannot be read or written.
        RtstyleError: the style cannot be loaded.
    """
    spec = StyleSpec(tuple(StylePart(name, weight) for name, weight in job.style))
    look = Look(**job.look)
    weighted_styles = load_mixture(spec, look)
    controls = controls_of(look, smooth=job.smooth)
    with open_source(Path(job.source)) as source:
        total, count = source.info.num_frames or 0, 0

        def on_frame(frame: Frame) -> None:
            nonlocal count
            count += 1
            tell(min(0.999, count / total) if total else 0.0)

        with (
            open_sink(Path(job.target), source.info, template=source) as sink,
            Stylizer(
                weighted_styles,
                controls=controls,
                matrix=source.info.matrix,
                workers=2,  # of one core each
            ) as stylizer,
        ):
            stylizer.workers = 1
            Pipeline(source, stylizer, sink).run(on_frame)


def _free(path: Path) -> Path:
    count, free = 2, path
    while free.exists():
        free = path.with_stem(f"{path.stem}-{count}")
        count += 1
    return free
