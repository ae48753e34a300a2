"""Gather what a training on painted frames learns from: films, folders, two clips."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rtstyle.painted_frames.carried_film import CarriedFilm
from rtstyle.painted_frames.carrying import Carried, PaintedFrame
from rtstyle.painted_frames.finding import (
    PaintedPicture,
    check_painted,
    find_frames,
    read_painted,
)
from rtstyle.painted_frames.registration import register
from rtstyle.smoothing.warp import Mask
from rtstyle_streams.frame import Frame, Pixels
from rtstyle_streams.pictures.picture_file import PICTURE_SUFFIXES, read_picture
from rtstyle_streams.protocols import Source
from rtstyle_train.data.film_frames import Bytes, LearntFrame
from rtstyle_train.errors import TrainError

log = logging.getLogger(__name__)

BUDGET_BYTES = 1 << 30
"""Of frames that are kept in memory: half of them painted ones, half others."""

OpenFilm = Callable[[], Source]
"""Opens a film from its beginning."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """What there is to learn from."""

    painted: list[LearntFrame]
    """Painted frames, at least one."""
    others: list[LearntFrame]
    """Other frames of the film, each with the next one; may be none."""


def from_film(
    pictures: Sequence[PaintedPicture], open_film: OpenFilm, *, num_others: int
) -> Gathered:
    """Find the painted frames of a film, and carry their paint to some others.

    Args:
        pictures: At least one.
        open_film: Opens the film.
        num_others: Frames besides the painted ones, spread over the film, at most.

    Raises:
        RtstyleError: a picture fits no frame, or a file cannot be read.
    """
    keys, num_frames = find_frames(pictures, open_film, say=log.warning)
    keys = _within_budget(keys, keys[0].content)
    painted = [LearntFrame(k.content, k.painted, to_bytes(k.share)) for k in keys]
    others = spread(keys, open_film, num_frames=num_frames, num_others=num_others)
    return Gathered(painted, others)


def spread(
    keys: Sequence[PaintedFrame],
    open_film: OpenFilm,
    *,
    num_frames: int,
    num_others: int,
) -> list[LearntFrame]:
    """Return frames that are spread over a film, with the paint that reaches them.

    Args:
        keys: The painted frames; without any nothing is known of the others' paint.
        open_film: Opens the film.
        num_frames: Of the film.
        num_others: Frames at most; fewer of a short or a large film.
    """
    wanted: set[int] = set()
    others: list[LearntFrame] = []
    waiting: tuple[Pixels, Carried | None] | None = None
    with ExitStack() as stack:
        carried = stack.enter_context(CarriedFilm(keys, open_film)) if keys else None
        for frame in stack.enter_context(open_film()):
            if frame.index == 0:
                most = min(num_others, _most(frame.pixels, bytes_a_pixel=10))
                free = sorted(set(range(num_frames)) - {key.index for key in keys})
                wanted = {free[place] for place in _spread_over(len(free), most)}
            paint = carried.at(frame.index, frame.pixels) if carried else None
            if waiting is not None:
                others.append(_learnt(*waiting, frame.pixels))
            is_wanted = frame.index in wanted
            waiting = (frame.pixels, paint) if is_wanted else None
    if waiting is not None:
        others.append(_learnt(*waiting, None))
    return others


def from_folders(before: Path, after: Path) -> Gathered:
    """Pair the pictures of two folders by their names.

    Raises:
        TrainError: there is no pair.
        RtstyleError: a picture cannot be read, or fits its partner not at all.
    """
    named = [_pictures(folder) for folder in (before, after)]
    names = sorted(named[0].keys() & named[1].keys())
    if not names:
        raise TrainError(
            f"{before}, {after}: expected pictures of the same names in both, got "
            f"{len(named[0])} and {len(named[1])} pictures and no pair"
        )
    if left := len(named[0]) + len(named[1]) - 2 * len(names):
        log.warning("%d pictures without a partner are left out", left)
    painted: list[LearntFrame] = []
    for name in names:
        content, _ = read_picture(named[0][name])
        picture = read_painted(named[1][name])
        painted.append(_registered(content, picture))
        if len(painted) > _most(content, bytes_a_pixel=7):
            log.warning(
                "the first %d of %d pairs are learnt from: more do not fit into memory",
                len(painted),
                len(names),
            )
            break
    return Gathered(painted, [])


def from_clips(before: OpenFilm, after: OpenFilm, *, every: int) -> Gathered:
    """Pair the frames of a film with those of its painting.

    Args:
        before: Opens the film.
        after: Opens its painting, of as many frames.
        every: Take one frame of so many.

    Raises:
        RtstyleError: there is no frame, nothing is painted, or shapes differ.
    """
    painted: list[LearntFrame] = []
    for content, following, stylized in _both(before, after, every=every):
        share = np.ones(stylized.shape[:2], np.float32)
        laid = register(stylized, share, content, name="the painted clip")
        painted.append(
            LearntFrame(content, laid.pixels, to_bytes(laid.share), following)
        )
        if len(painted) >= _most(content, bytes_a_pixel=10):
            log.warning(
                "the first %d pairs are learnt from: more do not fit into "
                "memory; take fewer with --every",
                len(painted),
            )
            break
    if not painted:
        raise TrainError("clips: expected frames in both, got none")
    check_painted(
        painted[0].painted,
        np.ones(painted[0].share.shape, np.float32),
        name="the painted clip",
    )
    return Gathered(painted, painted)


def to_bytes(share: Mask) -> Bytes:
    """Return shares of 0..1 as 0..255."""
    return np.asarray(np.rint(share * 255), np.uint8)


def _both(
    before: OpenFilm, after: OpenFilm, *, every: int
) -> Iterator[tuple[Pixels, Pixels | None, Pixels]]:
    """Give out every Nth frame, the one after it, and its painting."""
    waiting: tuple[Frame, Frame] | None = None
    with before() as film, after() as painting:
        for pair in zip(film, painting, strict=False):
            if waiting is not None:
                yield waiting[0].pixels, pair[0].pixels, waiting[1].pixels
            waiting = pair if pair[0].index % every == 0 else None
    if waiting is not None:
        yield waiting[0].pixels, None, waiting[1].pixels


def _registered(content: Pixels, picture: PaintedPicture) -> LearntFrame:
    laid = register(picture.pixels, picture.share, content, name=str(picture.path))
    if laid.notice:
        log.info("%s: %s", picture.path.name, laid.notice)
    return LearntFrame(content, laid.pixels, to_bytes(laid.share))


def _pictures(folder: Path) -> dict[str, Path]:
    """Return the pictures of a folder by their names without suffix."""
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise TrainError(f"{folder}: cannot be read ({error.strerror})") from error
    return {p.stem: p for p in paths if p.suffix.lower() in PICTURE_SUFFIXES}


def _most(pixels: Pixels, *, bytes_a_pixel: int) -> int:
    """Return how many frames of this size there is room for."""
    num_bytes = bytes_a_pixel * pixels.shape[0] * pixels.shape[1]
    return max(1, BUDGET_BYTES // 2 // int(num_bytes))


def _within_budget(keys: list[PaintedFrame], content: Pixels) -> list[PaintedFrame]:
    """Return as many painted frames as there is room for, spread evenly."""
    most = _most(content, bytes_a_pixel=10)
    if len(keys) <= most:
        return keys
    log.warning(
        "%d of %d painted frames are learnt from: more do not fit into memory",
        most,
        len(keys),
    )
    return [keys[index] for index in sorted(_spread_over(len(keys), most))]


def _spread_over(total: int, count: int) -> set[int]:
    """Return so many numbers below `total`, evenly spread."""
    count = min(total, count)
    return {int((place + 0.5) * total / count) for place in range(count)}


def _learnt(
    content: Pixels, carried: Carried | None, following: Pixels | None
) -> LearntFrame:
    if carried is None:
        nothing = np.zeros(content.shape[:2], np.uint8)
        return LearntFrame(content, content, nothing, following)
    painted = np.asarray(np.clip(np.rint(carried.pixels), 0, 255), np.uint8)
    return LearntFrame(content, painted, to_bytes(carried.reliability), following)
