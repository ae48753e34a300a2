"""`rtstyle video` and `image` on what people have: pipes, frames, quiet runs."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from rtstyle_streams.video.reader import VideoReader
from tests.rtstyle.test_cli import Capture, last_line, run
from tests.streams.clips import numbered_clip
from tests.streams.reports import noise
from tests.tiny_paintings import write_painting
from tests.tiny_styles import write_negative


@pytest.fixture
def style(tmp_path: Path) -> Path:
    return write_negative(tmp_path)


def piped(data: bytes, *words: str | Path) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "rtstyle", *map(str, words)]
    return subprocess.run(command, input=data, capture_output=True, check=False)


def test_a_film_goes_through_pipes(style: Path, tmp_path: Path) -> None:
    clip = numbered_clip(tmp_path / "a.mp4")
    words = ("--style", style, "--smooth", "off", "--quiet", "--json")
    done = piped(clip.read_bytes(), "video", "-", "-", *words)
    assert done.returncode == 0, done.stderr
    with av.open(io.BytesIO(done.stdout), "r") as film:
        assert film.format.name == "matroska,webm"
        assert sum(1 for _ in film.decode(video=0)) == 10
    assert json.loads(done.stderr)["frames"] == 10, "the result makes way for the film"


def test_a_picture_goes_through_pipes(style: Path, tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.new("RGB", (64, 48), (250, 0, 0)).save(file, "PNG")
    done = piped(file.getvalue(), "image", "-", "-", "--style", style, "-q")
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""
    pixels = np.array(Image.open(io.BytesIO(done.stdout)))
    assert (pixels == (5, 255, 255)).all()


def test_another_container_goes_to_standard_output(tmp_path: Path) -> None:
    clip = numbered_clip(tmp_path / "a.mp4")
    words = ("--strength", "0", "--format", "ts", "-q")
    done = piped(b"", "video", clip, "-", *words)
    with av.open(io.BytesIO(done.stdout), "r", format="mpegts") as film:
        assert sum(1 for _ in film.decode(video=0)) == 10


def test_rubbish_on_standard_input_is_one_line(tmp_path: Path) -> None:
    for word, target in (("video", "o.mp4"), ("image", "o.png")):
        done = piped(b"rubbish" * 99, word, "-", tmp_path / target)
        assert done.returncode == 1
        assert done.stderr.count(b"\n") == 1 and b"expected" in done.stderr


def test_quiet_shows_nothing_but_errors(
    style: Path, tmp_path: Path, capsys: Capture
) -> None:
    clip = numbered_clip(tmp_path / "a.mp4")
    assert run("video", clip, tmp_path / "o.mkv", "--style", style, "--quiet") == 0
    assert capsys.readouterr() == ("", "")
    assert run("video", clip, tmp_path / "o.mkv", "--style", style, "-q") == 1
    assert "--overwrite" in last_line(capsys)


def test_frames_become_a_film_and_a_film_becomes_frames(
    style: Path, tmp_path: Path, capsys: Capture
) -> None:
    clip = numbered_clip(tmp_path / "a.mp4")
    frames = f"{tmp_path}/frames/%05d.png"
    assert run("video", clip, frames, "--style", style, "-q") == 0
    assert len(os.listdir(tmp_path / "frames")) == 10
    words = ("--strength", "0", "--fps", "30000/1001", "-q")
    assert run("video", frames, tmp_path / "o.mp4", *words) == 0
    with VideoReader(tmp_path / "o.mp4") as film:
        assert film.info.frame_rate is not None
        assert f"{float(film.info.frame_rate):.2f}" == "29.97"
        assert sum(1 for _ in film) == 10
    for wrong in ("0", "-3", "fast", "1/0", "nan"):
        capsys.readouterr()
        assert run("video", frames, tmp_path / "p.mp4", "--fps", wrong) == 2
        assert "expected a rate like 25" in last_line(capsys)


def test_each_container_takes_its_encoder_without_being_asked(tmp_path: Path) -> None:
    for name in ("o.webm", "o.gif", "o.avi"):
        words = ("--strength", "0", "-q")
        assert run("video", "sample:64x48@25x4", tmp_path / name, *words) == 0
        with VideoReader(tmp_path / name) as film:
            assert sum(1 for _ in film) == 4


def test_a_broken_picture_is_written_and_told_by_the_exit_status(
    style: Path, tmp_path: Path, capsys: Capture
) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(noise(1)).save(path, quality=95)
    data = bytearray(path.read_bytes())
    path.write_bytes(data[: len(data) // 2])
    assert run("image", path, tmp_path / "o.png", "--style", style) == 3
    assert "a.jpg: a part is broken" in capsys.readouterr().err
    assert (tmp_path / "o.png").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes on Linux alone")
def test_a_painting_need_not_have_a_name_of_text(tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"pic\xfc.png")
    write_painting(tmp_path / "a.png", (200, 30, 40)).rename(odd)
    from rtstyle.paintings.picture import is_painting, read_painting

    assert is_painting(odd)
    assert read_painting(odd).pixels.shape[2] == 3
