"""Run a benchmark from beginning to end."""

import logging
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from rtstyle.benchmark.arithmetic import count_gmac
from rtstyle.benchmark.candidate import Candidate, baseline, candidates_of
from rtstyle.benchmark.ceiling import Ceiling, probe_ceiling
from rtstyle.benchmark.end_to_end import EndToEnd, measure_end_to_end
from rtstyle.benchmark.fresh import BenchError, FreshStart, measure_fresh
from rtstyle.benchmark.half_size import HalfSize, compare_half_size
from rtstyle.benchmark.report import Report, Row
from rtstyle.benchmark.rounds import Times, interleaved_ms, noise_of
from rtstyle.benchmark.soak import Soak, measure_soak
from rtstyle.gallery.find import load_style
from rtstyle.runtime import open_session, resolve_device
from rtstyle.smoothing import SmoothMode
from rtstyle.stylizer.controls import Controls
from rtstyle.stylizer.stylizer import Stylizer
from rtstyle_streams.frame import Pixels
from rtstyle_streams.pictures.picture_file import PICTURE_SUFFIXES, read_picture
from rtstyle_streams.sample.source import SampleSource

NUM_JUDGED, SCENE_STEP = 3, 20
"""Scene frames on which to judge a smaller network size, and the step between them."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BenchJob:
    """What to measure."""

    styles: tuple[str, ...]
    """Names or files of the styles."""
    width: int = 1280
    """Of the frames, in pixels."""
    height: int = 720
    """Of the frames, in pixels."""
    runtimes: tuple[str, ...] = ("onnxruntime",)
    """Runtimes on which to measure every style."""
    precision: str = "auto"
    """``auto`` is fp32 and, where a style has a twin, int8."""
    device: str = "auto"
    """See `Stylizer`."""
    smooth: SmoothMode = "flow"
    """Smoothing of the whole pipeline; this is the default of `rtstyle video`."""
    every: int = 1
    """Which frames the network paints in the whole pipeline; see `Controls`."""
    work_height: int | None = None
    """Number of lines that the network sees in the whole pipeline; None means all."""
    num_video_frames: int = 60
    """Number of frames in the clip for the whole pipeline; 0 skips it."""
    soak_seconds: float = 0.0
    """How long to run a video to see whether memory grows; 0 skips it."""
    photos: Path | None = None
    """Folder of pictures on which to judge `work_height`; None uses the scene."""


def run_bench(job: BenchJob) -> Report:
    """Measure the styles and the baseline in turns, then whole pipelines.

    Raises:
        StyleFileError: no such style, or no twin in that precision.
        RuntimeUnavailableError: a runtime or the device does not work here.
        BenchError: the folder of pictures holds none.
    """
    if job.photos is not None:
        photo_paths(job.photos)  # fail now, not after minutes of measuring
    device = resolve_device(job.device)
    frame = sample_frame(job.width, job.height)
    candidates = [baseline("onnxruntime")]
    for runtime in job.runtimes:
        for name in job.styles:
            candidates += candidates_of(name, precision=job.precision, runtime=runtime)
    log.info("measuring the peak speed of this machine")
    ceiling = probe_ceiling(device=device)
    starts = [
        measure_fresh(candidate, width=job.width, height=job.height, device=device)
        for candidate in _said(candidates)
    ]
    times = _in_turns(candidates, frame, device)
    rows = _rows(candidates, starts, times, frame, ceiling, device)
    return Report(
        job.width,
        job.height,
        ceiling,
        rows,
        _pipelines(job, device),
        _half_size(job, device),
        _soak(job, times),
    )


def sample_frame(width: int, height: int) -> Pixels:
    """Return a frame of the built-in scene."""
    with SampleSource(width=width, height=height, num_frames=1) as source:
        return next(iter(source)).pixels


def _said(candidates: list[Candidate]) -> list[Candidate]:
    names = ", ".join(f"{s.name} {s.precision} ({s.runtime})" for s in candidates)
    log.info("measuring %s", names)
    return candidates


def _in_turns(candidates: list[Candidate], frame: Pixels, device: str) -> list[Times]:
    sessions = {
        str(index): open_session(
            candidate.model,
            runtime=candidate.runtime,
            device=device,
            precision=candidate.precision,
        )
        for index, candidate in enumerate(candidates)
    }
    times = interleaved_ms(sessions, frame)
    for session in sessions.values():
        session.close()
    return [times[str(index)] for index in range(len(candidates))]


def _rows(
    candidates: list[Candidate],
    starts: list[FreshStart],
    times: list[Times],
    frame: Pixels,
    ceiling: Ceiling,
    device: str,
) -> tuple[Row, ...]:
    johnson_ms = float(np.median(times[0]))
    counted: dict[bytes, float] = {}
    rows = []
    for candidate, start, times_ms in zip(candidates, starts, times, strict=True):
        if candidate.counted not in counted:
            counted[candidate.counted] = count_gmac(candidate.counted, frame)
        gmac, median = counted[candidate.counted], float(np.median(times_ms))
        rows.append(
            Row(
                name=candidate.name,
                precision=candidate.precision,
                runtime=candidate.runtime,
                device=device,
                median_ms=median,
                p95_ms=float(np.percentile(times_ms, 95)),
                noise=noise_of(times_ms),
                num_timed=len(times_ms),
                ratio_to_johnson=johnson_ms / median,
                gmac=gmac,
                share_of_ceiling=gmac / median * 1e3 / ceiling.of(candidate.precision),
                load_ms=start.load_ms,
                first_frame_ms=start.first_frame_ms,
                peak_memory_mb=start.peak_memory_mb,
            )
        )
    return tuple(rows)


def _pipelines(job: BenchJob, device: str) -> tuple[EndToEnd, ...]:
    """Measure the whole pipeline of `rtstyle video` with the first style."""
    if not job.num_video_frames:
        return ()
    log.info("measuring a whole video")
    result = measure_end_to_end(
        load_style(job.styles[0]),
        width=job.width - job.width % 2,
        height=job.height - job.height % 2,
        num_frames=job.num_video_frames,
        smooth=job.smooth,
        every=job.every,
        work_height=job.work_height,
        precision=job.precision,
        runtime=job.runtimes[0],
        device=device,
    )
    return (result,)


def _half_size(job: BenchJob, device: str) -> HalfSize | None:
    if job.work_height is None:
        return None
    log.info("comparing pictures of %d lines with full-size ones", job.work_height)
    controls = Controls(height=job.work_height)
    precision, runtime = job.precision, job.runtimes[0]
    with Stylizer(
        load_style(job.styles[0]),
        controls=controls,
        precision=precision,
        runtime=runtime,
        device=device,
    ) as stylizer:
        return compare_half_size(stylizer, judged_frames(job))


def judged_frames(job: BenchJob) -> list[Pixels]:
    """Return the pictures on which to judge `BenchJob.work_height`, in the job's size.

    Raises:
        BenchError: the folder holds no pictures.
    """
    if job.photos is None:
        count = SCENE_STEP * (NUM_JUDGED - 1) + 1
        with SampleSource(
            width=job.width, height=job.height, num_frames=count
        ) as source:
            return [f.pixels for f in source if f.index % SCENE_STEP == 0]
    size = (job.width, job.height)
    photos = [read_picture(path)[0] for path in photo_paths(job.photos)]
    return [
        np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_CUBIC), np.uint8)
        for photo in photos
    ]


def photo_paths(folder: Path) -> list[Path]:
    """Return the pictures of a folder.

    Raises:
        BenchError: it holds no pictures.
    """
    paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in PICTURE_SUFFIXES)
    if not paths:
        raise BenchError(f"{folder}: expected pictures, got none")
    return paths


def _soak(job: BenchJob, times: list[Times]) -> Soak | None:
    if not job.soak_seconds:
        return None
    log.info("running a video for %.0f seconds", job.soak_seconds)
    quickest = min(float(np.median(times_ms)) for times_ms in times)
    return measure_soak(
        job.styles[0],
        width=job.width - job.width % 2,
        height=job.height - job.height % 2,
        seconds=job.soak_seconds,
        most_fps=1e3 / quickest,
    )
