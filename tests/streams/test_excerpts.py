"""Runs of frames from all over a source."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from rtstyle_streams.excerpts import READ_THROUGH, excerpts
from rtstyle_streams.frame import Frame
from rtstyle_streams.managed import ManagedSource
from rtstyle_streams.opening import open_sink, open_source
from rtstyle_streams.protocols import StreamInfo


class Counted(ManagedSource):
    """Numbered frames, each of whose pixels is its number."""

    def __init__(self, count: int, *, is_live: bool = False) -> None:
        self.count, self.num_given = count, 0
        self.info = StreamInfo(8, 8, Fraction(1, 10), Fraction(10), count, is_live)

    def __iter__(self) -> Iterator[Frame]:
        for number in range(self.count):
            self.num_given += 1
            pixels = np.full((8, 8, 3), number % 256, np.uint8)
            yield Frame(pixels, pts=number, time_base=Fraction(1, 10), index=number)


def numbers(runs: Iterator[list[Frame]]) -> list[list[int]]:
    return [[frame.pts for frame in run] for run in runs]


def test_runs_are_spread_over_a_short_film() -> None:
    assert numbers(excerpts(Counted(40), 4)) == [[0, 1], [10, 11], [20, 21], [30, 31]]


def test_there_are_no_more_runs_than_frames() -> None:
    assert numbers(excerpts(Counted(3), 10)) == [[0, 1], [2]]
    assert numbers(excerpts(Counted(1), 10)) == [[0]]


def test_a_camera_is_looked_at_twice_a_second_and_no_longer_than_needed() -> None:
    camera = Counted(10_000, is_live=True)
    assert numbers(excerpts(camera, 3)) == [[0, 1], [6, 7], [12, 13]]
    assert camera.num_given == 14


@pytest.mark.slow
def test_a_long_film_is_opened_at_its_key_frames(tmp_path: Path) -> None:
    path, count = tmp_path / "long.mp4", READ_THROUGH + 150
    info = StreamInfo(64, 48, Fraction(1, 25), Fraction(25), count)
    with open_sink(path, info, preset="ultrafast") as sink:
        for number in range(count):
            pixels = np.full((48, 64, 3), 255 * number // count, np.uint8)
            sink.write(Frame(pixels, number, Fraction(1, 25), number))
    with open_source(path) as film:
        runs = list(excerpts(film, 3))
    assert len(runs) == 3 and all(len(run) == 2 for run in runs)
    shown = [float(run[0].pixels.mean()) for run in runs]
    assert shown[0] < 4 and shown == sorted(shown) and shown[2] > 90
    for run in runs:  # a frame shows its place in the film
        place = run[0].pts_seconds * 25 / count * 255
        assert abs(float(run[0].pixels.mean()) - place) < 4
        assert run[1].pts > run[0].pts
