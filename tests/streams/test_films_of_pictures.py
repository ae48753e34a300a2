"""Moving pictures and folders of frames as films, and films as frames."""

import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rtstyle_streams.errors import SinkError, SourceError, SpecError
from rtstyle_streams.frame import Pixels
from rtstyle_streams.opening import open_sink, open_source
from rtstyle_streams.pictures.moving import MovingPicture
from rtstyle_streams.pictures.names import is_pattern, numbered, numbered_pictures
from rtstyle_streams.pictures.sequence import FrameSequence
from rtstyle_streams.video.reader import VideoReader
from tests.streams.clips import frame_times, numbered_clip
from tests.streams.reports import moving, noise


def moving_file(path: Path, num_pictures: int = 5) -> Path:
    first, *others = [Image.fromarray(moving(4 * k)) for k in range(num_pictures)]
    first.save(path, save_all=True, append_images=others, duration=200, loop=0)
    return path


@pytest.mark.parametrize("name", ["a.webp", "a.png", "a.gif"])
def test_of_a_moving_picture_the_first_counts_and_that_is_said(
    tmp_path: Path, name: str
) -> None:
    path = moving_file(tmp_path / name)
    with open_source(path, kind="pictures") as source:
        assert len(list(source)) == 1
    assert source.notices == [f"{name}: the first of its 5 pictures counts"]


@pytest.mark.parametrize("name", ["a.webp", "a.png", "a.gif"])
@pytest.mark.parametrize("target", ["o.mp4", "o.gif", "o.webp", "o.apng"])
def test_a_moving_picture_is_a_film(tmp_path: Path, name: str, target: str) -> None:
    path = moving_file(tmp_path / name)
    with open_source(path, kind="film") as source:
        times = []
        with open_sink(tmp_path / target, source.info, template=source) as sink:
            for frame in source:
                times.append(frame.pts * frame.time_base)
                sink.write(frame)
    assert times == [Fraction(k, 5) for k in range(5)]
    assert not any("alpha" in line for line in source.notices)
    with Image.open(tmp_path / target) if target != "o.mp4" else path.open() as image:
        assert getattr(image, "n_frames", 5) == 5
    if target != "o.webp":
        assert frame_times(tmp_path / target) == times


def test_a_moving_webp_that_breaks_off_says_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "a.webp"
    frames = [Image.fromarray(noise(k)) for k in range(5)]
    frames[0].save(path, save_all=True, append_images=frames[1:], lossless=True)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    try:
        with MovingPicture(path) as source:
            num_frames = sum(1 for _ in source)
    except SourceError as error:
        assert "a.webp" in str(error)
    else:
        assert num_frames < 5 and source.num_decode_errors == 1
        assert "pictures are missing" in source.notices[0]


def written(folder: Path, count: int, *, first: int = 1) -> list[Pixels]:
    folder.mkdir()
    pictures = [moving(5 * k) for k in range(count)]
    for number, picture in enumerate(pictures, first):
        Image.fromarray(picture).save(folder / f"{number:05d}.png")
    return pictures


@pytest.mark.parametrize("what", ["", "/%05d.png"])
def test_a_film_is_made_of_a_folder_of_frames(tmp_path: Path, what: str) -> None:
    pictures = written(tmp_path / "frames", 12)
    spec = f"{tmp_path}/frames{what}"
    with open_source(spec, kind="film", rate=Fraction(24000, 1001)) as source:
        assert isinstance(source, FrameSequence)
        assert source.info.num_frames == 12
        with open_sink(tmp_path / "o.mkv", source.info, template=source) as sink:
            for frame in source:
                sink.write(frame)
    assert source.notices == []
    with VideoReader(tmp_path / "o.mkv") as film:
        assert film.info.frame_rate == Fraction(24000, 1001)
        frames = [frame.pixels.astype(int) for frame in film]
    assert len(frames) == 12
    assert all(np.abs(a - b).mean() < 14 for a, b in zip(frames, pictures, strict=True))


def test_frames_of_a_film_become_numbered_pictures(tmp_path: Path) -> None:
    source = numbered_clip(tmp_path / "a.mp4", 11)
    with open_source(source, kind="film") as film:
        spec = f"{tmp_path}/out/%04d.png"
        with open_sink(spec, film.info, template=film) as sink:
            for frame in film:
                sink.write(frame)
    names = [f"{number:04d}.png" for number in range(1, 12)]
    assert sorted(os.listdir(tmp_path / "out")) == names


def test_numbered_pictures_keep_their_numbers_and_gaps_are_said(
    tmp_path: Path,
) -> None:
    written(tmp_path / "in", 4, first=99)
    (tmp_path / "in" / "00100.png").unlink()
    with open_source(f"{tmp_path}/in/%05d.png", kind="film") as source:
        spec = f"{tmp_path}/out/p%d.jpg"
        with open_sink(spec, source.info, template=source) as sink:
            for frame in source:
                sink.write(frame)
    assert sorted(os.listdir(tmp_path / "out")) == ["p101.jpg", "p102.jpg", "p99.jpg"]
    assert "%05d.png: 1 numbers in between are missing" in source.notices
    assert any("25 pictures a second; --fps" in line for line in source.notices)


def test_patterns_are_known_and_a_rate_is_for_pictures_alone(tmp_path: Path) -> None:
    assert is_pattern(Path("a/%05d.png")) and is_pattern(Path("x%d.JPG"))
    assert not any(map(is_pattern, (Path("a.png"), Path("%d/a.png"), Path("%d.mp4"))))
    assert numbered(Path("a/x%03d.png"), 7) == Path("a/x007.png")
    with pytest.raises(SourceError, match="expected numbered pictures, found none"):
        numbered_pictures(tmp_path / "%d.png")
    clip = numbered_clip(tmp_path / "a.mp4", 2)
    with pytest.raises(SpecError, match="--fps: expected a folder of pictures"):
        open_source(clip, kind="film", rate=Fraction(5))


def test_a_still_picture_is_no_film(tmp_path: Path) -> None:
    Image.new("RGB", (64, 48), (1, 2, 3)).save(tmp_path / "a.png")
    source = open_source(tmp_path / "a.png", kind="film")
    with pytest.raises(SinkError, match="expected a picture, because .*still one"):
        open_sink(tmp_path / "o.mp4", source.info, template=source)
