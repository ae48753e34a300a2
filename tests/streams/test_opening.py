from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

import rtstyle_streams
from rtstyle_streams.errors import SinkError, SourceError, SpecError
from rtstyle_streams.memory import NullSink
from rtstyle_streams.opening import open_sink, open_source
from rtstyle_streams.pictures.images import ImageSink, ImageSource
from rtstyle_streams.protocols import Sink, Source, StreamInfo
from rtstyle_streams.sample.source import SampleSource
from rtstyle_streams.video.reader import VideoReader
from rtstyle_streams.video.writer import VideoWriter
from tests.streams.clips import numbered_clip

INFO = StreamInfo(64, 48, Fraction(1, 25), frame_rate=Fraction(25))


def test_sources_are_told_apart(tmp_path: Path) -> None:
    clip = numbered_clip(tmp_path / "clip.mp4", 2)
    photo = tmp_path / "photo.PNG"
    photo.write_bytes(cv2.imencode(".png", np.zeros((8, 8, 3), np.uint8))[1].tobytes())
    found: list[tuple[str | Path, type]] = [
        (clip, VideoReader),
        (str(clip), VideoReader),
        (photo, ImageSource),
        (tmp_path, ImageSource),
        ("sample:64x48x2", SampleSource),
    ]
    for spec, kind in found:
        with open_source(spec) as source:
            assert isinstance(source, kind)
            assert isinstance(source, Source)


def test_sinks_are_told_apart(tmp_path: Path) -> None:
    found = [
        (str(tmp_path / "out.mp4"), VideoWriter),
        (f"{tmp_path}/folder/", ImageSink),
        (str(tmp_path), ImageSink),
        ("null:", NullSink),
    ]
    for spec, kind in found:
        sink = open_sink(spec, INFO)
        assert isinstance(sink, kind)
        assert isinstance(sink, Sink)
        sink.close()


def test_a_video_becomes_a_video_or_pictures(tmp_path: Path) -> None:
    with open_source(numbered_clip(tmp_path / "clip.mp4", 3)) as source:
        video = open_sink(tmp_path / "out.mp4", source.info, template=source)
        pictures = open_sink(f"{tmp_path}/out/", source.info, template=source)
        with video, pictures:
            for frame in source:
                video.write(frame)
                pictures.write(frame)
    assert len(list((tmp_path / "out").iterdir())) == 3
    with open_source(tmp_path / "out.mp4") as source:
        assert sum(1 for _ in source) == 3


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("", "expected a file"),
        ("radio:1", r"radio:1: expected a path or one of .*sample:.* got radio:"),
        ("sample:huge", "sample: expected"),
    ],
)
def test_senseless_specs_are_refused(spec: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        open_source(spec)


def test_a_sink_is_no_source_and_a_source_is_no_sink() -> None:
    with pytest.raises(SpecError, match="got null:"):
        open_source("null:")
    with pytest.raises(SpecError, match="got sample:"):
        open_sink("sample:", INFO)


def test_the_public_names_are_sorted_and_all_there() -> None:
    assert rtstyle_streams.__all__ == sorted(rtstyle_streams.__all__)
    assert dir(rtstyle_streams) == rtstyle_streams.__all__
    for name in rtstyle_streams.__all__:
        assert getattr(rtstyle_streams, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = rtstyle_streams.Nothing


def test_one_picture_is_no_place_for_a_video(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match=r"out.png: expected a video file or a folder"):
        open_sink(tmp_path / "out.png", INFO)
    sink = open_sink(tmp_path / "out.png", replace(INFO, num_frames=1))
    assert isinstance(sink, ImageSink)


def test_a_path_object_is_never_a_scheme(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="found none"):
        open_source(Path("sample:"))
    with pytest.raises(SinkError, match="ends in .mp4"):
        open_sink(tmp_path / "null:", INFO)
