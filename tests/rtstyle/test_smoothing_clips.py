"""Smoothing and cut detection on real clips."""

from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from rtstyle.metrics.motion import InputMotion
from rtstyle.metrics.warping_error import WarpingError
from rtstyle.smoothing import SceneCutDetector, SmoothMode, make_smoother
from rtstyle_streams.frame import Pixels
from rtstyle_streams.opening import open_source

pytestmark = [pytest.mark.shared, pytest.mark.slow]
CLIPS = ("intel_sister.mkv", "realshort.mp4", "intel_walk.mkv", "bigbuckbunny.mp4")


def clip(shared: Path, name: str, *, num_frames: int = 30) -> list[Pixels]:
    with open_source(shared / "data" / "clips" / name) as source:
        frames = [frame.pixels for frame in islice(source, num_frames)]
    size = (320, 240)
    small = [cv2.resize(f, size, interpolation=cv2.INTER_AREA) for f in frames]
    return [np.asarray(f, dtype=np.uint8) for f in small]


def etched(pixels: Pixels) -> Pixels:
    """A cheap style that flickers: strong local contrast."""
    soft = cv2.GaussianBlur(pixels, (0, 0), 2).astype(np.float32)
    return np.asarray(np.clip(128 + 6 * (pixels - soft), 0, 255), dtype=np.uint8)


def test_only_real_cuts_are_found_in_clips_set_behind_each_other(shared: Path) -> None:
    detector = SceneCutDetector()
    found, expected, count = [], [], 0
    for name in CLIPS:
        expected.append(count)
        for frame in clip(shared, name):
            if detector(frame):
                found.append(count)
            count += 1
    assert found == expected[1:]


@pytest.mark.parametrize(
    "name, mode, share",
    [
        ("intel_sister.mkv", "gate", 0.9),
        ("intel_sister.mkv", "flow", 0.8),
        ("realshort.mp4", "flow", 0.87),
        ("bigbuckbunny.mp4", "flow", 0.87),
    ],
)
def test_smoothing_lowers_the_warping_error_above_the_floor(
    shared: Path, name: str, mode: SmoothMode, share: float
) -> None:
    motion, smoother = InputMotion(), make_smoother(mode)
    floor, plain, steady = WarpingError(), WarpingError(), WarpingError()
    for frame in clip(shared, name):
        moved = motion(frame)
        floor.add(frame, *moved)
        plain.add(etched(frame), *moved)
        steady.add(smoother(frame, etched(frame)), *moved)
    above = (steady.mean - floor.mean) / (plain.mean - floor.mean)
    assert above < share
