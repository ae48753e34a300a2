"""Style pictures of an arbitrary-style training: paintings, textures, recolourings."""

import csv
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from rtstyle_streams.errors import SourceError
from rtstyle_streams.frame import Pixels
from rtstyle_streams.pictures.images import ImageSource
from rtstyle_train.data.content_images import ContentImages
from rtstyle_train.data.photo_store import PicturesInMemory
from rtstyle_train.data.textures import render_texture
from rtstyle_train.errors import TrainError

TEXTURE_SIDE = 512
"""Height and width of a rendered texture, in pixels."""


class StyleImages(ContentImages):
    """Pictures in memory whose crops are styles: the same for the same step.

    A crop has from `size` pixels a side up to the picture's shorter side and is
    resized to `size`, so that strokes appear at many scales.
    """

    def __init__(self, images: Sequence[Pixels], *, size: int) -> None:
        """Keep pictures.

        Args:
            images: RGB, shape ``(H, W, 3)``, uint8, any sizes.
            size: Side of the crops, in pixels.
        """
        self.size = size
        self.smallest_crop = size
        self.margin = 0
        self.images = PicturesInMemory(images)


def painting_paths(folder: Path) -> list[Path]:
    """Return the files of a folder of paintings, in order.

    Raises:
        TrainError: there is no picture.
    """
    try:
        with ImageSource(folder) as source:
            return source.paths
    except SourceError as error:
        raise TrainError(str(error)) from error


def read_paintings(folder: Path, *, held_out: Sequence[str] = ()) -> dict[str, Pixels]:
    """Read the paintings of a folder, but for those that a training may not see.

    Args:
        folder: Of picture files.
        held_out: Names of files without suffix.

    Returns:
        RGB pictures by the files' names without suffix.

    Raises:
        TrainError: no picture is left.
    """
    try:
        with ImageSource(folder) as source:
            found = {source.paths[p.index].stem: p.pixels for p in source}
    except SourceError as error:
        raise TrainError(str(error)) from error
    kept = {name: pixels for name, pixels in found.items() if name not in held_out}
    if not kept:
        raise TrainError(f"{folder}: expected paintings beside the held-out ones")
    return kept


def read_painters(table: Path | None, folders: Sequence[Path]) -> dict[str, str]:
    """Read who painted what.

    Args:
        table: Tab-separated, with the columns ``file`` (folder and name) and
            ``artist``; None for no table.
        folders: Of paintings.

    Returns:
        By folder's name and file's name without suffix, as `painting_name` makes it,
        the painter: without what stands in brackets, and none where it is unknown.

    Raises:
        TrainError: the table cannot be read, or tells nothing about these folders.
    """
    if table is None:
        return {}
    try:
        with table.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines, delimiter="\t"))
        painters = {
            painting_name(Path(row["file"])): row["artist"].partition("(")[0].strip()
            for row in rows
            if Path(row["file"]).parent.name in {folder.name for folder in folders}
        }
    except (OSError, UnicodeDecodeError, KeyError, csv.Error) as error:
        raise TrainError(
            f"{table}: expected tab-separated columns file and artist, got {error!r}"
        ) from error
    known = {name: who for name, who in painters.items() if who not in ("", "Unknown")}
    if not known:
        raise TrainError(
            f"{table}: expected rows about {', '.join(f.name for f in folders)}, "
            "got none"
        )
    return known


def painting_name(path: Path) -> str:
    """Return a painting's name among those of several folders."""
    return f"{path.parent.name}/{path.stem}"


def render_textures(count: int, *, seed: int) -> list[Pixels]:
    """Draw textures, the same for the same seed.

    Returns:
        RGB pictures of `TEXTURE_SIDE` pixels to a side, uint8.
    """
    return [
        render_texture(np.random.default_rng((seed, index)), side=TEXTURE_SIDE)
        for index in range(count)
    ]


def draw_recolouring(count: int, *, share: float, seed: int, step: int) -> Tensor:
    """Draw how the colours of each style picture change.

    Args:
        count: Pictures.
        share: Of pictures that are changed, 0..1.
        seed: Of the training.
        step: Of the training.

    Returns:
        Shape ``(count, 10)``: a matrix of colours, row by row, and a gamma.
    """
    random = np.random.default_rng((seed, step, 2))
    rows = np.concatenate([np.eye(3).ravel(), [1.0]])[None].repeat(count, axis=0)
    for row in rows:
        if random.random() >= share:
            continue
        matrix = hue_rotation(random.uniform(0, 2 * math.pi))
        saturation = random.uniform(0.4, 1.5)
        grey = np.full((3, 3), 1 / 3)
        matrix = (saturation * np.eye(3) + (1 - saturation) * grey) @ matrix
        if random.random() < 0.5:  # reflections: what rotations cannot reach
            matrix = matrix[random.permutation(3)]
        row[:9], row[9] = matrix.ravel(), math.exp(random.uniform(-0.5, 0.5))
    return torch.from_numpy(rows).float()


def hue_rotation(angle: float) -> np.ndarray:
    """Return the rotation of RGB around the axis of greys.

    Args:
        angle: Radians; a third of a turn makes red green, green blue and blue red.

    Returns:
        Shape ``(3, 3)``, float64; greys keep their value.

    Source:
        Rodrigues' rotation formula.
    """
    axis = np.full(3, 1 / math.sqrt(3))
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    outer = np.outer(axis, axis)
    return math.cos(angle) * (np.eye(3) - outer) + math.sin(angle) * cross + outer


def recolour(pictures: Tensor, drawn: Tensor) -> Tensor:
    """Change the colours of pictures as `draw_recolouring` says.

    Args:
        pictures: RGB, shape ``(N, 3, H, W)``, 0..1.
        drawn: Shape ``(N, 10)``.

    Returns:
        RGB, shape ``(N, 3, H, W)``, 0..1.
    """
    matrix, gamma = drawn[:, :9].reshape(-1, 3, 3), drawn[:, 9, None, None, None]
    mixed = torch.einsum("nij,njhw->nihw", matrix, pictures)
    # not quite 0: what black becomes must not depend on rounding before the power
    return mixed.clamp(1e-6, 1.0).pow(gamma)
