"""Pictures of a folder, and numbered ones: ``frames/%05d.png``."""

import re
from collections.abc import Iterable
from pathlib import Path

from rtstyle_streams.errors import SourceError
from rtstyle_streams.pictures.picture_file import (
    OTHER_PICTURE_SUFFIXES,
    PICTURE_SUFFIXES,
)

_PLACE = re.compile(r"%(?:0(\d+))?d")


def natural_key(path: Path) -> list[tuple[int, int, str]]:
    """Return the key that sorts ``frame2`` before ``frame10``."""
    parts = re.split(r"(\d+)", path.name.lower())
    return [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts]


def pictures_in(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the pictures of a folder that are read, and those that are not.

    Files that macOS leaves beside others (``._a.jpg``) are no pictures.

    Raises:
        SourceError: the folder cannot be read.
    """
    files = [p for p in _files_in(folder) if not p.name.startswith("._")]
    known = [p for p in files if p.suffix.lower() in PICTURE_SUFFIXES]
    others = [p for p in files if p.suffix.lower() in OTHER_PICTURE_SUFFIXES]
    return sorted(known, key=natural_key), sorted(others, key=natural_key)


def is_pattern(path: Path) -> bool:
    """Return whether a name stands for numbered pictures: ``%05d.png``."""
    is_picture = path.suffix.lower() in PICTURE_SUFFIXES
    return is_picture and len(_PLACE.findall(path.name)) == 1


def numbered(pattern: Path, number: int) -> Path:
    """Return the picture of that number."""
    width = int(_place_in(pattern)[1] or 1)
    return pattern.with_name(_PLACE.sub(f"{number:0{width}d}", pattern.name))


def numbered_pictures(pattern: Path) -> dict[int, Path]:
    """Return the pictures that a pattern stands for, by their numbers, in order.

    Raises:
        SourceError: the folder cannot be read, or there are none.
    """
    place = _place_in(pattern)
    before, after = pattern.name[: place.start()], pattern.name[place.end() :]
    width = int(place[1] or 1)
    name = re.compile(re.escape(before) + rf"(\d{{{width},}})" + re.escape(after))
    found = {
        int(match[1]): path
        for path in _files_in(pattern.parent)
        if (match := name.fullmatch(path.name))
    }
    if not found:
        raise SourceError(f"{pattern}: expected numbered pictures, found none")
    return dict(sorted(found.items()))


def missing_numbers(numbers: Iterable[int]) -> int:
    """Return how many numbers are left out between the first and the last."""
    found = set(numbers)
    return max(found) - min(found) + 1 - len(found)


def _place_in(pattern: Path) -> re.Match[str]:
    match = _PLACE.search(pattern.name)
    assert match is not None, "checked by is_pattern"
    return match


def _files_in(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.is_file()]
    except OSError as error:
        raise SourceError(
            f"{folder}: expected a readable folder, got: {error.strerror}"
        ) from error
