import os
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from rtstyle_streams.errors import SinkError, SourceError
from rtstyle_streams.frame import Frame, Pixels
from rtstyle_streams.pictures.images import ImageSink, ImageSource

HEIGHT, WIDTH = 24, 40


def picture(level: int = 40) -> Pixels:
    """Return a red picture with a marked upper left corner."""
    pixels = np.full((HEIGHT, WIDTH, 3), (200, level, 30), np.uint8)
    pixels[:8, :8] = 255
    return pixels


def save(path: Path, pixels: "np.ndarray[tuple[int, ...]]") -> Path:
    code = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    if channels in code:
        pixels = cv2.cvtColor(pixels, code[channels])
    assert cv2.imwrite(str(path), pixels)
    return path


def frame_of(pixels: Pixels, index: int = 0) -> Frame:
    return Frame(pixels, index, Fraction(1), index)


def read(path: Path) -> Pixels:
    return next(iter(ImageSource(path))).pixels


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".webp", ".jpg", ".JPG"])
def test_a_picture_survives_the_trip_to_disk(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    with ImageSink(path) as sink:
        sink.write(frame_of(picture()))
    back = read(path)
    assert back.shape == (HEIGHT, WIDTH, 3)
    tolerance = 0 if suffix in (".png", ".bmp", ".tif") else 12
    inner = np.abs(back.astype(int) - picture())[14:, 14:]
    assert inner.max() <= tolerance
    assert os.listdir(tmp_path) == [path.name]


def exif(orientation: int) -> bytes:
    """Return a JPEG segment that holds nothing but an orientation."""
    entry = (0x0112).to_bytes(2, "big") + b"\0\3\0\0\0\1"
    entry += orientation.to_bytes(2, "big") + b"\0\0"
    body = b"Exif\0\0MM\0*\0\0\0\x08\0\1" + entry + b"\0\0\0\0"
    return b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body


@pytest.mark.parametrize(
    ("orientation", "corner"), [(1, (0, 0)), (3, (-1, -1)), (6, (0, -1)), (8, (-1, 0))]
)
def test_pictures_are_turned_as_exif_says(
    tmp_path: Path, orientation: int, corner: tuple[int, int]
) -> None:
    path = save(tmp_path / "a.jpg", picture())
    data = path.read_bytes()
    path.write_bytes(data[:2] + exif(orientation) + data[2:])
    pixels = read(path)
    turned = orientation in (6, 8)
    assert pixels.shape[:2] == ((WIDTH, HEIGHT) if turned else (HEIGHT, WIDTH))
    assert pixels[corner[0] * 3, corner[1] * 3].min() > 200


def test_alpha_is_left_out_and_said(tmp_path: Path) -> None:
    alpha = np.dstack([picture(), np.full((HEIGHT, WIDTH), 100, np.uint8)])
    source = ImageSource(save(tmp_path / "a.png", alpha))
    assert (next(iter(source)).pixels == picture()).all()
    assert source.notices == ["a.png: the alpha channel is left out"]


def test_pixels_may_be_written_to(tmp_path: Path) -> None:
    for suffix in (".png", ".jpg"):
        pixels = read(save(tmp_path / f"a{suffix}", picture()))
        assert pixels.flags.writeable and pixels.flags.c_contiguous


def test_grey_becomes_rgb(tmp_path: Path) -> None:
    grey = np.arange(HEIGHT * WIDTH, dtype=np.uint8).reshape(HEIGHT, WIDTH)
    source = ImageSource(save(tmp_path / "a.png", grey))
    assert (next(iter(source)).pixels == grey[..., None]).all()
    assert source.notices == []


def test_sixteen_bits_are_rounded_and_said(tmp_path: Path) -> None:
    deep = np.minimum(picture().astype(np.int32) * 257 + 100, 65535).astype(np.uint16)
    source = ImageSource(save(tmp_path / "a.png", deep))
    assert (next(iter(source)).pixels == picture()).all()
    assert source.notices == ["a.png: 16 bits per sample rounded to 8"]


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_cmyk_is_said(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    Image.new("CMYK", (WIDTH, HEIGHT), (0, 255, 255, 0)).save(path, quality=98)
    source = ImageSource(path)
    (frame,) = source
    assert np.abs(frame.pixels.astype(int) - (255, 0, 0)).max() <= 4
    assert source.notices == [
        f"{path.name}: CMYK turned into RGB without a colour profile"
    ]


def test_a_folder_is_read_in_natural_order_and_sizes_stay(tmp_path: Path) -> None:
    for number in (10, 9, 1, 100):
        pixels = np.full((HEIGHT + number, WIDTH, 3), number, np.uint8)
        save(tmp_path / f"IMG{number}.png", pixels)
    (tmp_path / "notes.txt").write_text("not a picture")
    (tmp_path / "deeper").mkdir()
    source = ImageSource(tmp_path)
    assert [int(frame.pixels[0, 0, 0]) for frame in source] == [1, 9, 10, 100]
    assert source.info.num_frames == 4
    assert source.info.height == HEIGHT + 1


def test_a_broken_picture_of_a_folder_is_counted_and_named(tmp_path: Path) -> None:
    for name in ("a.png", "c.png"):
        save(tmp_path / name, picture())
    (tmp_path / "b.png").write_text("no picture")
    source = ImageSource(tmp_path)
    assert [frame.index for frame in source] == [0, 2]
    assert source.num_decode_errors == 1
    assert "b.png: expected a picture" in source.notices[0]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none.png", "found no such file"),
        ("empty.png", "got an empty file"),
        ("text.png", "no decoder reads"),
        ("folder", "expected pictures, got none"),
    ],
)
def test_what_is_no_picture_is_said(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("Hello")
    (tmp_path / "folder").mkdir()
    with pytest.raises(SourceError, match=message) as caught:
        ImageSource(tmp_path / name)
    assert "\n" not in str(caught.value)


def folder_of(tmp_path: Path, *names: str) -> ImageSource:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in names:
        save(folder / name, picture())
    return ImageSource(folder)


def test_a_folder_keeps_its_names(tmp_path: Path) -> None:
    source = folder_of(tmp_path, "a.png", "b.jpg", "b.png")
    with ImageSink(tmp_path / "out", template=source) as sink:
        for frame in source:
            sink.write(frame)
    assert sorted(os.listdir(tmp_path / "out")) == ["a.png", "b.jpg", "b.png"]
    assert (read(tmp_path / "out" / "a.png") == picture()).all()


def test_frames_without_names_are_numbered(tmp_path: Path) -> None:
    with ImageSink(f"{tmp_path}/out/") as sink:
        for index in range(2):
            sink.write(frame_of(picture(), index))
    assert sorted(os.listdir(tmp_path / "out")) == [
        "frame_000000.png",
        "frame_000001.png",
    ]


def test_existing_pictures_are_only_replaced_on_demand(tmp_path: Path) -> None:
    source = folder_of(tmp_path, "a.png", "b.png")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "b.png").write_text("mine")
    with pytest.raises(SinkError, match="b.png.*--overwrite"):
        ImageSink(tmp_path / "out", template=source)
    with pytest.raises(SinkError, match="b.png.*--overwrite"):
        ImageSink(tmp_path / "out" / "b.png")
    assert os.listdir(tmp_path / "out") == ["b.png"]
    with ImageSink(tmp_path / "out" / "b.png", overwrite=True) as sink:
        sink.write(frame_of(picture()))
    assert (read(tmp_path / "out" / "b.png") == picture()).all()


def test_the_input_is_never_the_output(tmp_path: Path) -> None:
    source = folder_of(tmp_path, "a.png")
    with pytest.raises(SinkError, match="other than the input"):
        ImageSink(tmp_path / "in", template=source, overwrite=True)
    single = ImageSource(tmp_path / "in" / "a.png")
    for target in (tmp_path / "in" / "a.png", tmp_path / "in"):
        with pytest.raises(SinkError, match="other than the input"):
            ImageSink(target, template=single, overwrite=True)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing/a.png", "found no .*create it"),
        ("a.txt", "expected a folder or a picture .* got .txt"),
        ("folder.png/", "Not a directory|File exists"),
    ],
)
def test_impossible_places_are_refused_up_front(
    tmp_path: Path, name: str, message: str
) -> None:
    (tmp_path / "folder.png").touch()
    with pytest.raises(SinkError, match=message):
        ImageSink(f"{tmp_path}/{name}")


def test_many_pictures_do_not_go_into_one_file(tmp_path: Path) -> None:
    source = folder_of(tmp_path, "a.png")
    with pytest.raises(SinkError, match="expected a folder for the pictures"):
        ImageSink(tmp_path / "out.png", template=source)
    sink = ImageSink(tmp_path / "out.png")
    sink.write(frame_of(picture()))
    with pytest.raises(SinkError, match="expected one picture, got another"):
        sink.write(frame_of(picture(), 1))
