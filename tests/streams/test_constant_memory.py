"""Memory does not grow with the length of a file."""

import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.streams.clips import write_clip

COPY = """
import resource, sys
from rtstyle_streams.video.reader import VideoReader
from rtstyle_streams.video.writer import VideoWriter

with (
    VideoReader(sys.argv[1]) as reader,
    VideoWriter(sys.argv[2], reader.info, template=reader) as writer,
):
    for frame in reader:
        writer.write(frame)
print(frame.index + 1, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak_kilobytes(source: Path, target: Path) -> tuple[int, int]:
    """Return the number of frames and the peak memory of a copy."""
    done = subprocess.run(
        [sys.executable, "-c", COPY, str(source), str(target)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=True,
        capture_output=True,
        text=True,
    )
    num_frames, peak = done.stdout.split()
    return int(num_frames), int(peak)


@pytest.mark.slow
@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="reads ru_maxrss in kB"
)
def test_a_file_ten_times_as_long_takes_no_more_memory(tmp_path: Path) -> None:
    picture = np.full((240, 320, 3), 90, np.uint8)
    peaks = []
    for num_frames in (100, 1000):
        source = write_clip(
            tmp_path / f"{num_frames}.mkv",
            [picture] * num_frames,
            options={"crf": "30"},
            rate=Fraction(25),
        )
        count, peak = peak_kilobytes(source, tmp_path / f"out{num_frames}.mkv")
        assert count == num_frames
        peaks.append(peak)
    assert peaks[1] - peaks[0] < 20_000, "900 frames are 200 MB"
