import time
from fractions import Fraction

import numpy as np
import pytest

from rtstyle_streams.errors import SpecError
from rtstyle_streams.protocols import Source
from rtstyle_streams.sample.source import SampleSource


def small(num_frames: int = 4) -> SampleSource:
    return SampleSource(width=160, height=90, num_frames=num_frames)


def test_the_scene_is_a_source_of_the_size_rate_and_length_asked_for() -> None:
    source = SampleSource(
        width=97, height=64, num_frames=7, frame_rate=Fraction(30000, 1001)
    )
    assert isinstance(source, Source)
    frames = list(source)
    assert [frame.index for frame in frames] == list(range(7))
    assert {frame.pixels.shape for frame in frames} == {(64, 97, 3)}
    assert frames[6].pts * frames[6].time_base == Fraction(6 * 1001, 30000)
    assert source.info.num_frames == 7


def test_the_scene_is_the_same_every_time() -> None:
    first, second = small().render(1.5), small().render(1.5)
    assert (first == second).all()


@pytest.mark.parametrize(("width", "height"), [(160, 90), (64, 64), (320, 180)])
def test_no_pixel_is_left_unpainted(
    monkeypatch: pytest.MonkeyPatch, width: int, height: int
) -> None:
    source = SampleSource(width=width, height=height)
    painted = []
    for level in (0, 255):
        monkeypatch.setattr(
            "rtstyle_streams.sample.source.np.empty",
            lambda shape, dtype, level=level: np.full(shape, level, dtype),
        )
        painted.append([source.render(seconds) for seconds in (0, 1.5, 9, 20)])
    assert all((a == b).all() for a, b in zip(*painted, strict=True))


def test_the_scene_moves_and_frames_do_not_share_memory() -> None:
    frames = [frame.pixels for frame in small(8)]
    changes = [np.abs(frames[i + 1].astype(int) - frames[i]).mean() for i in range(7)]
    assert min(changes) > 0
    assert max(changes) < 40, "no cut"


def test_the_scene_goes_on_for_any_time() -> None:
    source = small()
    late = source.render(100_000.0)
    assert late.shape == (90, 160, 3)
    assert late.std() > 20


def test_there_are_skin_sky_and_grass() -> None:
    pixels = SampleSource(width=320, height=180).render(0).astype(int)
    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    skin = (red > 200) & (red - blue > 50) & (green > 130) & (red - green > 20)
    assert skin[60:150, 200:300].mean() > 0.1
    assert ((blue - red) > 40)[:40].mean() > 0.2
    assert ((green - blue) > 40)[140:].mean() > 0.4


@pytest.mark.parametrize(
    ("width", "height"), [(16, 16), (33, 17), (16, 300), (300, 16)]
)
def test_the_smallest_and_oddest_sizes_work(width: int, height: int) -> None:
    source = SampleSource(width=width, height=height, num_frames=2)
    assert [frame.pixels.shape for frame in source] == [(height, width, 3)] * 2


@pytest.mark.parametrize(
    ("text", "size", "rate", "num_frames"),
    [
        ("", (1280, 720), 30, 90),
        ("64x48", (64, 48), 30, 90),
        ("64x48@25", (64, 48), 25, 90),
        ("64x48@30000/1001x12", (64, 48), Fraction(30000, 1001), 12),
        ("@12.5x3", (1280, 720), Fraction(25, 2), 3),
        ("x5", (1280, 720), 30, 5),
    ],
)
def test_specs_are_read(
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    size: tuple[int, int],
    rate: Fraction,
    num_frames: int,
) -> None:
    monkeypatch.setattr("rtstyle_streams.sample.source.paint_layers", lambda *_: [])
    info = SampleSource.from_spec(text).info
    assert (info.width, info.height) == size
    assert info.frame_rate == rate
    assert info.num_frames == num_frames


@pytest.mark.parametrize(
    "text",
    ["x", "12", "64x48x", "64x48@", "8x8", "64x48@0", "64x48@25/0", "x0", "9999x16"],
)
def test_senseless_specs_are_refused(text: str) -> None:
    with pytest.raises(SpecError, match="sample: expected"):
        SampleSource.from_spec(text)


@pytest.mark.slow
def test_a_720p_frame_is_rendered_in_time_for_a_camera() -> None:
    source = SampleSource()
    times = []
    for index in range(10):
        start = time.thread_time()
        source.render(index / 30)
        times.append(time.thread_time() - start)
    assert sorted(times)[5] < 0.033
