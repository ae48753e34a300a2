from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.container import OutputContainer
from av.video.stream import VideoStream
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rtstyle_streams.errors import SourceError
from rtstyle_streams.video.reader import VideoReader
from tests.streams.clips import (
    HEIGHT,
    WIDTH,
    Picture,
    frame_times,
    grey_level,
    numbered,
    numbered_clip,
    write_clip,
)


def levels(path: Path) -> list[int]:
    """Return the middle grey of each frame."""
    with VideoReader(path) as reader:
        return [int(frame.pixels[HEIGHT // 2, WIDTH // 2, 1]) for frame in reader]


def test_every_frame_comes_once_and_in_order(tmp_path: Path) -> None:
    seen = levels(numbered_clip(tmp_path / "clip.mp4", 30))
    assert len(seen) == 30
    assert all(abs(seen[i] - grey_level(i)) <= 3 for i in range(30))


def test_a_clip_with_b_frames_keeps_order_and_times(tmp_path: Path) -> None:
    path = write_clip(
        tmp_path / "clip.mp4",
        [numbered(i) for i in range(30)],
        options={"preset": "medium", "bf": "3", "b-adapt": "0"},
    )
    seen = levels(path)
    assert all(abs(seen[i] - grey_level(i)) <= 3 for i in range(30))
    with VideoReader(path) as reader:
        times = [frame.pts * frame.time_base for frame in reader]
    assert times == [Fraction(i, 25) for i in range(30)]


def test_indices_count_up_and_info_is_known_before(tmp_path: Path) -> None:
    with VideoReader(numbered_clip(tmp_path / "clip.mp4")) as reader:
        info = reader.info
        frames = list(reader)
    assert [frame.index for frame in frames] == list(range(10))
    assert (info.width, info.height) == (WIDTH, HEIGHT)
    assert info.frame_rate == 25
    assert info.num_frames == 10
    assert not info.is_live


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("start", [0, 37, 2500])
def test_times_are_carried_whatever_the_start(
    tmp_path: Path, suffix: str, start: int
) -> None:
    pts = [start + i for i in range(6)]
    path = write_clip(
        tmp_path / f"clip{suffix}", [numbered(i) for i in range(6)], pts=pts
    )
    with VideoReader(path) as reader:
        times = [frame.pts * frame.time_base for frame in reader]
    assert times == [Fraction(tick, 25) for tick in pts]


@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=st.lists(st.integers(1, 400), min_size=1, max_size=12))
def test_a_variable_rate_is_carried_exactly(tmp_path: Path, steps: list[int]) -> None:
    pts = [sum(steps[:i]) for i in range(len(steps))]
    path = write_clip(
        tmp_path / "clip.mkv",
        [numbered(i) for i in range(len(pts))],
        pts=pts,
        time_base=Fraction(1, 1000),
    )
    with VideoReader(path) as reader:
        assert [f.pts * f.time_base for f in reader] == [Fraction(t, 1000) for t in pts]


def test_an_interlaced_clip_is_deinterlaced_frame_by_frame(tmp_path: Path) -> None:
    def woven(index: int) -> Picture:
        picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        picture[index % 2 :: 2] = 200
        return picture

    path = write_clip(
        tmp_path / "clip.mkv",
        [woven(i) for i in range(8)],
        options={"x264-params": "tff=1:interlaced=1", "crf": "1"},
    )
    with VideoReader(path) as reader:
        frames = list(reader)
    assert "interlaced" in reader.notices[0]
    assert [f.pts * f.time_base for f in frames] == frame_times(path)
    assert len(frames) == 8
    middle = frames[4].pixels[10:38, 20, 0].astype(int)
    assert np.abs(np.diff(middle)).max() < 40, "the comb is still there"


def test_a_progressive_clip_is_left_alone(tmp_path: Path) -> None:
    comb = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    comb[::2] = 200
    path = write_clip(tmp_path / "clip.mkv", [comb] * 4, options={"crf": "0"})
    with VideoReader(path) as reader:
        middle = next(iter(reader)).pixels[10:38, 20, 0].astype(int)
    assert np.abs(np.diff(middle)).min() > 150
    assert reader.notices == []


def test_a_change_of_size_is_scaled_to_the_first(tmp_path: Path) -> None:
    small = numbered_clip(tmp_path / "a.ts", 5)
    large = write_clip(
        tmp_path / "b.ts", [numbered(i, width=128, height=96) for i in range(5, 10)]
    )
    both = tmp_path / "both.ts"
    both.write_bytes(small.read_bytes() + large.read_bytes())
    with VideoReader(both) as reader:
        frames = list(reader)
    assert len(frames) == 10
    assert {frame.pixels.shape for frame in frames} == {(HEIGHT, WIDTH, 3)}
    assert any("size changes from 64x48 to 128x96" in line for line in reader.notices)
    assert abs(int(frames[9].pixels[20, 30, 0]) - grey_level(9)) <= 3


def test_alpha_is_left_out_and_said(tmp_path: Path) -> None:
    path = write_clip(
        tmp_path / "clip.mkv",
        [numbered(3)] * 2,
        codec="ffv1",
        pixel_format="yuva420p",
    )
    with VideoReader(path) as reader:
        frame = next(iter(reader))
    assert frame.pixels.shape == (HEIGHT, WIDTH, 3)
    assert any("alpha" in line for line in reader.notices)


@pytest.mark.parametrize(
    ("degrees", "hflip", "corner"),
    [
        (0, False, (0, 0)),
        (90, False, (1, 0)),
        (180, False, (1, 1)),
        (-90, False, (0, 1)),
        (0, True, (0, 1)),
        (90, True, None),
    ],
)
def test_rotated_clips_come_out_as_ffmpeg_shows_them(
    tmp_path: Path, degrees: int, hflip: bool, corner: tuple[int, int] | None
) -> None:
    picture = np.full((HEIGHT, WIDTH, 3), 30, np.uint8)
    picture[:16, :16] = 220

    def rotate(_: OutputContainer, stream: VideoStream) -> None:
        stream.set_display_rotation(degrees, hflip=hflip)

    path = write_clip(tmp_path / "clip.mp4", [picture] * 3, prepare=rotate)
    with VideoReader(path) as reader:
        frame = next(iter(reader))
        assert (reader.info.height, reader.info.width) == frame.pixels.shape[:2]
    turned = abs(degrees) == 90
    assert frame.pixels.shape[:2] == ((WIDTH, HEIGHT) if turned else (HEIGHT, WIDTH))
    corners = frame.pixels[[8, -8]][:, [8, -8], 0]
    assert (corners > 180).sum() == 1, "the marked corner is in one place"
    if corner is not None:
        assert corners[corner] > 180


def test_ten_bits_are_rounded_to_eight_and_said(tmp_path: Path) -> None:
    ten = av.VideoFrame(WIDTH, HEIGHT, "yuv420p10le")
    for plane, value in zip(ten.planes, (402, 512, 512), strict=True):
        np.frombuffer(memoryview(plane), np.uint16)[:] = value
    path = tmp_path / "clip.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25, width=WIDTH, height=HEIGHT)
        assert isinstance(stream, VideoStream)
        stream.pix_fmt = "yuv420p10le"
        ten.pts = 0
        container.mux(stream.encode(ten))
        container.mux(stream.encode())
    with VideoReader(path) as reader:
        pixels = next(iter(reader)).pixels
    assert any("10 bits per sample rounded to 8" in line for line in reader.notices)
    expected = (round(402 / 4) - 16) * 255 / 219
    assert abs(float(pixels[5, 5, 0]) - expected) <= 1
    assert (pixels == pixels[0, 0]).all()


@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG")])
def test_hdr_is_refused_in_one_line(tmp_path: Path, transfer: int, name: str) -> None:
    path = write_clip(
        tmp_path / "clip.mkv",
        [numbered(1)] * 2,
        tags={"color_trc": transfer, "color_primaries": 9, "colorspace": 9},
    )
    with pytest.raises(SourceError, match=f"HDR \\({name}\\).*tone-map") as caught:
        VideoReader(path)
    assert "\n" not in str(caught.value)


def test_the_sample_aspect_ratio_is_read_and_turned(tmp_path: Path) -> None:
    def prepare(_: OutputContainer, stream: VideoStream) -> None:
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        stream.set_display_rotation(90)

    path = write_clip(tmp_path / "clip.mp4", [numbered(1)] * 2, prepare=prepare)
    with VideoReader(path) as reader:
        assert reader.sample_aspect_ratio == Fraction(3, 4)


def test_frames_that_an_edit_list_hides_stay_hidden(tmp_path: Path) -> None:
    path = write_clip(
        tmp_path / "clip.mp4",
        [numbered(i) for i in range(15)],
        pts=list(range(-5, 10)),
        container_options={"avoid_negative_ts": "disabled"},
    )
    with VideoReader(path) as reader:
        frames = list(reader)
    assert [f.pts * f.time_base for f in frames] == [Fraction(i, 25) for i in range(10)]
    seen = [int(frame.pixels[20, 20, 1]) for frame in frames]
    assert all(abs(seen[i] - grey_level(i + 5)) <= 3 for i in range(10))
    assert reader.num_decode_errors == 0


def test_a_cover_is_not_taken_for_the_video(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as container:
        sound = container.add_stream("aac", rate=8000)
        cover = container.add_stream("png", width=16, height=16)
        cover.disposition = av.stream.Disposition.attached_pic
        assert isinstance(cover, VideoStream)
        cover.pix_fmt = "rgb24"
        frame = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), "rgb24")
        frame.pts = 0
        container.mux(cover.encode(frame))
        container.mux(cover.encode())
        container.mux(sound.encode())
    with pytest.raises(SourceError, match="expected a file with video"):
        VideoReader(path)
