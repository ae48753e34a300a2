"""Photographs of a folder, decoded when they are needed, within a budget of memory."""

import logging
import warnings
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from PIL import Image

from rtstyle.paintings.picture import MOST_PIXELS
from rtstyle_streams.errors import SourceError
from rtstyle_streams.frame import Pixels
from rtstyle_streams.pictures.names import pictures_in
from rtstyle_streams.pictures.picture_file import read_picture
from rtstyle_train.errors import TrainError

log = logging.getLogger(__name__)

BUDGET_BYTES: Final = 1 << 30
"""Of decoded photographs that are kept; those used longest ago are decoded again."""
LONGEST_SIDE: Final = 1024
"""Larger photographs are reduced to this when they are decoded, in pixels."""
ORIENTATION: Final = 0x0112
"""EXIF tag that says how a photograph is turned; from 5 on its sides change places."""
Shape = tuple[int, int]
"""Height and width, in pixels."""


class PhotoStore:
    """A sequence of photographs of which a budget's worth is in memory.

    Sizes are read from the files' heads alone, so that a folder of any size is opened
    at once; a file that turns out to be broken is left out when it is first decoded.
    """

    def __init__(
        self, folder: Path, *, smallest: int, budget_bytes: int = BUDGET_BYTES
    ) -> None:
        """Look at every picture of a folder.

        Args:
            folder: Of picture files.
            smallest: Least height and width, after the reduction to `LONGEST_SIDE`.
            budget_bytes: Of decoded photographs that are kept at most.

        Raises:
            TrainError: the folder cannot be read, or none is large enough.
        """
        paths = picture_paths(folder)
        self.budget_bytes = budget_bytes
        found = [(path, shape) for path in paths if (shape := photo_shape(path))]
        found = [(path, shape) for path, shape in found if min(shape) >= smallest]
        if not found:
            raise TrainError(
                f"{folder}: expected pictures of at least {smallest} pixels, got none"
            )
        self.paths = [path for path, _ in found]
        self.shapes: list[Shape] = [shape for _, shape in found]
        """Height and width of each, reduced."""
        self._kept: OrderedDict[int, Pixels] = OrderedDict()
        self._num_bytes = 0
        self._broken: set[int] = set()

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.paths)

    def __getitem__(self, number: int) -> Pixels:
        """Return a photograph, RGB, shape ``(H, W, 3)``, uint8.

        Raises:
            TrainError: it is broken, or not of the size that it had.
        """
        pixels = self.get(number)
        if pixels is None:
            raise TrainError(
                f"{self.paths[number]}: expected a picture, got a broken one"
            )
        return pixels

    def get(self, number: int) -> Pixels | None:
        """Return a photograph, or None if it is broken; that is said once.

        Raises:
            TrainError: it is not of the size that it had when the training began.
        """
        if number in self._kept:
            self._kept.move_to_end(number)
            return self._kept[number]
        if number in self._broken:
            return None
        try:
            pixels = read_photo(self.paths[number])
        except SourceError as error:
            log.warning("%s; left out", error)
            self._broken.add(number)
            return None
        if pixels.shape[:2] != self.shapes[number]:
            height, width = self.shapes[number]
            raise TrainError(
                f"{self.paths[number]}: expected {width}x{height} pixels as when the "
                f"training began, got {pixels.shape[1]}x{pixels.shape[0]}"
            )
        self._keep(number, pixels)
        return pixels

    @property
    def num_bytes(self) -> int:
        """Return how much memory all of them take when they are decoded."""
        return sum(3 * height * width for height, width in self.shapes)

    def _keep(self, number: int, pixels: Pixels) -> None:
        self._kept[number] = pixels
        self._num_bytes += pixels.nbytes
        while self._num_bytes > self.budget_bytes and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            self._num_bytes -= oldest.nbytes


class PicturesInMemory:
    """The same for pictures that are in memory already."""

    def __init__(self, pictures: Sequence[Pixels]) -> None:
        self.pictures = list(pictures)
        self.shapes: list[Shape] = [(p.shape[0], p.shape[1]) for p in self.pictures]
        """Height and width of each."""
        self.num_bytes = sum(p.nbytes for p in self.pictures)
        """How much memory they take."""

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.pictures)

    def __getitem__(self, number: int) -> Pixels:
        """Return a picture, RGB, shape ``(H, W, 3)``, uint8."""
        return self.pictures[number]

    def get(self, number: int) -> Pixels | None:
        """Return a picture; none of these is broken."""
        return self.pictures[number]


def picture_paths(folder: Path) -> list[Path]:
    """Return the picture files of a folder in their natural order; none is opened.

    Raises:
        TrainError: it cannot be read.
    """
    if folder.is_file():
        return [folder]
    try:
        return pictures_in(folder)[0]
    except SourceError as error:
        raise TrainError(str(error)) from error


def photo_shape(path: Path) -> Shape | None:
    """Return height and width that a photograph will have, upright and reduced.

    Returns:
        None for what is no picture or has too many pixels; that is said.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # sizes are judged here
            with Image.open(path) as picture:
                width, height = picture.size
                # of a PNG without EXIF, getexif would decode all to look behind it
                has_exif = picture.format != "PNG" or "exif" in picture.info
                is_turned = has_exif and picture.getexif().get(ORIENTATION, 1) >= 5
    except Image.DecompressionBombError as error:
        log.warning("%s: left out: %s", path, error)
        return None
    except Exception:  # no picture, or of a kind that only OpenCV knows
        return _decoded_shape(path)
    if width * height > MOST_PIXELS:
        log.warning(
            "%s: left out: expected at most %d megapixels, got %dx%d",
            *(path, MOST_PIXELS // 10**6, width, height),
        )
        return None
    return reduced_shape((width, height) if is_turned else (height, width))


def _decoded_shape(path: Path) -> Shape | None:
    try:
        height, width = read_photo(path).shape[:2]
    except SourceError as error:
        log.warning("%s; left out", error)
        return None
    return height, width


def read_photo(path: Path) -> Pixels:
    """Return a photograph upright and reduced, RGB, shape ``(H, W, 3)``, uint8.

    Raises:
        SourceError: it is no picture.
    """
    pixels, _ = read_picture(path)
    height, width = reduced_shape((pixels.shape[0], pixels.shape[1]))
    if (height, width) == pixels.shape[:2]:
        return pixels
    small = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def reduced_shape(shape: Shape) -> Shape:
    """Return height and width with at most `LONGEST_SIDE` pixels to a side."""
    longest = max(shape)
    if longest <= LONGEST_SIDE:
        return shape
    height, width = (max(1, round(x * LONGEST_SIDE / longest)) for x in shape)
    return height, width
