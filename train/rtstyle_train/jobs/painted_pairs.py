"""Keep what a teacher painted, so that it paints each picture once."""

import hashlib
import json
import logging
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image
from tqdm import tqdm

from rtstyle.user_files import write_whole
from rtstyle_streams.frame import Pixels
from rtstyle_streams.pictures.picture_file import encode_picture
from rtstyle_train.data.photo_store import PhotoStore
from rtstyle_train.errors import ConfigError, TrainError
from rtstyle_train.evaluation.quality.pictures import resized
from rtstyle_train.jobs.teachers import Teacher

log = logging.getLogger(__name__)

MOST_STRETCHED = 1.12
"""By how much a painted picture's shape may differ from the photograph's."""


@dataclass(frozen=True, slots=True)
class PairFolder:
    """A folder with content images, painted ones of the same names, and a note."""

    path: Path
    """The folder."""

    @property
    def content(self) -> Path:
        """Return the folder of what the teacher sees."""
        return self.path / "content"

    @property
    def painted(self) -> Path:
        """Return the folder of what it made of that."""
        return self.path / "painted"

    @property
    def note(self) -> Path:
        """Return the file that says who painted what."""
        return self.path / "pairs.json"

    @property
    def work(self) -> Path:
        """Return the folder for files of the teacher's own."""
        return self.path / "work"


def paint_pairs(
    folder: PairFolder,
    teacher: Teacher,
    photos: Path,
    *,
    short_side: int,
    smallest: int,
    count: int | None = None,
    overwrite: bool = False,
) -> int:
    """Let a teacher paint the photographs that it has not painted yet.

    Args:
        folder: Where the pairs are kept; made if it is missing.
        teacher: Who paints.
        photos: Folder of photographs.
        short_side: To which larger ones are reduced, in pixels.
        smallest: Least side of a photograph; smaller ones are left out.
        count: How many at most, evenly from the folder; None for all.
        overwrite: Whether pairs of another teacher are replaced.

    Returns:
        How many pairs there are.

    Raises:
        TrainError: there is no photograph, the teacher fails, or its pictures have
            another shape.
        ConfigError: the pairs that are there are of another teacher or of other
            photographs.
    """
    store = PhotoStore(photos, smallest=smallest)
    wanted = min(count or len(store), len(store))
    chosen = [number * len(store) // wanted for number in range(wanted)]
    note = _note(teacher.identity, store, chosen, short_side)
    _begin(folder, note, overwrite=overwrite)
    paths = _write_content(folder, store, chosen, short_side)
    todo = [path for path in paths if not (folder.painted / path.name).exists()]
    if not todo:
        log.info("%s: %d pairs, painted before", folder.path, len(paths))
        return len(paths)
    shutil.rmtree(folder.work, ignore_errors=True)
    folder.work.mkdir()
    bar = tqdm(
        total=len(paths),
        initial=len(paths) - len(todo),
        unit="picture",
        file=sys.stderr,
    )
    try:
        with bar:
            for path, painted in teacher.paint(todo, folder.work):
                _keep(folder.painted / path.name, painted, like=path)
                bar.update(1)
    finally:
        shutil.rmtree(folder.work, ignore_errors=True)
    return len(paths)


def _note(
    identity: Mapping[str, Any], store: PhotoStore, chosen: Sequence[int], side: int
) -> dict[str, Any]:
    """Return what the pairs depend on, as JSON stores it."""
    digest = hashlib.sha256()
    for number in chosen:
        path = store.paths[number]
        try:
            digest.update(path.name.encode(errors="surrogateescape"))
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        except OSError as error:
            raise TrainError(f"{path}: cannot be read ({error.strerror})") from error
    note = {"photographs": digest.hexdigest(), "short_side": side} | dict(identity)
    return dict(json.loads(json.dumps(note)))


def _begin(folder: PairFolder, note: dict[str, Any], *, overwrite: bool) -> None:
    """Make the folders, or check that the pairs that are there are the same."""
    known = _read_note(folder)
    if known is not None and known != note:
        if not overwrite:
            other = next(n for n in {**note, **known} if known.get(n) != note.get(n))
            raise ConfigError(
                f"{folder.path}: expected pairs of the same teacher and photographs, "
                f"got another {other}; use --overwrite to paint them anew"
            )
        for place in (folder.content, folder.painted):
            for path in place.glob("[0-9]*.png"):
                path.unlink()
    write_whole(folder.note, json.dumps(note, indent=1).encode())
    for place in (folder.content, folder.painted):
        place.mkdir(exist_ok=True)


def _read_note(folder: PairFolder) -> dict[str, Any] | None:
    if not folder.path.exists():
        return None
    try:
        found = json.loads(folder.note.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{folder.path}: expected a folder of pairs with {folder.note.name}, got "
            "another; give a new one with --pairs"
        ) from error
    return dict(found) if isinstance(found, dict) else {}


def _write_content(
    folder: PairFolder, store: PhotoStore, chosen: Sequence[int], side: int
) -> list[Path]:
    """Write what the teacher is to see, as PNG, where it is not there yet."""
    paths = []
    for place, number in enumerate(chosen):
        path = folder.content / f"{place:06d}.png"
        if not path.exists():
            pixels = store.get(number)
            if pixels is None:  # broken, which was said
                continue
            if min(pixels.shape[:2]) > side:
                pixels = resized(pixels, short_side=side)
            write_whole(path, encode_picture(pixels, suffix=".png"))
        paths.append(path)
    if not paths:
        raise TrainError("photographs: expected some that are whole, got none")
    return paths


def _keep(path: Path, painted: Pixels, *, like: Path) -> None:
    """Write what was painted, at its photograph's size.

    Raises:
        TrainError: it has another shape.
    """
    with Image.open(like) as picture:
        width, height = picture.size
    if painted.shape[:2] != (height, width):
        stretch = painted.shape[1] * height / (painted.shape[0] * width)
        if not 1 / MOST_STRETCHED <= stretch <= MOST_STRETCHED:
            raise TrainError(
                f"{like.name}: expected a painted picture of the shape of {width}x"
                f"{height} pixels, got {painted.shape[1]}x{painted.shape[0]}"
            )
        fitted = cv2.resize(painted, (width, height), interpolation=cv2.INTER_AREA)
        painted = np.asarray(fitted, np.uint8)
    write_whole(path, encode_picture(painted, suffix=".png"))
