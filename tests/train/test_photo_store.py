"""Photographs are decoded as needed: the same crops, in as much memory as is stated."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from rtstyle_streams.pictures.images import ImageSource
from rtstyle_train.data.content_images import ContentImages
from rtstyle_train.data.device_photos import DevicePhotos, photos_on
from rtstyle_train.data.photo_store import (
    ORIENTATION,
    PhotoStore,
    PicturesInMemory,
    photo_shape,
    picture_paths,
    read_photo,
)
from rtstyle_train.errors import TrainError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Eight photographs of several kinds, one turned, one larger than is kept."""
    random = np.random.default_rng(0)
    sizes = [(120, 160), (160, 120), (97, 301), (1500, 1100), (130, 130)]
    for number, size in enumerate(sizes):
        pixels = random.integers(0, 256, (*size, 3), np.uint8)
        suffix = (".png", ".jpg", ".webp", ".jpg", ".bmp")[number]
        Image.fromarray(pixels).save(tmp_path / f"p{number}{suffix}")
    for turned in (3, 6, 8):
        exif = Image.Exif()
        exif[ORIENTATION] = turned
        pixels = random.integers(0, 256, (100, 140, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"t{turned}.jpg", exif=exif)
    return tmp_path


def test_sizes_in_heads_are_those_of_what_is_decoded(folder: Path) -> None:
    with ImageSource(folder) as source:
        assert source.paths == (paths := picture_paths(folder))
    assert len(paths) == 8
    for path in paths:
        assert photo_shape(path) == read_photo(path).shape[:2], path.name


@pytest.mark.parametrize("margin", [0, 8])
def test_crops_do_not_depend_on_what_is_in_memory(folder: Path, margin: int) -> None:
    settings: dict[str, int] = {"size": 32, "smallest_crop": 48, "margin": margin}
    whole = ContentImages(folder, **settings)
    decoded = [read_photo(path) for path in whole.images.paths]  # type: ignore[union-attr]
    whole.images = PicturesInMemory(decoded)
    small = ContentImages(folder, budget_bytes=1, **settings)
    for step in (7, 3, 11, 3):  # a resumed training goes on anywhere
        wanted = whole.batch(5, seed=2, step=step)
        assert torch.equal(small.batch(5, seed=2, step=step), wanted)
    for step in range(4):
        assert small.crops(9, seed=1, step=step) == whole.crops(9, seed=1, step=step)


def test_no_more_is_kept_than_the_budget(folder: Path) -> None:
    store = PhotoStore(folder, smallest=32, budget_bytes=200_000)
    for number in [*range(len(store)), *range(len(store))]:
        assert store[number].shape[:2] == store.shapes[number]
        kept = sum(pixels.nbytes for pixels in store._kept.values())
        assert kept <= 200_000 or len(store._kept) == 1
    first = store[len(store) - 1]
    assert store[len(store) - 1] is first, "what was used last is not decoded again"


def test_a_broken_photograph_is_left_out_when_it_is_met(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = (folder / "p0.png").read_bytes()
    (folder / "p0.png").write_bytes(data[:200])
    (folder / "none.png").write_bytes(b"no picture")
    photos = ContentImages(folder, size=32, smallest_crop=48)
    assert "none.png" in caplog.text and len(photos.images) == 8
    batches = [photos.batch(8, seed=1, step=step) for step in range(6)]
    assert caplog.text.count("p0.png") == 1 and "left out" in caplog.text
    again = ContentImages(folder, size=32, smallest_crop=48)
    assert torch.equal(again.batch(8, seed=1, step=5), batches[5])
    there = DevicePhotos(again, torch.device("cpu"))
    assert there.cut(there.draw(4, seed=1, step=2)).shape == (4, 3, 32, 32)


def test_only_broken_photographs_are_one_line(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (99, 99, 3), np.uint8)
    done, data = cv2.imencode(".png", noise)
    assert done
    (tmp_path / "a.png").write_bytes(data.tobytes()[:200])
    photos = ContentImages(tmp_path, size=32, smallest_crop=48)
    with pytest.raises(TrainError, match="expected some that are whole"):
        photos.batch(1, seed=1, step=0)


def test_a_photograph_that_was_replaced_is_one_line(folder: Path) -> None:
    store = PhotoStore(folder, smallest=32)
    number = [path.name for path in store.paths].index("p0.png")
    Image.new("RGB", (50, 60)).save(folder / "p0.png")
    with pytest.raises(
        TrainError, match="expected 160x120 pixels as when the training"
    ):
        store[number]


def test_a_picture_of_too_many_pixels_is_left_out_unread(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Image.new("1", (9_000, 8_000)).save(folder / "a.png")
    Image.new("1", (30_000, 30_000)).save(folder / "b.png")
    assert len(PhotoStore(folder, smallest=32)) == 8
    assert "a.png: left out: expected at most 64 megapixels, got 9000x8000" in (
        caplog.text
    )
    assert "b.png: left out: Image size (900000000 pixels)" in caplog.text


def test_what_does_not_fit_on_a_gpu_is_cut_by_the_cpu(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    photos = ContentImages(folder, size=32)
    assert photos_on(torch.device("cpu"), photos) is photos
    monkeypatch.setattr("rtstyle_train.data.device_photos.DEVICE_BYTES", 1000)
    assert photos_on(torch.device("cuda"), photos) is photos
    assert "the CPU decodes and cuts them as needed" in caplog.text


MEASURED = """
import resource, sys
from pathlib import Path
from rtstyle_train.data.content_images import ContentImages
ContentImages(Path("one"), size=96).batch(4, seed=1, step=0)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
photos = ContentImages(Path("many"), size=96, budget_bytes=20 << 20)
for step in range(60):
    photos.batch(8, seed=1, step=step)
print(len(photos.images), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss in kB")
def test_memory_does_not_grow_with_the_folder(tmp_path: Path) -> None:
    for name in ("one", "many"):
        (tmp_path / name).mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "one" / "a.jpg"), noise)
    for number in range(1000):
        os.link(tmp_path / "one" / "a.jpg", tmp_path / "many" / f"{number}.jpg")
    run = subprocess.run(
        [sys.executable, "-c", MEASURED],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT}/streams:{ROOT}/train"},
        capture_output=True,
        text=True,
        check=True,
    )
    count, grown_kb = map(int, run.stdout.split())
    assert count == 1000
    assert grown_kb < 60_000, "1000 decoded ones take 900 MB, the budget is 20 MB"
