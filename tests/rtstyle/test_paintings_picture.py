"""Paintings: every kind of file, and what is refused before it is decoded."""

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from rtstyle.errors import StyleFileError
from rtstyle.paintings.picture import (
    LEAST_SIDE,
    MOST_SIDE,
    is_painting,
    read_painting,
    shown,
)
from rtstyle.paintings.picture_size import picture_size
from tests.tiny_paintings import write_painting

KINDS = ("png", "jpg", "webp", "bmp", "tif", "gif", "avif", "jp2", "ppm")
RED = (200, 30, 40)


def chunk(kind: bytes, data: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + checksum


def png_that_claims(width: int, height: int) -> bytes:
    """Return a PNG of a few bytes whose header says it is large."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"")
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def turned(jpeg: bytes, orientation: int) -> bytes:
    """Return a JPEG with an EXIF orientation (TIFF tag 274)."""
    tiff = b"II*\0" + struct.pack("<IHHHII", 8, 1, 274, 3, 1, orientation) + b"\0" * 4
    exif = b"Exif\0\0" + tiff
    marker = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    return jpeg[:2] + marker + jpeg[2:]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_picture_is_read_in_its_colours(
    kind: str, tmp_path: Path
) -> None:
    path = write_painting(tmp_path / f"a.{kind}", RED, width=90, height=70)
    assert picture_size(path.read_bytes()) == (90, 70)
    painting = read_painting(path)
    assert painting.pixels.shape == (70, 90, 3)
    mean = painting.pixels.mean(axis=(0, 1))
    assert np.abs(mean - RED).max() <= 12, "a GIF is dithered"
    assert not painting.notices
    assert is_painting(path)


def test_sizes_are_read_of_lossless_and_extended_webp(tmp_path: Path) -> None:
    pixels = np.zeros((37, 53, 4), np.uint8)
    pixels[..., 3] = np.arange(53)
    path = tmp_path / "a.webp"
    assert cv2.imwrite(str(path), pixels, [cv2.IMWRITE_WEBP_QUALITY, 101])
    assert path.read_bytes()[12:16] == b"VP8L"
    assert picture_size(path.read_bytes()) == (53, 37)
    assert cv2.imwrite(str(path), pixels, [cv2.IMWRITE_WEBP_QUALITY, 80])
    assert path.read_bytes()[12:16] == b"VP8X"
    assert picture_size(path.read_bytes()) == (53, 37)


def test_what_has_no_known_suffix_is_known_by_its_first_bytes(tmp_path: Path) -> None:
    picture = write_painting(tmp_path / "a.png", RED)
    plain = tmp_path / "painting"
    plain.write_bytes(picture.read_bytes())
    assert is_painting(plain)
    text = tmp_path / "text"
    text.write_text("no picture")
    assert not is_painting(text)
    assert not is_painting(tmp_path / "none.onnx")
    assert is_painting(tmp_path / "MISSING.JPG"), "so that the error can name it"


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.png", b"", "expected a painting, got an empty file"),
        ("a.png", b"\x89PNG\r\n\x1a\n" + bytes(40), "expected a picture, got"),
        ("a.jpg", b"just a text", r"expected a painting \(JPEG, PNG.*got another file"),
        ("a.jpg", b"\xff\xd8\xff\xe0\x00", "got a broken JPEG picture"),
        ("a.svg", b"<?xml version='1.0'?>\n<svg/>", "got an SVG drawing; open it in"),
        ("a.svgz", b"\x1f\x8b\x08" + bytes(20), "got an SVG drawing"),
        ("a.heic", bytes(4) + b"ftypheic" + bytes(40), "got HEIC; save it as JPEG"),
        ("a.png", png_that_claims(30000, 24000), "64 megapixels, got 30000x24000"),
        ("a.png", png_that_claims(0, 0), "expected a picture, got"),
    ],
)
def test_what_cannot_be_a_painting_is_one_line(
    name: str, data: bytes, said: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(StyleFileError, match=said) as error:
        read_painting(path)
    assert "\n" not in str(error.value)
    assert name in str(error.value)


def test_a_gigantic_painting_is_refused_without_being_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise AssertionError("it was decoded")

    monkeypatch.setattr("rtstyle.paintings.picture.decode_picture", fail)
    path = tmp_path / "a.png"
    path.write_bytes(png_that_claims(100_000, 100_000))
    with pytest.raises(StyleFileError, match="make it smaller, 2000 pixels are plenty"):
        read_painting(path)


def test_a_file_of_gigabytes_is_refused_without_being_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.bmp"
    with path.open("wb") as file:
        file.truncate(3 << 30)  # sparse: takes no room
    with pytest.raises(StyleFileError, match="at most 256 MB, got 3072 MB"):
        read_painting(path)


@pytest.mark.parametrize("name", ["missing.jpg", "folder.jpg"])
def test_what_is_no_file_is_one_line(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder.jpg").mkdir()
    with pytest.raises(StyleFileError, match=name):
        read_painting(tmp_path / name)


def test_a_half_written_jpeg_is_refused_or_read_but_never_crashes(
    tmp_path: Path,
) -> None:
    path = write_painting(tmp_path / "a.jpg", RED, width=400, height=300)
    whole = path.read_bytes()
    for length in range(0, len(whole), 97):
        path.write_bytes(whole[:length])
        try:
            assert read_painting(path).pixels.shape == (300, 400, 3)
        except StyleFileError as error:
            assert "a.jpg" in str(error)


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_transparent_parts_are_white_and_that_is_said(
    depth: type[np.unsignedinteger], tmp_path: Path
) -> None:
    most = np.iinfo(depth).max
    pixels = np.zeros((40, 60, 4), depth)
    pixels[:, :20, 3] = most
    pixels[:, 20:40, 3] = most // 2
    path = tmp_path / "logo.png"
    assert cv2.imwrite(str(path), pixels)
    painting = read_painting(path)
    assert painting.pixels[0, [0, 30, 50], 0].tolist() == [0, 128, 255]
    assert "logo.png: what is transparent is taken as white" in painting.notices
    assert not any("left out" in line for line in painting.notices)


def test_an_alpha_that_hides_nothing_is_not_mentioned(tmp_path: Path) -> None:
    pixels = np.full((40, 60, 4), 255, np.uint8)
    pixels[..., :3] = RED[::-1]
    path = tmp_path / "a.png"
    assert cv2.imwrite(str(path), pixels)
    painting = read_painting(path)
    assert (painting.pixels == RED).all()
    assert not painting.notices


def test_a_grey_painting_is_three_equal_channels(tmp_path: Path) -> None:
    path = tmp_path / "drawing.png"
    assert cv2.imwrite(str(path), np.full((40, 60), 90, np.uint8))
    assert (read_painting(path).pixels == 90).all()


def test_a_photographed_painting_is_upright(tmp_path: Path) -> None:
    pixels = np.zeros((64, 96, 3), np.uint8)
    pixels[:32] = 255  # the upper half is white
    path = tmp_path / "phone.jpg"
    assert cv2.imwrite(str(path), pixels)
    path.write_bytes(turned(path.read_bytes(), 6))  # to be turned right by 90 degrees
    painting = read_painting(path).pixels
    assert painting.shape == (96, 64, 3)
    assert painting[:, 40:].min() > 200 and painting[:, :24].max() < 50


def test_a_cmyk_jpeg_is_read_and_said(tmp_path: Path) -> None:
    path = tmp_path / "print.jpg"
    path.write_bytes(cmyk_jpeg())
    painting = read_painting(path)
    assert painting.pixels.shape == (16, 16, 3)
    assert any("CMYK" in line for line in painting.notices)


def test_of_a_moving_picture_the_first_frame_is_taken_and_that_is_said(
    tmp_path: Path,
) -> None:
    animation = cv2.Animation()
    animation.frames = [np.full((40, 60, 4), value, np.uint8) for value in (40, 250)]
    for frame in animation.frames:
        frame[..., 3] = 255
    animation.durations = [100, 100]
    path = tmp_path / "moving.gif"
    assert cv2.imwriteanimation(str(path), animation)
    painting = read_painting(path)
    assert painting.pixels.max() < 90
    assert "moving.gif: of its pictures the first is taken" in painting.notices


def test_a_painting_of_one_pixel_is_shown_as_large_as_the_encoder_needs() -> None:
    pixel = np.array([[RED]], np.uint8)
    large = shown(pixel, side=64)
    assert large.shape == (64, 64, 3) and (large == RED).all()


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((100, 400), (128, 512)),
        ((2000, 2000), (256, 256)),
        ((1, 5000), (LEAST_SIDE, MOST_SIDE)),
        ((5000, 1), (MOST_SIDE, LEAST_SIDE)),
    ],
)
def test_a_painting_is_shown_in_one_area_whatever_its_size(
    size: tuple[int, int], expected: tuple[int, int]
) -> None:
    painting = np.zeros((*size, 3), np.uint8)
    assert shown(painting, side=256).shape[:2] == expected


def cmyk_jpeg() -> bytes:
    """Return a flat 16x16 JPEG of four components, made by hand.

    Each component's one coefficient table entry is zero, so all samples are 128.
    """
    quantisation = b"\xff\xdb" + struct.pack(">HB", 67, 0) + bytes([1] * 64)
    components = b"".join(bytes([number, 0x11, 0]) for number in (1, 2, 3, 4))
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 20, 8, 16, 16, 4) + components
    huffman = b"\xff\xc4" + struct.pack(">HB", 20, 0) + bytes([1] + [0] * 15) + b"\0"
    huffman += b"\xff\xc4" + struct.pack(">HB", 20, 16) + bytes([1] + [0] * 15) + b"\0"
    selectors = b"".join(bytes([number, 0]) for number in (1, 2, 3, 4))
    scan = b"\xff\xda" + struct.pack(">HB", 14, 4) + selectors + b"\0\x3f\0"
    adobe = b"\xff\xee\x00\x0eAdobe\0\x64\0\0\0\0\0"
    blocks = bytes(4)  # 4 blocks of 4 components, two zero bits each: 32 bits
    return (
        b"\xff\xd8"
        + adobe
        + quantisation
        + frame
        + huffman
        + scan
        + blocks
        + (b"\xff\xd9")
    )
