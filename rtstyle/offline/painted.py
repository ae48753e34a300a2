"""File jobs with painted frames: their paint is carried through the film."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rtstyle.errors import UsageError
from rtstyle.painted_frames.carried_film import CarriedFilm
from rtstyle.painted_frames.finding import find_frames, read_painted
from rtstyle.painted_frames.painted_stylizer import PaintedStylizer, TwoSteps
from rtstyle_streams.opening import open_source

if TYPE_CHECKING:
    from rtstyle.offline.job import FileJob

log = logging.getLogger(__name__)


def check_painted_job(job: "FileJob") -> None:
    """Refuse a job with painted frames that cannot be done.

    Raises:
        UsageError: it is shared among machines, or its input is a pipe, which cannot
            be read twice; or there are not as many times as pictures.
    """
    if job.cluster is not None:
        raise UsageError("--painted: expected one machine, got --cluster")
    if job.source == "-":
        raise UsageError("--painted: expected a file, which is read twice, got a pipe")
    num_painted, num_times = len(job.painted or ()), len(job.painted_at or ())
    if num_times not in (0, num_painted):
        raise UsageError(
            f"--at: expected {num_painted}, one for each painted frame, got {num_times}"
        )


@contextmanager
def painted_steps(job: "FileJob", stylizer: TwoSteps) -> Iterator[TwoSteps]:
    """Yield the stylizer, or one that takes the job's painted frames into account.

    Raises:
        UsageError: a picture fits no frame of the film.
        SourceError: a file cannot be read.
    """
    if not job.painted:
        yield stylizer
        return
    open_film = partial(
        open_source, job.source, kind=job.kind, rate=job.rate, tone_map=job.tone_map
    )
    pictures = [
        read_painted(Path(path), at_seconds=time)
        for path, time in zip(
            job.painted, job.painted_at or (None,) * len(job.painted), strict=True
        )
    ]
    say = log.debug if job.is_quiet else log.warning
    keys, _ = find_frames(pictures, open_film, say=say)
    with CarriedFilm(keys, open_film) as carried:
        yield PaintedStylizer(stylizer, carried)
