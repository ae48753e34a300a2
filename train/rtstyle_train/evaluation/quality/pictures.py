"""The pictures that networks are judged on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from rtstyle_streams.frame import Pixels
from rtstyle_streams.opening import open_source
from rtstyle_streams.pictures.images import ImageSource
from rtstyle_streams.pictures.picture_file import PICTURE_SUFFIXES
from rtstyle_train.errors import TrainError
from rtstyle_train.evaluation.quality.border import SMALLEST_SIDE

FRAME_STEP = 30
"""Frames between two that are taken from a clip."""
CLIP_SUFFIXES = frozenset((".mp4", ".mkv", ".mov", ".avi", ".webm", ".m4v"))
"""What counts as a clip in a folder."""

Group = Literal["photos", "clips"]
"""Figures are averaged over each group by itself."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One content image."""

    name: str
    """Shown on the sheet."""
    group: Group
    """Where it counts."""
    pixels: Pixels
    """RGB ``(H, W, 3)`` uint8, both sides at least 224."""


def read_photos(folder: Path, *, size: int) -> list[Picture]:
    """Read a photograph or a folder of them, reduced to `size` pixels at the long side.

    Raises:
        SourceError: there is none.
        TrainError: one is too small.
    """
    with ImageSource(folder) as source:
        names = [path.stem for path in source.paths]
        return [
            _picture(names[frame.index], "photos", frame.pixels, size)
            for frame in source
        ]


def read_frames(clip: Path, *, size: int, count: int) -> Iterator[Picture]:
    """Take frames 0, 30, 60 ... of a clip, at most `count`.

    Raises:
        SourceError: it cannot be read.
        TrainError: it is too small.
    """
    with open_source(clip) as source:
        for frame in islice(source, 0, count * FRAME_STEP, FRAME_STEP):
            name = f"{clip.stem} {frame.index}"
            yield _picture(name, "clips", frame.pixels, size)


def clip_files(paths: Sequence[Path]) -> list[Path]:
    """Return the clips: files as they are, folders by what is in them.

    Raises:
        TrainError: a folder holds none.
    """
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        inside = [
            p for p in sorted(path.iterdir()) if p.suffix.lower() in CLIP_SUFFIXES
        ]
        if not inside:
            raise TrainError(f"{path}: expected clips, got a folder without any")
        found += inside
    return found


def find_painting(file: str, folder: Path) -> Path:
    """Return the painting of that file name, whatever its suffix.

    Raises:
        TrainError: it is not in the folder.
    """
    path = folder / Path(file).name
    if path.exists():
        return path
    same = [
        other
        for other in sorted(folder.glob(f"{path.stem}.*"))
        if other.suffix.lower() in PICTURE_SUFFIXES
    ]
    if not same:
        raise TrainError(f"{folder}: expected the painting {path.name}, found none")
    return same[0]


def resized(pixels: Pixels, *, long_side: int = 0, short_side: int = 0) -> Pixels:
    """Return the picture at one of two sizes, in pixels; the other is to be 0."""
    now = max(pixels.shape[:2]) if long_side else min(pixels.shape[:2])
    scale = (long_side or short_side) / now
    width, height = (max(1, round(side * scale)) for side in pixels.shape[1::-1])
    kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=kind), np.uint8)


def _picture(name: str, group: Group, pixels: Pixels, size: int) -> Picture:
    if max(pixels.shape[:2]) > size:
        pixels = resized(pixels, long_side=size)
    if min(pixels.shape[:2]) < SMALLEST_SIDE:
        raise TrainError(
            f"{name}: expected at least {SMALLEST_SIDE} pixels to a side, "
            f"got {pixels.shape[1]}x{pixels.shape[0]}"
        )
    return Picture(name, group, np.ascontiguousarray(pixels))
