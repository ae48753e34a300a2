"""Recordings of live sources: variable rate, and what is left after a crash."""

import os
import signal
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from rtstyle_streams.frame import Frame
from rtstyle_streams.protocols import StreamInfo
from rtstyle_streams.video.reader import VideoReader
from rtstyle_streams.video.writer import VideoWriter
from tests.streams.clips import HEIGHT, WIDTH, frame_times, numbered

MICROSECOND = Fraction(1, 1_000_000)
LIVE = StreamInfo(WIDTH, HEIGHT, MICROSECOND, frame_rate=Fraction(30), is_live=True)

RECORD = """
import sys, time
from fractions import Fraction
import numpy as np
from rtstyle_streams.frame import Frame
from rtstyle_streams.protocols import StreamInfo
from rtstyle_streams.video.writer import VideoWriter

info = StreamInfo(64, 48, Fraction(1, 1000), frame_rate=Fraction(30), is_live=True)
writer = VideoWriter(sys.argv[1], info)
for index in range(300):
    pixels = np.full((48, 64, 3), index % 200, np.uint8)
    writer.write(Frame(pixels, index * 33, Fraction(1, 1000), index))
print("written", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_a_recording_keeps_the_times_at_which_frames_came(
    tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"out{suffix}"
    ticks = [0, 33_100, 70_000, 71_500, 500_000, 533_333]
    with VideoWriter(path, LIVE) as writer:
        for index, tick in enumerate(ticks):
            writer.write(Frame(numbered(index), tick, MICROSECOND, index))
    times = frame_times(path)
    assert len(times) == len(ticks)
    worst = max(abs(t - k * MICROSECOND) for t, k in zip(times, ticks, strict=True))
    assert worst <= Fraction(1, 2000)


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".ts"])
def test_a_recording_of_a_run_that_is_under_way_begins_at_0(
    tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"out{suffix}"
    with VideoWriter(path, LIVE) as writer:
        for index in range(10):
            ticks = 600_000_000 + 40_000 * index
            writer.write(Frame(numbered(index), ticks, MICROSECOND, index))
    assert frame_times(path) == [Fraction(index, 25) for index in range(10)]


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_a_killed_recording_can_be_played(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    child = subprocess.Popen(
        [sys.executable, "-c", RECORD, str(path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"written\n"
    child.send_signal(signal.SIGKILL)
    child.wait(10)
    child.stdout.close()
    assert not path.exists()
    with VideoReader(tmp_path / f"out.part{suffix}") as reader:
        times = [frame.pts_seconds for frame in reader]
    assert len(times) >= 300 - 75, "more than two seconds are lost"
    assert times[-1] - times[0] > 7


def test_a_recording_that_breaks_off_stays_as_a_part(tmp_path: Path) -> None:
    def run() -> None:
        with writer:
            for index in range(5):
                writer.write(Frame(numbered(index), index, Fraction(1, 30), index))
            raise ValueError("broken")

    writer = VideoWriter(tmp_path / "out.mkv", LIVE)
    with pytest.raises(ValueError, match="broken"):
        run()
    assert os.listdir(tmp_path) == ["out.part.mkv"]
    assert len(frame_times(tmp_path / "out.part.mkv")) == 5
    assert "out.part.mkv" in writer.notices[-1]


def test_an_older_part_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "out.part.mkv").write_bytes(b"from the crash before")
    with VideoWriter(tmp_path / "out.mkv", LIVE) as writer:
        writer.write(Frame(numbered(0), 0, MICROSECOND, 0))
    assert (tmp_path / "out.part.mkv").read_bytes() == b"from the crash before"
    assert len(frame_times(tmp_path / "out.mkv")) == 1


def test_two_frames_in_one_tick_are_both_kept(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "out.mp4", LIVE) as writer:
        for index in range(4):
            writer.write(Frame(numbered(index), 7, MICROSECOND, index))
    assert len(frame_times(tmp_path / "out.mp4")) == 4
