"""One film on many machines: Ray runs its segments, the head joins them."""

import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from tqdm import tqdm

from rtstyle.gallery.find import DEFAULT_STYLE
from rtstyle.gallery.mixture import check_look, load_mixture
from rtstyle.gallery.spec import parse_style
from rtstyle.offline.cluster_task import ClusterJob
from rtstyle.offline.identity import input_identity
from rtstyle.offline.job import FileJob, JobResult
from rtstyle.offline.pipeline import Summary
from rtstyle.offline.ray_connection import RayConnection
from rtstyle.offline.resume import frames_per_segment, open_work_folder
from rtstyle.offline.segment_maker import MadePart, Part, parts_of
from rtstyle.offline.work_folder import WorkFolder
from rtstyle_streams.errors import SourceError
from rtstyle_streams.first_frame import PeekedSource
from rtstyle_streams.video.packet_times import packet_times
from rtstyle_streams.video.reader import VideoReader
from rtstyle_streams.video.segmented_writer import SegmentedWriter

PARTS_AHEAD: Final = 4
"""Segments that wait for each that can run, so that no worker is idle."""


@dataclass(slots=True)
class ClusterSummary:
    """What a run on a cluster did."""

    num_frames: int = 0
    """Frames that were made now."""
    num_warm_up: int = 0
    """Frames that were stylized twice, to warm up."""
    num_handed_over: int = 0
    """Segments that waited for the state of the one before."""
    parts: dict[int, Path] = field(default_factory=dict)
    """Whole segments by number."""


def run_cluster_job(
    job: FileJob, *, on_frame: Callable[[int, int | None], None] | None = None
) -> JobResult:
    """Stylize one film on the machines of a Ray cluster.

    Args:
        job: What is asked for; `FileJob.cluster` says where.
        on_frame: As for `run_file_job`.

    Raises:
        MissingExtraError: Ray is not installed.
        SourceError: the input cannot be read, or not be cut.
        SinkError: the output cannot be written.
    """
    began = time.perf_counter()
    spec = parse_style(job.style or DEFAULT_STYLE)
    check_look(job.look, [spec])
    path = Path(job.source)
    with ExitStack() as stack:
        reader = stack.enter_context(VideoReader(path, tone_map=job.tone_map))
        times = packet_times(path)
        folder = stack.enter_context(open_work_folder(job, reader))
        content = PeekedSource(reader).pixels if job.look.wants_content else None
        weighted_styles = load_mixture(spec, job.look, content=content)
        length = frames_per_segment(reader.info, job.segment_seconds)
        sink = stack.enter_context(_sink(job, reader, folder, length))
        ray = stack.enter_context(RayConnection(job.cluster or "auto"))
        payload = ClusterJob(
            key=uuid.uuid4().hex,
            job=replace(job, source=str(path.resolve()), device=ray.device(job.device)),
            weighted_styles=weighted_styles,
            input_identity=input_identity(path),
            shipped=path.read_bytes() if job.ship else None,
            frames_per_segment=length,
            workers=ray.cores_per_task,
        )
        parts = parts_of(times, frames_per_segment=length, look_back=length)
        with _bar(len(times), on_frame) as report:
            summary = _make_all(ray, payload, parts, times, folder, report)
        sink.go_on_behind([summary.parts[part.number] for part in parts])
    seconds = time.perf_counter() - began
    return JobResult(
        summary=Summary(summary.num_frames, seconds),
        width=reader.info.width,
        height=reader.info.height,
        style=spec.title if len(weighted_styles) > 1 else weighted_styles[0].style.name,
        runtime=f"ray, {summary.num_warm_up} frames warm-up, "
        f"{summary.num_handed_over} segments handed over",
        device=payload.job.device,
        target=job.target,
        num_decode_errors=0,
        num_kept=len(times) - summary.num_frames,
    )


def _make_all(
    ray: RayConnection,
    payload: ClusterJob,
    parts: list[Part],
    times: list[int],
    folder: WorkFolder,
    report: Callable[[int], None],
) -> ClusterSummary:
    """Make all segments that are not there, and keep each as it comes."""
    sent = ray.put(payload)
    summary = ClusterSummary(parts=folder.begin_parts(ray.get(ray.describe(sent))))
    report(sum(p.num_frames for p in parts if p.number in summary.parts))
    for made in _results(ray, sent, parts, summary):
        part = parts[made.number]
        _check(made, part, times, payload.job.source)
        summary.parts[made.number] = folder.add_part(
            made.number, made.data, num_frames=made.num_frames
        )
        summary.num_frames += made.num_frames
        summary.num_warm_up += made.num_warm_up
        report(made.num_frames)
    return summary


def _results(
    ray: RayConnection, sent: Any, parts: list[Part], summary: ClusterSummary
) -> Iterator[MadePart]:
    """Give out segments as they are made.

    A segment without a scene cut before it is asked for again with the state behind
    the one before; where that one is there from an earlier run, it is made once more
    for the sake of its state.
    """
    waiting = [part for part in parts if part.number not in summary.parts]
    running: dict[Any, tuple[Part, Any]] = {}  # of a result: its segment, its state
    states: dict[int, Any] = {}  # behind a segment, on some machine of the cluster
    blocked: dict[int, Part] = {}  # by the number of the segment they wait for

    def start(part: Part, state: Any = None) -> None:
        result, behind = ray.make_part(sent, part, state)
        running[result] = part, behind

    while waiting or running:
        while waiting and len(running) < PARTS_AHEAD * ray.num_slots:
            start(waiting.pop(0))
        for result in ray.ended(list(running)):
            part, behind = running.pop(result)
            made: MadePart | None = ray.get(result)
            if made is None:
                summary.num_handed_over += 1
                before = part.number - 1
                if before in states:
                    start(part, states.pop(before))
                else:
                    blocked[before] = part
                    _ask_again(before, parts, summary, running, waiting)
                continue
            if part.number in blocked:
                start(blocked.pop(part.number), behind)
            elif part.number + 1 not in summary.parts:
                states[part.number] = behind
            states.pop(part.number - 1, None)
            if part.number not in summary.parts:
                yield made


def _ask_again(
    number: int,
    parts: list[Part],
    summary: ClusterSummary,
    running: dict[Any, tuple[Part, Any]],
    waiting: list[Part],
) -> None:
    """Queue a segment that is there already, but whose state is needed now."""
    is_coming = any(part.number == number for part, _ in running.values())
    if number in summary.parts and not is_coming and parts[number] not in waiting:
        waiting.insert(0, parts[number])


def _check(made: MadePart, part: Part, times: list[int], source: str) -> None:
    """Refuse a segment that does not hold the frames it was asked for."""
    expected = (times[part.first], times[part.first + part.num_frames - 1])
    is_same = made.pts == expected and made.num_frames == part.num_frames
    if not is_same or not made.is_plain:
        raise SourceError(
            f"{source}: expected a film whose packets give a frame each, got one that "
            "is damaged, interlaced or joined; leave --cluster out"
        )


def _sink(
    job: FileJob, reader: VideoReader, folder: WorkFolder, length: int
) -> SegmentedWriter:
    return SegmentedWriter(
        Path(job.target),
        reader.info,
        folder=folder.path,
        frames_per_segment=length,
        on_segment=lambda segment: None,
        template=reader,
        codec=job.codec,
        crf=job.crf,
        preset=job.preset,
        bits=job.bits,
        overwrite=job.overwrite,
    )


@contextmanager
def _bar(
    total: int, on_frame: Callable[[int, int | None], None] | None
) -> Iterator[Callable[[int], None]]:
    """Give out what takes numbers of new frames: a progress bar, or `on_frame`."""
    done = 0

    def report(num_frames: int) -> None:
        nonlocal done
        done += num_frames
        assert on_frame is not None
        on_frame(done, total)

    if on_frame is not None:
        yield report
        return
    with tqdm(total=total, unit="frame", file=sys.stderr, mininterval=0.5) as bar:
        yield lambda num_frames: None if bar.update(num_frames) else None
