"""Many file jobs, one after the other: one that fails does not stop the rest."""

import json
import logging
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from tqdm import tqdm

from rtstyle.errors import RtstyleError
from rtstyle.offline.job import FileJob, run_file_job
from rtstyle.offline.plan import PlannedJob
from rtstyle_streams.errors import StreamError
from rtstyle_streams.opening import open_source

log = logging.getLogger(__name__)

State = Literal["done", "damaged", "skipped", "failed"]
"""Whole; whole but the input was damaged; there already; not there."""
MEASURED_FRAMES: Final = 24
"""Of the first input, from which the time for all is told."""
WARM_UP_FRAMES: Final = 4
"""Of them, that are not counted."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one input."""

    job: FileJob
    """What was asked for."""
    state: State
    """See there."""
    num_frames: int = 0
    """Frames of the output."""
    error: str = ""
    """Why it failed, in one line."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What became of all inputs."""

    rows: tuple[Outcome, ...]
    """In their order."""
    seconds: float
    """Wall time."""

    def count(self, state: State) -> int:
        """Return how many inputs came to this."""
        return sum(row.state == state for row in self.rows)

    def as_text(self) -> str:
        """Return one line for people, and one for each input that failed."""
        made = self.count("done") + self.count("damaged")
        parts = [f"{made} done", f"{self.count('skipped')} there already"]
        if self.count("damaged"):
            parts.append(f"{self.count('damaged')} of damaged inputs")
        parts.append(f"{self.count('failed')} failed")
        lines = [f"{', '.join(parts)}, in {self.seconds:.1f} s"]
        lines += [f"failed: {row.error}" for row in self.rows if row.error]
        return "\n".join(lines)

    def as_json(self) -> str:
        """Return all of it as one JSON object."""
        files = [
            {
                "source": row.job.source,
                "target": row.job.target,
                "state": row.state,
                "frames": row.num_frames,
                "error": row.error,
            }
            for row in self.rows
        ]
        return json.dumps({"files": files, "seconds": round(self.seconds, 3)})


def run_many(planned: Sequence[PlannedJob]) -> Outcomes:
    """Do all jobs that are not done, with a progress bar over all frames on stderr.

    Raises:
        RtstyleError: a style, runtime or option that is wrong for all of them.
    """
    began = time.perf_counter()
    left = [row.job for row in planned if not row.is_done]
    total = sum(num_frames(job) for job in left)
    rows = []
    with tqdm(total=total, unit="frame", file=sys.stderr, mininterval=0.5) as bar:
        for number, row in enumerate(planned, start=1):
            if row.is_done:
                rows.append(Outcome(row.job, "skipped"))
                continue
            name = Path(row.job.source).name
            bar.set_description(f"{number}/{len(planned)} {name}")
            rows.append(_run_one(row.job, bar))
    return Outcomes(tuple(rows), time.perf_counter() - began)


def _run_one(job: FileJob, bar: "tqdm[None]") -> Outcome:
    """Do one job; an input that cannot be read or written is an outcome."""
    begun_at = bar.n

    def on_frame(done: int, total: int | None) -> None:
        bar.update(begun_at + done - bar.n)

    try:
        Path(job.target).parent.mkdir(parents=True, exist_ok=True)
        result = run_file_job(job, on_frame=on_frame)
    except RtstyleError:
        raise
    except (StreamError, OSError) as error:
        text = " ".join(str(error).split())
        log.error("%s", text)
        return Outcome(job, "failed", error=text)
    frames = result.num_kept + result.summary.num_frames
    state: State = "damaged" if result.num_decode_errors else "done"
    return Outcome(job, state, frames)


def num_frames(job: FileJob) -> int:
    """Return how many frames an input has, as far as its header says; 0: unknown."""
    return _frames_and_pixels(job)[0]


def _frames_and_pixels(job: FileJob) -> tuple[int, int]:
    """Return frames of an input and pixels of each; zeros when it cannot be opened."""
    try:
        with open_source(job.source) as source:
            info = source.info
            return info.num_frames or 0, info.width * info.height
    except StreamError:
        return 0, 0


def forecast(planned: Sequence[PlannedJob]) -> Iterator[str]:
    """Give out a line for each input, and one for all: frames and the time they take.

    A few frames of the first input are stylized and encoded; others are taken to cost
    as much a pixel.

    Raises:
        RtstyleError: as for `run_many`.
    """
    sizes = [(0, 0) if row.is_done else _frames_and_pixels(row.job) for row in planned]
    readable = [
        (row.job, pixels)
        for row, (_, pixels) in zip(planned, sizes, strict=True)
        if pixels
    ]
    seconds_per_pixel = 0.0
    if readable:
        job, pixels = readable[0]
        seconds_per_pixel = _seconds_per_frame(job) / pixels
    total = 0.0
    for row, (frames, pixels) in zip(planned, sizes, strict=True):
        seconds = frames * pixels * seconds_per_pixel
        total += seconds
        told = f"{frames} frames, about {_duration(seconds)}"
        if row.is_done:
            told = "there already"
        elif not pixels:
            told = "cannot be read"
        yield f"{row.job.source} -> {row.job.target}: {told}"
    num_left = sum(not row.is_done for row in planned)
    yield f"{num_left} to do, about {_duration(total)} on this machine"


class _Enough(Exception):
    """What ends a measurement."""


def _seconds_per_frame(job: FileJob) -> float:
    """Return how long a frame takes, from a few of them that are thrown away."""
    times: list[float] = []

    def on_frame(done: int, total: int | None) -> None:
        times.append(time.perf_counter())
        if done == MEASURED_FRAMES:
            raise _Enough

    with tempfile.TemporaryDirectory() as folder:
        target = str(Path(folder) / Path(job.target).name)
        began = time.perf_counter()
        try:
            run_file_job(replace(job, target=target, resume=False), on_frame=on_frame)
        except _Enough:
            pass
    if len(times) > WARM_UP_FRAMES + 1:
        frames = len(times) - 1 - WARM_UP_FRAMES
        return (times[-1] - times[WARM_UP_FRAMES]) / frames
    return (time.perf_counter() - began) / max(1, len(times))


def _duration(seconds: float) -> str:
    """Return a time for people: ``42 s``, ``12 min`` or ``3.5 h``."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
