"""What a worker of a cluster does: makes segments, one call each."""

import hashlib
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rtstyle.errors import RuntimeUnavailableError
from rtstyle.gallery.mixture import WeightedStyle
from rtstyle.offline.identity import input_identity
from rtstyle.offline.job import FileJob
from rtstyle.offline.journal import Identity
from rtstyle.offline.segment_maker import MadePart, Part, SegmentMaker
from rtstyle.smoothing.protocol import State


@dataclass(frozen=True, slots=True)
class ClusterJob:
    """All that a worker needs to know, sent to each once."""

    key: str
    """Of this run."""
    job: FileJob
    """What is asked for."""
    weighted_styles: Sequence[WeightedStyle]
    """Its styles, loaded by the head."""
    input_identity: str
    """Of the input at the head."""
    shipped: bytes | None
    """The input itself; None where all machines share its path."""
    frames_per_segment: int
    """Where the film is cut."""
    workers: int
    """Threads of each call."""


_makers: dict[str, SegmentMaker] = {}  # of this process, the last job's alone


def describe(job: ClusterJob) -> Identity:
    """Return what the frames depend on, on this worker."""
    identity = _maker(job).identity()
    return identity | {"input": job.input_identity}


def make_part(
    job: ClusterJob, part: Part, state: State | None
) -> tuple[MadePart | None, State | None]:
    """Make one segment; see `SegmentMaker.make`. Both are None without a state."""
    made = _maker(job).make(part, state)
    return (None, None) if made is None else made


def _maker(job: ClusterJob) -> SegmentMaker:
    if job.key not in _makers:
        for maker in _makers.values():
            maker.close()
        _makers.clear()
        _makers[job.key] = SegmentMaker(
            job.job,
            job.weighted_styles,
            _input(job),
            frames_per_segment=job.frames_per_segment,
            workers=job.workers,
        )
    return _makers[job.key]


def _input(job: ClusterJob) -> Path:
    """Return the path of the input here; what was shipped is written to a file once."""
    if job.shipped is None:
        path = Path(job.job.source)
        here = input_identity(path) if path.is_file() else "no file"
        if without_time(here) != without_time(job.input_identity):
            raise RuntimeUnavailableError(
                f"{path}: expected the same file on every machine, got {here}; "
                "share its folder, or pass --ship"
            )
        return path
    digest = hashlib.sha256(job.shipped).hexdigest()[:32]
    path = (
        Path(tempfile.gettempdir()) / f"rtstyle-{digest}{Path(job.job.source).suffix}"
    )
    if not path.exists() or path.stat().st_size != len(job.shipped):
        part = path.with_name(f"{path.name}.{os.getpid()}")
        part.write_bytes(job.shipped)
        os.replace(part, path)
    return path


def without_time(identity: str) -> str:
    """Return what `input_identity` says but for the time of the last change."""
    return identity.rpartition(", ")[0]
