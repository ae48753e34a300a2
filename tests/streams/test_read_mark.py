"""Reading goes on in the middle of a film, frame for frame."""

from dataclasses import replace
from pathlib import Path

import pytest

from rtstyle_streams.video.read_mark import MarkedSource
from rtstyle_streams.video.reader import VideoReader
from tests.rtstyle.long_film import write_film

NUM_FRAMES = 110


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_film(tmp_path_factory.mktemp("film") / "film.mp4", NUM_FRAMES)


def test_reading_goes_on_behind_any_frame(film: Path) -> None:
    with VideoReader(film) as reader:
        source = MarkedSource(reader)
        frames = list(source)
        marks = [source.mark(i, is_plain=reader.is_plain) for i in range(NUM_FRAMES)]
    assert reader.is_plain
    for index in (0, 3, 38, 39, 40, 41, 77, NUM_FRAMES - 1):
        for mark in (marks[index], replace(marks[index], is_plain=False)):
            with VideoReader(film) as reader:
                reader.go_on_behind(mark)
                left = list(reader)
                assert reader.num_decode_errors == 0
            assert [f.index for f in left] == list(range(index + 1, NUM_FRAMES))
            assert [f.pts for f in left] == [f.pts for f in frames[index + 1 :]]
            for frame, like in zip(left, frames[index + 1 :], strict=True):
                assert (frame.pixels == like.pixels).all()


def test_a_mark_of_another_film_is_not_believed(film: Path) -> None:
    with VideoReader(film) as reader:
        source = MarkedSource(reader)
        frames = list(source)
    mark = replace(source.mark(60, is_plain=True), checksums=(1, 2, 3, 4))
    with VideoReader(film) as reader:
        reader.go_on_behind(mark)  # decodes everything before instead
        left = list(reader)
    assert [f.pts for f in left] == [f.pts for f in frames[61:]]
