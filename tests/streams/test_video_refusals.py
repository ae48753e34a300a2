"""Where and how a video cannot be written: said at once, in one line."""

import os
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from rtstyle_streams.errors import SinkError
from rtstyle_streams.frame import Frame
from rtstyle_streams.protocols import StreamInfo
from rtstyle_streams.video.reader import VideoReader
from rtstyle_streams.video.writer import VideoWriter
from tests.streams.clips import HEIGHT, WIDTH, frame_times, numbered, numbered_clip

INFO = StreamInfo(
    width=WIDTH, height=HEIGHT, time_base=Fraction(1, 25), frame_rate=Fraction(25)
)


def frame_of(index: int, width: int = WIDTH) -> Frame:
    return Frame(numbered(index, width=width), index, Fraction(1, 25), index)


def test_an_existing_file_is_only_replaced_on_demand(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    path.write_bytes(b"mine")
    with pytest.raises(SinkError, match="--overwrite"):
        VideoWriter(path, INFO)
    assert path.read_bytes() == b"mine"
    with VideoWriter(path, INFO, overwrite=True) as writer:
        writer.write(frame_of(0))
        assert path.read_bytes() == b"mine", "the old file stays until the end"
    assert len(frame_times(path)) == 1


def test_the_input_is_never_the_output(tmp_path: Path) -> None:
    source = numbered_clip(tmp_path / "clip.mp4")
    (tmp_path / "link.mp4").symlink_to(source)
    before = source.read_bytes()
    for name in ("clip.mp4", "link.mp4"):
        with (
            VideoReader(source) as reader,
            pytest.raises(SinkError, match="other than the input"),
        ):
            VideoWriter(tmp_path / name, reader.info, template=reader, overwrite=True)
    assert source.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing/out.mp4", "found no .*create it"),
        ("out.xyz", "ends in .mp4"),
        ("out", "ends in .mp4.*got no suffix"),
        ("folder.mp4", "got a directory"),
    ],
)
def test_impossible_places_are_refused_up_front(
    tmp_path: Path, name: str, message: str
) -> None:
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(SinkError, match=message) as caught:
        VideoWriter(tmp_path / name, INFO)
    assert "\n" not in str(caught.value)
    assert os.listdir(tmp_path) == ["folder.mp4"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"codec": "no_such_codec"}, "--codec: expected a video encoder"),
        ({"codec": "aac"}, "--codec aac: expected a video encoder"),
        ({"codec": "mpeg4", "crf": 20}, "--crf 20: expected a codec with this setting"),
        ({"codec": "libx264", "preset": "sluggish"}, "sluggish"),
    ],
)
def test_impossible_encoders_are_refused_and_leave_nothing(
    tmp_path: Path, settings: dict[str, str], message: str
) -> None:
    with pytest.raises(SinkError, match=message) as caught:
        VideoWriter(tmp_path / "out.mp4", INFO, **settings)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    assert os.listdir(tmp_path) == []


def test_an_encoder_that_crashes_on_narrow_films_is_refused(tmp_path: Path) -> None:
    narrow = replace(INFO, width=48, height=32)
    with pytest.raises(SinkError, match="expected at least 64 columns, got 48"):
        VideoWriter(tmp_path / "out.mp4", narrow, codec="libx265")
    assert os.listdir(tmp_path) == []


def test_a_codec_that_the_container_refuses_is_said(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="webm can hold, libvpx-vp9 for example, got l"):
        VideoWriter(tmp_path / "out.webm", INFO, codec="libx264")
    assert os.listdir(tmp_path) == []


def test_a_frame_of_another_size_is_refused(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "out.mp4", INFO)
    with pytest.raises(SinkError, match="expected frames of 64x48, got 32x48"):
        writer.write(frame_of(0, width=32))
    writer.close()
