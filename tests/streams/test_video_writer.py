import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.container import OutputContainer
from av.video.stream import VideoStream
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rtstyle_streams.errors import SinkError
from rtstyle_streams.frame import Frame
from rtstyle_streams.protocols import StreamInfo
from rtstyle_streams.video.reader import VideoReader
from rtstyle_streams.video.writer import VideoWriter
from tests.streams.clips import (
    HEIGHT,
    WIDTH,
    Picture,
    frame_times,
    grey_level,
    numbered,
    write_clip,
)

INFO = StreamInfo(
    width=WIDTH, height=HEIGHT, time_base=Fraction(1, 25), frame_rate=Fraction(25)
)


def frame_of(index: int, picture: Picture | None = None) -> Frame:
    pixels = numbered(index) if picture is None else picture
    return Frame(pixels=pixels, pts=index, time_base=Fraction(1, 25), index=index)


def copy(source: Path, target: Path, *, codec: str = "libx264") -> VideoWriter:
    """Carry a video through unchanged pixels."""
    with (
        VideoReader(source) as reader,
        VideoWriter(
            target, reader.info, template=reader, codec=codec, overwrite=True
        ) as writer,
    ):
        for frame in reader:
            writer.write(frame)
    return writer


def video(path: Path) -> av.VideoFrame:
    """Return the first frame as the file holds it."""
    with av.open(str(path)) as container:
        return next(container.decode(video=0))


def test_frames_come_back_in_order_and_once(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "out.mp4", INFO) as writer:
        for index in range(30):
            writer.write(frame_of(index))
    with VideoReader(tmp_path / "out.mp4") as reader:
        seen = [int(frame.pixels[20, 20, 1]) for frame in reader]
    assert len(seen) == 30
    assert all(abs(seen[i] - grey_level(i)) <= 3 for i in range(30))


@pytest.mark.parametrize("preset", ["ultrafast", "medium"])
@pytest.mark.parametrize(
    ("suffix", "time_base", "pts"),
    [
        (".mp4", Fraction(1001, 30000), list(range(40))),
        (".mp4", Fraction(1, 90000), [9000, 12003, 15006, 30000, 30001]),
        (".mov", Fraction(1, 600), [0, 20, 40, 45, 300]),
        (".mkv", Fraction(1, 1000), [33, 67, 100, 133, 500]),
        (".ts", Fraction(1, 90000), [9000, 12003, 15006, 30000, 33003]),
    ],
)
def test_times_are_carried_exactly(
    tmp_path: Path, suffix: str, time_base: Fraction, pts: list[int], preset: str
) -> None:
    info = StreamInfo(WIDTH, HEIGHT, time_base, frame_rate=Fraction(30000, 1001))
    path = tmp_path / f"out{suffix}"
    with VideoWriter(path, info, preset=preset) as writer:
        for index, tick in enumerate(pts):
            writer.write(Frame(numbered(index), tick, time_base, index))
    assert frame_times(path) == [tick * time_base for tick in pts]


def test_matroska_rounds_to_the_nearest_millisecond_without_drift(
    tmp_path: Path,
) -> None:
    time_base = Fraction(1001, 30000)
    info = StreamInfo(WIDTH, HEIGHT, time_base, frame_rate=1 / time_base)
    with VideoWriter(tmp_path / "out.mkv", info) as writer:
        for index in range(300):
            writer.write(Frame(numbered(index), index, time_base, index))
    times = frame_times(tmp_path / "out.mkv")
    assert len(times) == 300
    worst = max(abs(times[i] - i * time_base) for i in range(300))
    assert worst <= Fraction(1, 2000)


@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    start=st.integers(0, 5000),
    steps=st.lists(st.integers(1, 400), min_size=1, max_size=12),
)
def test_a_variable_rate_goes_from_matroska_to_mp4_exactly(
    tmp_path: Path, start: int, steps: list[int]
) -> None:
    pts = [start + sum(steps[:i]) for i in range(len(steps))]
    source = write_clip(
        tmp_path / "clip.mkv",
        [numbered(i) for i in range(len(pts))],
        pts=pts,
        time_base=Fraction(1, 1000),
    )
    copy(source, tmp_path / "out.mp4")
    assert frame_times(tmp_path / "out.mp4") == [Fraction(t, 1000) for t in pts]


COLOURS = [(200, 60, 40), (30, 180, 70), (20, 40, 210), (250, 250, 250), (3, 5, 4)]
COLOURS += [(232, 184, 150), (128, 128, 128), (255, 0, 0), (0, 255, 255)]


@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("colorspace", [6, 1])
@pytest.mark.parametrize("colour", COLOURS)
def test_a_solid_colour_survives_the_round_trip(
    tmp_path: Path, colorspace: int, full_range: bool, colour: tuple[int, int, int]
) -> None:
    picture = np.full((HEIGHT, WIDTH, 3), colour, np.uint8)
    tags = {"colorspace": colorspace, "color_range": 2 if full_range else 1}
    source = write_clip(
        tmp_path / "clip.mkv", [picture], tags=tags, options={"crf": "1"}
    )
    with (
        VideoReader(source) as reader,
        VideoWriter(tmp_path / "out.mkv", reader.info, template=reader, crf=1) as sink,
    ):
        sink.write(frame_of(0, picture))
        assert reader.colour.full_range is full_range
        first = next(iter(reader)).pixels
    assert np.abs(first.astype(int) - colour).max() <= 2, "reading"
    written = video(tmp_path / "out.mkv")
    assert (written.colorspace, written.color_range) == (colorspace, 1 + full_range)
    with VideoReader(tmp_path / "out.mkv") as reader:
        back = next(iter(reader)).pixels
    assert np.abs(back.astype(int) - colour).max() <= 2, "writing and reading"


@pytest.mark.parametrize(
    ("width", "height", "colorspace"),
    [(64, 48, 6), (1280, 16, 1), (16, 720, 1), (1278, 718, 6)],
)
def test_untagged_video_is_601_or_709_by_its_size_and_gets_the_tag(
    tmp_path: Path, width: int, height: int, colorspace: int
) -> None:
    picture = np.full((height, width, 3), (200, 60, 40), np.uint8)
    source = write_clip(
        tmp_path / "clip.mp4",
        [picture],
        tags={"colorspace": colorspace},
        options={"colorprim": "undef"},
    )
    untagged = tmp_path / "untagged.mkv"
    with av.open(str(untagged), "w") as target:
        stream = target.add_stream("ffv1", rate=25, width=width, height=height)
        assert isinstance(stream, VideoStream)
        frame = video(source)
        frame.colorspace, frame.color_range = 2, 0
        frame.pts, frame.time_base = 0, Fraction(1, 25)
        target.mux(stream.encode(frame))
        target.mux(stream.encode())
    assert video(untagged).colorspace == 2
    with VideoReader(untagged) as reader:
        pixels = next(iter(reader)).pixels
        assert reader.colour.colorspace == colorspace
        assert reader.info.matrix == ("bt709" if colorspace == 1 else "bt601")
    assert np.abs(pixels[8, 8].astype(int) - (200, 60, 40)).max() <= 2
    copy(untagged, tmp_path / "out.mp4")
    assert video(tmp_path / "out.mp4").colorspace == colorspace


def test_primaries_and_transfer_are_carried(tmp_path: Path) -> None:
    tags = {"colorspace": 6, "color_primaries": 6, "color_trc": 1}
    source = write_clip(tmp_path / "clip.mkv", [numbered(1)], tags=tags)
    copy(source, tmp_path / "out.mp4")
    written = video(tmp_path / "out.mp4")
    assert (written.color_primaries, written.color_trc) == (6, 1)


@pytest.mark.parametrize(
    ("width", "height", "pixel_format"),
    [
        (63, 48, "yuv420p"),
        (64, 47, "yuv420p"),
        (63, 47, "yuv444p"),
        (64, 48, "yuv444p"),
    ],
)
def test_odd_sizes_and_full_chroma_are_written_as_yuv444p(
    tmp_path: Path, width: int, height: int, pixel_format: str
) -> None:
    source = write_clip(
        tmp_path / "clip.mkv",
        [numbered(i, width=width, height=height) for i in range(3)],
        codec="ffv1",
        pixel_format=pixel_format,
    )
    writer = copy(source, tmp_path / "out.mp4")
    written = video(tmp_path / "out.mp4")
    assert written.format.name == "yuv444p"
    assert (written.width, written.height) == (width, height)
    assert any("some players refuse it" in line for line in writer.notices)


@pytest.mark.parametrize("pixel_format", ["yuvj420p", "yuv420p", "nv12", "gray"])
def test_ordinary_formats_are_written_as_yuv420p(
    tmp_path: Path, pixel_format: str
) -> None:
    codec = "mjpeg" if pixel_format == "yuvj420p" else "rawvideo"
    source = write_clip(
        tmp_path / "clip.mov" if codec == "mjpeg" else tmp_path / "clip.nut",
        [numbered(4)] * 2,
        codec=codec,
        pixel_format=pixel_format,
        tags={"color_range": 2} if codec == "mjpeg" else {},
    )
    writer = copy(source, tmp_path / "out.mp4")
    written = video(tmp_path / "out.mp4")
    assert written.format.name in ("yuv420p", "yuvj420p")
    assert written.color_range == (2 if pixel_format in ("yuvj420p", "gray") else 1)
    assert writer.notices == []
    with VideoReader(tmp_path / "out.mp4") as reader:
        level = int(next(iter(reader)).pixels[20, 20, 1])
    assert abs(level - grey_level(4)) <= 3


def test_the_sample_aspect_ratio_is_kept(tmp_path: Path) -> None:
    def prepare(_: OutputContainer, stream: VideoStream) -> None:
        stream.codec_context.sample_aspect_ratio = Fraction(16, 15)

    source = write_clip(tmp_path / "clip.mp4", [numbered(1)] * 2, prepare=prepare)
    for suffix in (".mp4", ".mkv"):
        copy(source, tmp_path / f"out{suffix}")
        with av.open(str(tmp_path / f"out{suffix}")) as container:
            assert container.streams.video[0].sample_aspect_ratio == Fraction(16, 15)


def test_a_rotated_clip_is_written_upright_without_rotation(tmp_path: Path) -> None:
    def rotate(_: OutputContainer, stream: VideoStream) -> None:
        stream.set_display_rotation(90)

    source = write_clip(tmp_path / "clip.mp4", [numbered(1)] * 2, prepare=rotate)
    copy(source, tmp_path / "out.mp4")
    written = video(tmp_path / "out.mp4")
    assert (written.width, written.height) == (HEIGHT, WIDTH)
    assert written.rotation == 0


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_run_without_frames_is_said_and_leaves_nothing(
    tmp_path: Path, suffix: str
) -> None:
    writer = VideoWriter(tmp_path / f"out{suffix}", INFO)
    with pytest.raises(SinkError, match="expected at least one frame, got none"):
        writer.finish()
    assert os.listdir(tmp_path) == []


def test_nothing_stands_under_the_final_name_before_the_end(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    with VideoWriter(path, INFO) as writer:
        writer.write(frame_of(0))
        assert not path.exists()
        assert (tmp_path / "out.part.mp4").exists()
    assert path.exists()
    assert os.listdir(tmp_path) == ["out.mp4"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_a_broken_run_leaves_nothing(
    tmp_path: Path, error: type[BaseException]
) -> None:
    def run() -> None:
        with VideoWriter(tmp_path / "out.mp4", INFO) as writer:
            writer.write(frame_of(0))
            raise error

    with pytest.raises(error):
        run()
    assert os.listdir(tmp_path) == []


FULL_DISK = """
import resource, sys
from fractions import Fraction
from pathlib import Path
import numpy as np
from rtstyle_streams.errors import SinkError
from rtstyle_streams.frame import Frame
from rtstyle_streams.protocols import StreamInfo
from rtstyle_streams.video.writer import VideoWriter

before = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), before[1]))
info = StreamInfo(width=64, height=48, time_base=Fraction(1, 25))
random = np.random.default_rng(1)
said = ""
try:
    with VideoWriter(Path(sys.argv[1]), info) as writer:
        for index in range(50):
            noise = random.integers(0, 255, (48, 64, 3), np.uint8)
            writer.write(Frame(noise, index, info.time_base, index))
except SinkError as error:
    said = str(error)
resource.setrlimit(resource.RLIMIT_FSIZE, before)
print(said)
"""


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("allowed", [0, 3000, 100_000])
def test_a_full_disk_leaves_nothing_under_the_final_name(
    tmp_path: Path, suffix: str, allowed: int
) -> None:
    # in a process of its own: the limit would hold for pytest's own log as well
    pytest.importorskip("resource")
    streams = Path(__file__).parents[2] / "streams"
    run = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path / f"out{suffix}"), str(allowed)],
        env=os.environ | {"PYTHONPATH": str(streams)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert "could not be written: File too large" in run.stdout
    assert os.listdir(tmp_path) == []


def test_another_codec_is_written_on_demand(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "out.mp4", INFO, codec="mpeg4") as writer:
        for index in range(5):
            writer.write(frame_of(index))
    assert frame_times(tmp_path / "out.mp4") == [Fraction(i, 25) for i in range(5)]


def test_finish_and_close_may_be_called_twice(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "out.mp4", INFO)
    writer.write(frame_of(0))
    writer.finish()
    writer.finish()
    writer.close()
    assert len(frame_times(tmp_path / "out.mp4")) == 1
