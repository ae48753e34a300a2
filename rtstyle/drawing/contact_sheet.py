"""Combine many pictures into one, with a title above each."""

from collections.abc import Sequence

import cv2
import numpy as np

from rtstyle_streams.frame import Pixels

TITLE_LINES = 26
"""Height of a title, in lines."""
GAP = 6
"""Gap between two pictures, in pixels."""
PAPER, INK = (250, 249, 246), (40, 40, 44)
"""RGB of the background and of the titles."""


def contact_sheet(
    pictures: Sequence[tuple[str, Pixels]], *, columns: int, width: int = 320
) -> Pixels:
    """Lay pictures out in rows.

    Args:
        pictures: Title and RGB ``(H, W, 3)`` uint8 of each; any sizes.
        columns: Number of pictures in a row.
        width: Of each picture on the sheet, in pixels.

    Returns:
        RGB, shape ``(H, W, 3)``, uint8.
    """
    tiles = [_tile(title, pixels, width) for title, pixels in pictures]
    blank = np.full_like(tiles[0][:1], PAPER)
    rows = []
    for first in range(0, len(tiles), columns):
        row = tiles[first : first + columns]
        height = max(tile.shape[0] for tile in row)
        row = [_grown(tile, height) for tile in row]
        row += [_grown(blank, height)] * (columns - len(row))
        rows.append(np.hstack(row))
    sheet = np.vstack(rows)
    edge = ((GAP, 0), (GAP, 0))
    planes = [np.pad(sheet[..., c], edge, constant_values=PAPER[c]) for c in range(3)]
    return np.ascontiguousarray(np.stack(planes, axis=2))


def _tile(title: str, pixels: Pixels, width: int) -> Pixels:
    height = max(1, round(pixels.shape[0] * width / pixels.shape[1]))
    kind = cv2.INTER_AREA if width < pixels.shape[1] else cv2.INTER_CUBIC
    picture = cv2.resize(pixels, (width, height), interpolation=kind)
    tile = np.empty((TITLE_LINES + height + GAP, width + GAP, 3), np.uint8)
    tile[:] = PAPER
    tile[TITLE_LINES : TITLE_LINES + height, :width] = picture
    _write(tile, _plain(title), width)
    return tile


def _write(tile: Pixels, title: str, width: int) -> None:
    """Write a title, in smaller letters if it is long."""
    scale = 0.5
    (length, _), _ = cv2.getTextSize(title, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
    scale = min(scale, scale * (width - 4) / max(1, length))
    place = (2, TITLE_LINES - 8)
    font = cv2.FONT_HERSHEY_SIMPLEX
    cv2.putText(tile, title, place, font, scale, INK, 1, cv2.LINE_AA)


def _plain(title: str) -> str:
    """Return the title in characters that OpenCV's font has."""
    return title.encode("ascii", "replace").decode()


def _grown(tile: Pixels, height: int) -> Pixels:
    missing = height - tile.shape[0]
    below = np.full((missing, *tile.shape[1:]), PAPER, np.uint8)
    return np.vstack([tile, below])
