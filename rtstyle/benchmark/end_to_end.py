"""Time a whole `rtstyle video`, stage by stage and then with its threads."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from rtstyle.benchmark.rounds import noise_of
from rtstyle.offline.pipeline import Pipeline
from rtstyle.runtime.device import physical_cores
from rtstyle.smoothing import SmoothMode
from rtstyle.style_file import Style
from rtstyle.stylizer.controls import Controls
from rtstyle.stylizer.stylizer import Stylizer
from rtstyle_streams.frame import Frame
from rtstyle_streams.sample.source import SampleSource
from rtstyle_streams.video.reader import VideoReader
from rtstyle_streams.video.writer import VideoWriter

STAGES = ("source", "stylize", "smooth", "encode")
"""Stages in the order in which a frame passes through them."""


@dataclass(frozen=True, slots=True)
class EndToEnd:
    """Times of a file through all stages."""

    style: str
    """Name of the style."""
    precision: str
    """Precision of its network."""
    smooth: SmoothMode
    """How it was smoothed."""
    every: int
    """Which frames the network painted."""
    num_frames: int
    """Number of frames in the clip."""
    stage_ms: dict[str, float]
    """Wall time per frame of each of `STAGES`, run one after the other."""
    fps: float
    """Frames per second of the pipeline with all its threads."""
    core_ms: float
    """CPU time per frame over all threads, stages run one after the other."""
    cores: int
    """Physical cores available."""
    noise: float
    """Spread of the times of single frames, run one after the other; see
    `rounds.noise_of`."""

    @property
    def shares(self) -> dict[str, float]:
        """Return each stage's share of the total time, 0..1."""
        total = sum(self.stage_ms.values())
        return {stage: ms / total for stage, ms in self.stage_ms.items()}

    @property
    def overlap(self) -> float:
        """Return how many times faster the pipeline is than its stages run in turn."""
        return sum(self.stage_ms.values()) * self.fps / 1e3

    @property
    def efficiency(self) -> float:
        """Return the share of the cores' capacity that the pipeline uses, 0..1."""
        return self.fps * self.core_ms / 1e3 / self.cores

    def as_dict(self) -> dict[str, Any]:
        """Return fields and properties for JSON."""
        properties = {name: getattr(self, name) for name in ("shares", "overlap")}
        return asdict(self) | properties | {"efficiency": self.efficiency}


def measure_end_to_end(
    style: Style,
    *,
    width: int,
    height: int,
    num_frames: int = 60,
    smooth: SmoothMode = "flow",
    every: int = 1,
    work_height: int | None = None,
    precision: str = "auto",
    runtime: str = "auto",
    device: str = "auto",
    folder: Path | None = None,
) -> EndToEnd:
    """Decode, stylize, smooth and encode a clip of the built-in scene, twice.

    Args:
        style: As loaded.
        width: Of the clip, in pixels; even.
        height: Of the clip, in pixels; even.
        num_frames: Number of frames in the clip.
        smooth: As in `rtstyle video`.
        every: As in `rtstyle video`.
        work_height: Lines that the network sees; None means all.
        precision: See `Stylizer`.
        runtime: See `Stylizer`.
        device: See `Stylizer`.
        folder: Where clips are written; None uses a temporary one.
    """
    with ExitStack() as stack:
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        clip = folder / "clip.mp4"
        with (
            SampleSource(width=width, height=height, num_frames=num_frames) as source,
            VideoWriter(clip, source.info, overwrite=True) as writer,
        ):
            for frame in source:
                writer.write(frame)
        stylizer = stack.enter_context(
            Stylizer(
                style,
                controls=Controls(smooth=smooth, height=work_height, every=every),
                precision=precision,
                runtime=runtime,
                device=device,
                workers=0,
            )
        )
        stage_ms, core_ms, noise = _in_a_row(clip, folder / "row.mp4", stylizer)
        stylizer.reset()
        fps = _with_threads(clip, folder / "threads.mp4", stylizer)
    return EndToEnd(
        style=style.name,
        precision=stylizer.precision,
        smooth=smooth,
        every=every,
        num_frames=num_frames,
        stage_ms=stage_ms,
        fps=fps,
        core_ms=core_ms,
        cores=physical_cores(),
        noise=noise,
    )


def _in_a_row(
    clip: Path, target: Path, stylizer: Stylizer
) -> tuple[dict[str, float], float, float]:
    """Return mean milliseconds of stages without overlap and of CPU time, and noise."""
    total = dict.fromkeys(STAGES, 0.0)
    whole_ms: list[float] = []
    with (
        VideoReader(clip) as source,
        VideoWriter(target, source.info, overwrite=True) as writer,
    ):
        frames: Iterator[Frame] = iter(source)
        began = time.process_time()
        while True:
            marks = [time.perf_counter()]
            frame = next(frames, None)
            if frame is None:
                break
            marks.append(time.perf_counter())
            output = stylizer.network(frame.pixels)
            marks.append(time.perf_counter())
            pixels = stylizer.finish(output)
            marks.append(time.perf_counter())
            writer.write(replace(frame, pixels=pixels))
            marks.append(time.perf_counter())
            for index, stage in enumerate(STAGES):
                total[stage] += (marks[index + 1] - marks[index]) * 1e3
            whole_ms.append((marks[-1] - marks[0]) * 1e3)
        core_ms = (time.process_time() - began) * 1e3
    count = len(whole_ms)
    means = {stage: ms / count for stage, ms in total.items()}
    return means, core_ms / count, noise_of(np.array(whole_ms))


def _with_threads(clip: Path, target: Path, stylizer: Stylizer) -> float:
    with (
        VideoReader(clip) as source,
        VideoWriter(target, source.info, overwrite=True) as writer,
    ):
        return Pipeline(source, stylizer, writer).run().frames_per_second
