"""Find the frames of a film that painted pictures belong to."""

import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from rtstyle.errors import UsageError
from rtstyle.painted_frames.carrying import PaintedFrame
from rtstyle.painted_frames.likeness import Sketch, likeness, sketch
from rtstyle.painted_frames.registration import register
from rtstyle.smoothing.warp import Mask
from rtstyle_streams.errors import SourceError
from rtstyle_streams.frame import Pixels
from rtstyle_streams.pictures.picture_file import (
    decode_picture,
    read_file,
    read_picture,
)
from rtstyle_streams.protocols import Source

log = logging.getLogger(__name__)

LEAST_LIKENESS = 0.55
"""Of a picture and its frame. Of seven ways to paint frames of eight films, pictures
had 0.78 and more with their own frame, and at most 0.52 with those of other films
(0.91 where two were taken in one room)."""
LEAST_TOLD = 0.35
"""The same where the frame was told: a painting may be bold."""
LEAST_CONTRAST = 6
"""Levels of 255 between the darkest and the lightest of what is painted."""
MARGIN = 0.05
"""By how much another frame has to be more alike than the one that a name says."""
SECOND_BEST = 0.01
"""By how much the frame before has to be more alike than the one that a name says:
many programs count frames from 1."""


@dataclass(frozen=True, slots=True)
class PaintedPicture:
    """A painted picture as it is in its file."""

    path: Path
    """Of the picture."""
    pixels: Pixels
    """RGB, shape ``(H, W, 3)``, uint8, upright."""
    share: Mask
    """Where it is painted, shape ``(H, W)``, 0..1."""
    at_seconds: float | None = None
    """When its frame is shown, if that was told."""


def read_painted(
    path: Path, *, mask: Path | None = None, at_seconds: float | None = None
) -> PaintedPicture:
    """Read a painted picture; what is transparent is not painted.

    Args:
        path: A picture file.
        mask: A picture of the same proportions: what is black there does not count.
        at_seconds: When its frame is shown.

    Raises:
        SourceError: a file cannot be read.
        UsageError: nothing is painted, or all in one colour.
    """
    picture = decode_picture(read_file(path), path, is_checked=False)
    height, width = picture.pixels.shape[:2]
    share = np.ones((height, width), np.float32)
    if picture.alpha is not None:
        share = picture.alpha.copy()
    if mask is not None:
        share *= _mask_of(mask, height=height, width=width)
    check_painted(picture.pixels, share, name=str(path))
    return PaintedPicture(path, picture.pixels, share, at_seconds)


def check_painted(pixels: Pixels, share: Mask, *, name: str) -> None:
    """Refuse a picture on which nothing is painted, or all in one colour.

    Args:
        pixels: RGB, shape ``(H, W, 3)``, uint8.
        share: Where it is painted, shape ``(H, W)``, 0..1.
        name: Of the picture, for the error.

    Raises:
        UsageError: it is such a picture.
    """
    painted = pixels[share > 0.5]
    if not len(painted):
        raise UsageError(
            f"{name}: expected something painted, got a picture that is transparent "
            "or masked everywhere"
        )
    spread = painted.max(axis=0).astype(int) - painted.min(axis=0)
    if spread.max() < LEAST_CONTRAST:
        raise UsageError(
            f"{name}: expected a painting of the frame, got a picture of one colour"
        )


def find_frames(
    pictures: Sequence[PaintedPicture],
    open_film: Callable[[], Source],
    *,
    say: Callable[[str], None] = log.info,
) -> tuple[list[PaintedFrame], int]:
    """Find each picture's frame and lay the picture over it.

    A frame is told by its time, by the last number in the picture's name, or found by
    comparison with all frames.

    Args:
        pictures: Painted pictures.
        open_film: Opens the film from its beginning.
        say: Takes a line about each choice.

    Returns:
        The painted frames in the film's order, and how many frames the film has.

    Raises:
        SourceError: the film cannot be read.
        UsageError: a picture fits no frame, or two fit the same.
    """
    sketches = [sketch(picture.pixels, picture.share) for picture in pictures]
    rows, times = _compare(sketches, open_film)
    chosen: dict[int, PaintedPicture] = {}
    for picture, row in zip(pictures, rows, strict=True):
        index, why = _choose(picture, np.array(row), np.array(times))
        if index in chosen:
            raise UsageError(
                f"{picture.path}: expected a frame of its own, got frame {index} of "
                f"{chosen[index].path} again; tell which with --at"
            )
        chosen[index] = picture
        say(f"{picture.path.name}: frame {index} at {times[index]:.2f} s ({why})")
    return _laid_over(chosen, open_film, say), len(times)


def number_in(path: Path) -> int | None:
    """Return the last number in a file's name, or None."""
    numbers = re.findall(r"\d{1,9}", path.stem)
    return int(numbers[-1]) if numbers else None


def _mask_of(path: Path, *, height: int, width: int) -> Mask:
    pixels, _ = read_picture(path)
    luma = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    resized = cv2.resize(luma, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(resized, np.float32) / np.float32(255)


def _compare(
    sketches: Sequence[Sketch], open_film: Callable[[], Source]
) -> tuple[list[list[float]], list[float]]:
    """Return the likeness of each picture to each frame, and the frames' times."""
    rows: list[list[float]] = [[] for _ in sketches]
    times = []
    with open_film() as film:
        for frame in film:
            own = sketch(frame.pixels)
            for row, painted in zip(rows, sketches, strict=True):
                row.append(likeness(painted, own))
            times.append(float(frame.pts * frame.time_base))
    if not times:
        raise SourceError("film: expected frames, got none")
    return rows, [time - times[0] for time in times]


def _choose(
    picture: PaintedPicture,
    row: npt.NDArray[np.float64],
    times: npt.NDArray[np.float64],
) -> tuple[int, str]:
    """Return a picture's frame and why it is that."""
    best = int(row.argmax())
    number = number_in(picture.path)
    if picture.at_seconds is not None:
        index = int(np.abs(times - picture.at_seconds).argmin())
        if row[index] < LEAST_TOLD:
            raise _fits_none(picture, f"the one at {picture.at_seconds:g} s")
        return index, f"as told, likeness {row[index]:.2f}"
    if number is not None and number <= len(row):
        index = min(number, len(row) - 1)
        if index and row[index - 1] > row[index] + SECOND_BEST:
            index -= 1
        if row[index] >= max(LEAST_TOLD, row[best] - MARGIN):
            return index, f"by its name, likeness {row[index]:.2f}"
    if row[best] < LEAST_LIKENESS:
        raise _fits_none(picture, f"the most similar, frame {best},")
    return best, f"the most similar, likeness {row[best]:.2f}"


def _fits_none(picture: PaintedPicture, which: str) -> UsageError:
    return UsageError(
        f"{picture.path}: expected a painting of a frame of this film, got one that "
        f"fits none ({which} is not like it); tell which with --at SECONDS"
        if picture.at_seconds is None
        else f"{picture.path}: expected a painting of that frame, got one that does "
        f"not fit ({which} is not like it)"
    )


def _laid_over(
    chosen: dict[int, PaintedPicture],
    open_film: Callable[[], Source],
    say: Callable[[str], None],
) -> list[PaintedFrame]:
    """Read the chosen frames and register their pictures."""
    keys = []
    with open_film() as film:
        for frame in film:
            picture = chosen.get(frame.index)
            if picture is None:
                continue
            laid = register(
                picture.pixels, picture.share, frame.pixels, name=str(picture.path)
            )
            if laid.notice:
                say(f"{picture.path.name}: {laid.notice}")
            keys.append(
                PaintedFrame(frame.index, frame.pixels, laid.pixels, laid.share)
            )
            if len(keys) == len(chosen):
                break
    return keys
