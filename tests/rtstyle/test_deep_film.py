"""A film of 10 bits from end to end: the tones that the style leaves alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rtstyle.look import Look
from rtstyle.offline.job import FileJob, run_file_job
from tests.streams.test_deep import RAMP, first_luma, ramp_clip


@pytest.fixture
def job(tmp_path: Path) -> FileJob:
    return FileJob(
        source=str(ramp_clip(tmp_path / "in.mkv")),
        target=str(tmp_path / "out.mkv"),
        style="water_lilies",
        codec="ffv1",
        device="cpu",
        is_quiet=True,
    )


@pytest.mark.parametrize("resume", [True, False])
def test_without_paint_all_tones_come_back(job: FileJob, resume: bool) -> None:
    run_file_job(replace(job, look=Look(strength=0.0), resume=resume))
    name, got = first_luma(Path(job.target))
    assert name == "yuv420p10le"
    assert np.abs(got - RAMP).max() <= 1


def test_paint_has_the_tones_between(job: FileJob, tmp_path: Path) -> None:
    eight = str(tmp_path / "eight.mkv")
    run_file_job(job)
    run_file_job(replace(job, target=eight, bits="8"))
    _, deep = first_luma(Path(job.target))
    with_8 = first_luma_of_8(Path(eight))
    assert np.abs(deep / 4 - with_8).mean() < 1.5, "the same picture"
    assert len(np.unique(deep)) > 1.5 * len(np.unique(with_8))


def first_luma_of_8(path: Path) -> np.ndarray:
    import av

    with av.open(str(path)) as film:
        frame = next(iter(film.decode(video=0)))
        plane = frame.planes[0]
        lines = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, -1)
        return lines[:, : plane.width].astype(int)
