"""More than 8 bits: split, carried past the network, and written again."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from av.codec import Codec
from av.video.stream import VideoStream
from hypothesis import given
from hypothesis import strategies as st

from rtstyle_streams.errors import FrameError, SinkError
from rtstyle_streams.frame import Frame
from rtstyle_streams.opening import open_sink, open_source
from rtstyle_streams.protocols import Bits
from rtstyle_streams.video.colour import Colour
from rtstyle_streams.video.deep import REST_STEPS, deep_frame, num_bits, rest_of
from rtstyle_streams.video.encoding import chosen_pixel_format
from rtstyle_streams.video.planes import from_rgb
from rtstyle_streams.video.reader import VideoReader
from rtstyle_streams.video.writer import VideoWriter
from tests.streams.test_tone_map import PQ, hdr_clip

SIZE = (32, 256)
RAMP = np.arange(300, 300 + SIZE[1], dtype=np.uint16)
"""Luma of 10 bits: one step a column, four to one step of 8 bits."""


def luma(frame: av.VideoFrame) -> np.ndarray:
    plane = frame.planes[0]
    lines = np.frombuffer(memoryview(plane), np.uint16).reshape(plane.height, -1)
    return lines[:, : plane.width]


def ramp(pixel_format: str) -> av.VideoFrame:
    frame = av.VideoFrame(SIZE[1], SIZE[0], pixel_format)
    for index, plane in enumerate(frame.planes):
        lines = np.frombuffer(memoryview(plane), np.uint16).reshape(plane.height, -1)
        lines[:, : plane.width] = RAMP if index == 0 else 512
    return frame


def ramp_clip(
    path: Path, *, pixel_format: str = "yuv420p10le", full_range: bool = False
) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25, width=SIZE[1], height=SIZE[0])
        assert isinstance(stream, VideoStream)
        stream.pix_fmt = pixel_format
        stream.codec_context.color_range = 2 if full_range else 1
        for number in range(3):
            frame = ramp(pixel_format)
            frame.pts, frame.time_base = number, Fraction(1, 25)
            frame.color_range = 2 if full_range else 1
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def copied(source: Path, target: Path, *, bits: Bits, codec: str = "ffv1") -> list[str]:
    """Copy a film frame by frame; return the notices."""
    with open_source(source, bits=bits) as reader:
        with open_sink(
            target, reader.info, template=reader, codec=codec, bits=bits
        ) as sink:
            for frame in reader:
                sink.write(frame)
        return list(sink.notices)


def first_luma(path: Path) -> tuple[str, np.ndarray]:
    with av.open(str(path)) as film:
        frame = next(iter(film.decode(video=0)))
        return frame.format.name, luma(frame).astype(int)


@given(st.integers(0, 2**32 - 1))
def test_pixels_and_their_rest_are_all_tones(seed: int) -> None:
    random = np.random.default_rng(seed)
    levels = random.random((5, 7, 3), np.float32)
    off = random.integers(-2, 3, levels.shape)
    pixels = np.clip(np.rint(levels * 255) + off, 0, 255).astype(np.uint8)
    before = levels.copy(), pixels.copy()
    rest = rest_of(levels, pixels)
    assert rest.shape == levels.shape
    whole = pixels + rest / REST_STEPS
    assert np.abs(whole - levels * 255).max() <= 0.5 / REST_STEPS + 1e-4
    assert (levels == before[0]).all() and (pixels == before[1]).all()


def test_what_is_out_of_range_stays_near_it() -> None:
    levels = np.full((2, 2, 3), (-0.5, 0.501, 1.5), np.float32)
    rest = rest_of(levels, np.full((2, 2, 3), (0, 128, 255), np.uint8))
    assert rest[0, 0].tolist() == [-128, -8, 127]


@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("pixel_format", ["yuv420p10le", "yuv444p10le", "yuv422p10le"])
def test_a_film_of_10_bits_comes_back_as_it_was(
    tmp_path: Path, pixel_format: str, full_range: bool
) -> None:
    source = ramp_clip(
        tmp_path / "in.mkv", pixel_format=pixel_format, full_range=full_range
    )
    target = tmp_path / "out.mkv"
    copied(source, target, bits="auto")
    name, got = first_luma(target)
    assert num_bits(name) == 10
    assert np.abs(got - RAMP).max() <= 1
    assert len(np.unique(got)) >= SIZE[1] - 4
    copied(source, tmp_path / "eight.mkv", bits="8")
    with av.open(str(tmp_path / "eight.mkv")) as film:
        assert num_bits(next(iter(film.decode(video=0))).format.name) == 8


def test_what_a_style_does_keeps_the_tones_between(tmp_path: Path) -> None:
    source, target = ramp_clip(tmp_path / "in.mkv"), tmp_path / "out.mkv"
    with open_source(source, bits="auto") as reader:
        with open_sink(target, reader.info, template=reader, codec="ffv1") as sink:
            for frame in reader:
                assert frame.rest is not None and frame.rest.any()
                painted = np.minimum(frame.pixels, 235).astype(np.uint8) + np.uint8(20)
                sink.write(
                    Frame(
                        painted,
                        frame.pts,
                        frame.time_base,
                        frame.index,
                        rest=frame.rest,
                    )
                )
    _, got = first_luma(target)
    steps = np.diff(got[0])
    assert np.abs(steps).max() <= 2, "no step of 8 bits, which is 4"
    assert abs(int(got[0, 9]) - int(RAMP[9]) - 20 * 4 * 219 / 255) <= 2


@pytest.mark.parametrize("codec", ["libx264", "libx265", "libsvtav1"])
def test_encoders_that_can_take_10_bits(tmp_path: Path, codec: str) -> None:
    source, target = ramp_clip(tmp_path / "in.mkv"), tmp_path / "out.mkv"
    notices = copied(source, target, bits="auto", codec=codec)
    name, got = first_luma(target)
    assert name == "yuv420p10le"
    assert np.abs(got - RAMP).mean() < 3
    assert any("H.264 of 10 bits" in line for line in notices) == (codec == "libx264")


def test_an_encoder_that_cannot_is_said_or_refused(tmp_path: Path) -> None:
    source = ramp_clip(tmp_path / "in.mkv")
    notices = copied(source, tmp_path / "out.webm", bits="auto", codec="libvpx-vp9")
    said = "written with 8 bits, which is all that libvpx-vp9 takes"
    assert any(said in line for line in notices)
    with pytest.raises(SinkError, match=r"^--bits 10: expected [^\n]* libvpx-vp9"):
        copied(source, tmp_path / "no.webm", bits="10", codec="libvpx-vp9")
    assert not (tmp_path / "no.webm").exists()


def test_a_film_of_8_bits_becomes_10_only_when_asked(tmp_path: Path) -> None:
    chosen, _ = chosen_pixel_format(Codec("ffv1", "w"), "yuv420p", "auto", None)
    assert chosen == "yuv420p"
    with open_source("sample:64x48@25x3") as source:
        wanted: list[tuple[Bits, str]] = [("auto", "yuv420p"), ("10", "yuv420p10le")]
        for bits, name in wanted:
            path = tmp_path / f"{bits}.mkv"
            with open_sink(path, source.info, codec="libx265", bits=bits) as sink:
                sink.write(
                    Frame(np.zeros((48, 64, 3), np.uint8), 0, Fraction(1, 25), 0)
                )
            with av.open(str(path)) as film:
                assert film.streams.video[0].codec_context.pix_fmt == name


def test_hdr_is_mapped_with_more_than_256_tones(tmp_path: Path) -> None:
    path = hdr_clip(tmp_path / "hdr.mkv", PQ)
    with VideoReader(path, tone_map="bt2390", is_deep=True) as reader:
        rests = [frame.rest for frame in reader]
    with VideoReader(path, tone_map="bt2390") as plain:
        assert all(frame.rest is None for frame in plain)
    assert all(rest is not None and rest.any() for rest in rests)
    with VideoReader(path, tone_map="bt2390", is_deep=True) as reader:
        with VideoWriter(tmp_path / "sdr.mkv", reader.info, template=reader) as writer:
            for frame in reader:
                writer.write(frame)
    with av.open(str(tmp_path / "sdr.mkv")) as film:
        assert film.streams.video[0].codec_context.pix_fmt == "yuv444p10le"


def test_a_red_picture_stays_red_in_10_bits() -> None:
    pixels = np.full((6, 10, 3), (200, 20, 20), np.uint8)
    rest = np.full((6, 10, 3), 8, np.int8)  # a quarter of a level
    colour = Colour(colorspace=1)
    deep = from_rgb(
        pixels,
        colour,
        pixel_format="yuv420p10le",
        pts=0,
        time_base=Fraction(1),
        rest=rest,
    )
    back = deep.to_ndarray(format="rgb24")[3, 5].astype(int)
    assert np.abs(back - (200, 20, 20)).max() <= 3
    plain = deep_frame(pixels, np.zeros_like(rest), colour, "yuv420p10le")
    assert luma(deep).astype(int).mean() - luma(plain).mean() == pytest.approx(
        1, abs=0.6
    )


def test_steps_of_8_bits_are_4_apart_without_a_rest() -> None:
    row = np.arange(60, 124, dtype=np.uint8)
    pixels = np.repeat(row[None, :, None], 3, axis=2)
    frame = deep_frame(pixels, np.zeros((1, 64, 3), np.int8), Colour(), "yuv444p10le")
    steps = {int(b) - int(a) for a, b in pairwise(luma(frame)[0])}
    assert steps <= {3, 4}


def test_a_rest_of_another_size_is_refused() -> None:
    pixels = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(FrameError, match="expected a rest of shape"):
        Frame(pixels, 0, Fraction(1), 0, rest=np.zeros((2, 2, 3), np.int8))
