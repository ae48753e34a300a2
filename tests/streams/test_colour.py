from fractions import Fraction

import av
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rtstyle_streams.errors import SourceError
from rtstyle_streams.frame import Pixels
from rtstyle_streams.video.colour import (
    Colour,
    default_colour,
    read_colour,
    rgb_to_yuv_matrix,
    yuv_to_rgb_matrix,
)
from rtstyle_streams.video.planes import from_rgb, to_rgb
from tests.streams.clips import EXACT

COLOURS = [Colour(space, full) for space in (1, 6, 9) for full in (False, True)]
PICTURES = hnp.arrays(
    np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))
)


def through(pixels: Pixels, colour: Colour, pixel_format: str) -> Pixels:
    before = pixels.copy()
    frame = from_rgb(
        pixels, colour, pixel_format=pixel_format, pts=3, time_base=Fraction(1, 25)
    )
    assert (pixels == before).all(), "the input was changed in place"
    assert (frame.pts, frame.time_base) == (3, Fraction(1, 25))
    back = to_rgb(frame, colour)
    assert back.flags.c_contiguous
    return back


@pytest.mark.parametrize("colour", COLOURS)
def test_the_matrices_are_inverse(colour: Colour) -> None:
    there, back = rgb_to_yuv_matrix(colour), yuv_to_rgb_matrix(colour)
    corner = np.array([255.0, 10.0, 77.0])
    yuv = there[:, :3] @ corner + there[:, 3]
    np.testing.assert_allclose(back[:, :3] @ yuv + back[:, 3], corner)


@pytest.mark.parametrize(
    ("colour", "expected"),
    [
        (Colour(1, False), [62.56, 102.34, 240.0]),
        (Colour(6, False), [81.48, 90.20, 240.0]),
        (Colour(6, True), [76.245, 84.97, 255.5]),
    ],
)
def test_red_has_the_values_of_the_standards(
    colour: Colour, expected: list[float]
) -> None:
    matrix = rgb_to_yuv_matrix(colour)
    red = matrix[:, :3] @ [255, 0, 0] + matrix[:, 3]
    np.testing.assert_allclose(red, expected, atol=0.01)


@given(PICTURES, st.sampled_from(COLOURS))
def test_full_chroma_survives_within_two(pixels: Pixels, colour: Colour) -> None:
    back = through(pixels, colour, "yuv444p")
    assert back.shape == pixels.shape
    assert np.abs(back.astype(int) - pixels).max() <= 2


@given(
    st.integers(1, 5),
    st.integers(1, 5),
    st.tuples(*[st.integers(0, 255)] * 3),
    st.sampled_from(COLOURS),
)
def test_a_solid_colour_survives_half_chroma_within_two(
    half_width: int, half_height: int, rgb: tuple[int, int, int], colour: Colour
) -> None:
    pixels = np.full((2 * half_height, 2 * half_width, 3), rgb, np.uint8)
    back = through(pixels, colour, "yuv420p")
    assert np.abs(back.astype(int) - pixels).max() <= 2


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv444p"])
@pytest.mark.parametrize("colour", COLOURS[:4])
def test_reading_agrees_with_the_exact_swscale(
    colour: Colour, pixel_format: str
) -> None:
    ramp = np.linspace(20, 230, 64).astype(np.uint8)
    pixels = np.stack([np.tile(ramp, (48, 1)), np.full((48, 64), 90, np.uint8)], -1)
    pixels = np.concatenate([pixels, pixels[..., :1] // 2 + 30], axis=-1)
    frame = from_rgb(
        pixels, colour, pixel_format=pixel_format, pts=0, time_base=Fraction(1)
    )
    other = frame.reformat(
        format="rgb24",
        src_colorspace=1 if colour.colorspace == 1 else 5,
        src_color_range=2 if colour.full_range else 1,
        dst_color_range=2,
        interpolation=EXACT,
        threads=1,
    ).to_ndarray()
    ours = to_rgb(frame, colour).astype(int)
    assert np.abs(ours - other)[:, 4:-4].max() <= 3
    assert np.abs(ours - other)[:, 4:-4].mean() < 0.8


@pytest.mark.parametrize(
    "pixel_format",
    [
        *("yuv420p", "yuv422p", "yuv444p", "yuv440p", "yuv411p", "yuv410p"),
        *("yuva420p", "yuva444p", "yuv420p10le", "yuv422p12le", "yuv444p16le"),
        *("yuv420p10be", "nv12", "nv21", "nv16", "p010le", "yuyv422", "uyvy422"),
        *("rgb24", "bgr24", "rgba", "bgr0", "gbrp", "gbrp10le", "rgb48le"),
    ],
)
@pytest.mark.parametrize(("height", "width"), [(18, 22), (17, 21)])
def test_every_pixel_format_becomes_the_same_rgb(
    pixel_format: str, height: int, width: int
) -> None:
    colour = Colour(6, False)
    picture = np.full((height, width, 3), (200, 60, 40), np.uint8)
    frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(
        format=pixel_format,
        dst_colorspace=5,
        src_color_range=2,
        dst_color_range=1,
        interpolation=EXACT,
        threads=1,
    )
    colour.tag(frame)
    pixels = to_rgb(frame, colour)
    assert pixels.shape == (height, width, 3)
    assert np.abs(pixels.astype(int) - picture).max() <= 3


def test_grey_has_no_colour() -> None:
    grey = np.tile(np.arange(0, 64, dtype=np.uint8) * 4, (48, 1))
    frame = av.VideoFrame.from_ndarray(grey, "gray")
    pixels = to_rgb(frame, Colour(6, full_range=True))
    assert (pixels == grey[..., None]).all()


def plane16(value: int, bits: int) -> av.VideoFrame:
    frame = av.VideoFrame(16, 16, f"gray{bits}le")
    np.frombuffer(memoryview(frame.planes[0]), np.uint16)[:] = value
    return frame


@given(st.integers(0, 1023))
def test_ten_bits_are_rounded_to_the_nearest(value: int) -> None:
    full = to_rgb(plane16(value, 10), Colour(6, full_range=True))
    assert abs(float(full[0, 0, 0]) - value * 255 / 1023) <= 0.51


@pytest.mark.parametrize(
    ("width", "height", "matrix"),
    [
        (1280, 100, "bt709"),
        (100, 720, "bt709"),
        (1279, 719, "bt601"),
        (720, 576, "bt601"),
    ],
)
def test_untagged_pictures_are_judged_by_their_size(
    width: int, height: int, matrix: str
) -> None:
    assert default_colour(width=width, height=height).matrix == matrix
    frame = av.VideoFrame(width, height, "yuv420p")
    read = read_colour(
        frame, pixel_format="yuv420p", width=width, height=height, what="clip"
    )
    assert read.matrix == matrix
    assert not read.full_range


def test_an_unknown_matrix_is_refused() -> None:
    frame = av.VideoFrame(16, 16, "yuv420p")
    frame.colorspace = 8  # YCgCo
    with pytest.raises(SourceError, match=r"clip: expected colour matrix .* number 8"):
        read_colour(frame, pixel_format="yuv420p", width=16, height=16, what="clip")


def test_the_tags_are_written_to_the_frame() -> None:
    frame = av.VideoFrame(16, 16, "yuv420p")
    Colour(9, full_range=True, primaries=9, transfer=14).tag(frame)
    tags = (frame.colorspace, frame.color_range, frame.color_primaries, frame.color_trc)
    assert tags == (9, 2, 9, 14)


def test_red_stays_red_and_in_its_place() -> None:
    pixels: npt.NDArray[np.uint8] = np.zeros((12, 20, 3), np.uint8)
    pixels[2:4, 14:18, 0] = 255
    back = through(pixels, Colour(1), "yuv420p")
    assert back[2:4, 14:18, 0].min() > 150
    assert back[8:, :10].max() < 20
