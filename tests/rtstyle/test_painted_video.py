"""`rtstyle video --painted`: the painted frame shows in the film."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from rtstyle.commands.video import video
from rtstyle.errors import RtstyleError
from rtstyle.metrics.known_motion import known_motion
from rtstyle_streams.frame import Pixels
from rtstyle_streams.pictures.picture_file import read_picture
from rtstyle_streams.video.reader import VideoReader
from tests.rtstyle.test_painted_frames import moving, photo
from tests.streams.clips import write_clip
from tests.tiny_styles import write_negative


@pytest.fixture
def room(tmp_path: Path) -> Path:
    """A film of 12 frames, a painting of its sixth, and a style."""
    write_clip(tmp_path / "film.mp4", moving(1, 12))
    paint(tmp_path / "painted_6.png", moving(2, 12)[6])
    write_negative(tmp_path)
    return tmp_path


def paint(path: Path, pixels: Pixels) -> None:
    """Write a painting that has the edges of frame 6 and colours of another photo."""
    frame = moving(1, 12)[6]
    mixed = np.asarray(0.5 * (255 - frame[..., ::-1]) + 0.5 * pixels, np.uint8)
    cv2.imwrite(str(path), cv2.cvtColor(mixed, cv2.COLOR_RGB2BGR))


def painted(room: Path, *words: str) -> Result:
    names = [str(room / "film.mp4"), str(room / "out.mp4")]
    options = ["--style", str(room / "negative.onnx"), "--device", "cpu"]
    options += ["--smooth", "off", "--crf", "5"]
    return CliRunner().invoke(video, [*names, *options, *words], catch_exceptions=False)


def frames(path: Path) -> list[Pixels]:
    with VideoReader(path) as film:
        return [frame.pixels for frame in film]


def test_the_film_shows_the_paint_and_the_style_where_there_is_none(
    room: Path,
) -> None:
    wanted, _ = read_picture(room / "painted_6.png")
    half = np.dstack([wanted, np.full(wanted.shape[:2], 255, np.uint8)])
    half[:, :80, 3] = 0
    cv2.imwrite(str(room / "half_6.png"), cv2.cvtColor(half, cv2.COLOR_RGBA2BGRA))
    run = painted(room, "--painted", str(room / "half_6.png"))
    assert run.exit_code == 0, run.output
    film, content = frames(room / "out.mp4"), frames(room / "film.mp4")
    assert len(film) == 12
    negative = 255 - content[6].astype(float)
    right, left = slice(110, None), slice(0, 50)
    assert np.abs(film[6][:, right].astype(float) - wanted[:, right]).mean() < 9
    assert np.abs(film[6][:, left] - negative[:, left]).mean() < 9
    assert np.abs(film[6][:, right] - negative[:, right]).mean() > 15
    for number in (0, 11):  # carried there, so not the style's own
        own = 255 - content[number].astype(float)
        assert np.abs(film[number][:, right] - own[:, right]).mean() > 10


def test_the_same_film_comes_out_twice(room: Path) -> None:
    words = ["--painted", str(room / "painted_6.png")]
    assert painted(room, *words).exit_code == 0
    first = frames(room / "out.mp4")
    assert painted(room, *words, "--overwrite").exit_code == 0
    assert all(
        np.array_equal(a, b)
        for a, b in zip(first, frames(room / "out.mp4"), strict=True)
    )


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--cluster", "auto"], "expected one machine"),
        (["--at", "0.2s", "--at", "1s"], "expected 1, one for each painted frame"),
    ],
)
def test_what_cannot_be_is_one_clear_line(
    room: Path, words: list[str], line: str
) -> None:
    with pytest.raises(RtstyleError, match=line):
        painted(room, "--painted", str(room / "painted_6.png"), *words)
    assert not (room / "out.mp4").exists()


def test_a_painting_of_another_film_leaves_no_output(room: Path) -> None:
    other = [moved.pixels for moved in known_motion(photo(9), num_frames=1)][0]
    cv2.imwrite(str(room / "other.png"), other)
    with pytest.raises(RtstyleError, match="expected a painting of a frame of this"):
        painted(room, "--painted", str(room / "other.png"))
    assert not (room / "out.mp4").exists()


def test_no_time_is_refused(room: Path) -> None:
    run = painted(room, "--painted", str(room / "painted_6.png"), "--at", "soon")
    assert run.exit_code == 2 and "expected a time like 12.4s" in run.output
