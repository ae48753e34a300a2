"""What a style is learned on that is no folder: a film, a camera, the sample scene."""

import logging
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from rtstyle_streams.excerpts import excerpts
from rtstyle_streams.frame import Pixels
from rtstyle_streams.protocols import Source
from rtstyle_train.data.film_motion import FilmMotion, Motion
from rtstyle_train.data.photo_store import LONGEST_SIDE
from rtstyle_train.errors import TrainError

log = logging.getLogger(__name__)

NUM_PLACES: Final = 48
"""How many places of a film are looked at."""
LEAST_SIDE: Final = 32
"""Of a frame, in pixels; smaller ones show nothing that could be painted."""


@dataclass(frozen=True, slots=True)
class Material:
    """Pictures in memory, and how some of them move."""

    pictures: tuple[Pixels, ...]
    """RGB, shape ``(H, W, 3)``, uint8."""
    pairs: tuple[tuple[Pixels, Pixels], ...] = ()
    """Consecutive frames of a film."""

    def motion(self, size: int) -> Motion | None:
        """Return what is to be steady, in crops of `size` pixels; None: no film."""
        found = FilmMotion(self.pairs, size=size)
        return found if len(found) else None


def read_material(source: Source, *, what: str) -> Material:
    """Look at a film, a camera or a scene in many places.

    Args:
        source: Not read from so far.
        what: Its name, for errors.

    Raises:
        TrainError: there is no frame of at least 32 pixels to a side.
        SourceError: it broke.
    """
    pictures: list[Pixels] = []
    pairs: list[tuple[Pixels, Pixels]] = []
    for run in excerpts(source, NUM_PLACES):
        frames = [_reduced(frame.pixels) for frame in run]
        if min(frames[0].shape[:2]) < LEAST_SIDE:
            break
        pictures.append(frames[0])
        if len(frames) == 2 and frames[0].shape == frames[1].shape:
            pairs.append((frames[0], frames[1]))
    if not pictures:
        raise TrainError(
            f"{what}: expected frames of at least {LEAST_SIDE} pixels, got none"
        )
    is_film = source.info.frame_rate is not None or source.info.is_live
    log.info("%s: %d frames to learn on", what, len(pictures))
    return Material(tuple(pictures), tuple(pairs) if is_film else ())


def _reduced(pixels: Pixels) -> Pixels:
    """Return a frame of at most `LONGEST_SIDE` pixels to a side, as a copy."""
    scale = LONGEST_SIDE / max(pixels.shape[:2])
    if scale >= 1:
        return pixels.copy()
    size = [max(1, round(scale * side)) for side in pixels.shape[1::-1]]
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
