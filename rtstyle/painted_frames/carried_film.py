"""Carry painted keyframes through a film, frame by frame, from before and behind."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from rtstyle.painted_frames.carrying import Carried, PaintedFrame, carry, merged
from rtstyle.painted_frames.flow import (
    FarMotion,
    MotionSearch,
    follow,
    no_motion,
    small_luma,
)
from rtstyle.smoothing.warp import Flow, Mask
from rtstyle_streams.frame import Frame, Pixels
from rtstyle_streams.protocols import Source

REACH = 200
"""Frames from a keyframe to which its paint is carried at most."""
RISE = 0.2
"""By how much reliability grows from a frame to the next at most: paint that can be
relied on again comes slowly, so that nothing flickers."""


@dataclass(slots=True)
class _Followed:
    """A keyframe and its motion to the last frame."""

    key: PaintedFrame
    luma: Pixels
    last_luma: Pixels
    motion: FarMotion


@dataclass(frozen=True, slots=True)
class _Known:
    """The motion of a frame before a keyframe, stored small."""

    to_key: npt.NDArray[np.float16]
    visible: npt.NDArray[np.bool_]

    def unpacked(self) -> tuple[Flow, Mask]:
        """Return what `carry` takes."""
        return self.to_key.astype(np.float32), self.visible.astype(np.float32)


class CarriedFilm:
    """Gives the paint that is carried to each frame; frames come in order.

    Paint of the keyframe before a frame follows the film. For that of the keyframe
    behind it the film is read a second time, ahead, and followed back from there.
    """

    def __init__(
        self,
        keys: Sequence[PaintedFrame],
        open_film: Callable[[], Source],
        *,
        reach: int = REACH,
    ) -> None:
        """Take the keyframes.

        Args:
            keys: At least one, each of another frame, of the film's size.
            open_film: Opens the film from its beginning.
            reach: Frames from a keyframe to which paint is carried.
        """
        self.keys = sorted(keys, key=lambda key: key.index)
        self.reach = reach
        self._open_film = open_film
        self._search = MotionSearch()
        self._before: _Followed | None = None
        self._behind: dict[int, _Known] = {}
        self._prepared = -1
        self._ahead: Iterator[Frame] | None = None
        self._reliability: Mask | None = None
        self._stack = ExitStack()

    def at(self, index: int, content: Pixels) -> Carried | None:
        """Return the paint at a frame; None beyond reach of all keyframes.

        Args:
            index: Of the frame, larger than that of the call before.
            content: The frame, RGB, shape ``(H, W, 3)``, uint8.
        """
        luma = small_luma(content)
        key = next((key for key in self.keys if key.index == index), None)
        if key is not None:
            self._before = _Followed(key, luma, luma, no_motion(luma))
            self._reliability = key.share
            return Carried(key.painted.astype(np.float32), key.share)
        found = _both(
            self._from_before(index, content, luma), self._from_behind(index, content)
        )
        return self._steady(found)

    def close(self) -> None:
        """Close the second reading of the film; may be called twice."""
        self._stack.close()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    def _from_before(
        self, index: int, content: Pixels, luma: Pixels
    ) -> tuple[Carried, int] | None:
        """Return the paint of the keyframe before, and how far that is."""
        before = self._before
        if before is None or index - before.key.index > self.reach:
            self._before = None
            return None
        before.motion = follow(
            self._search, before.luma, before.last_luma, luma, before.motion
        )
        before.last_luma = luma
        motion = before.motion
        carried = carry(before.key, content, motion.to_key, motion.visible())
        return carried, index - before.key.index

    def _from_behind(self, index: int, content: Pixels) -> tuple[Carried, int] | None:
        """Return the paint of the keyframe behind, and how far that is."""
        key = next((key for key in self.keys if key.index > index), None)
        if key is None or key.index - index > self.reach:
            return None
        if self._prepared < key.index:
            self._follow_back(key, first=index)
        known = self._behind.pop(index, None)
        if known is None:
            return None
        return carry(key, content, *known.unpacked()), key.index - index

    def _follow_back(self, key: PaintedFrame, *, first: int) -> None:
        """Find the motion of the frames from `first` to a keyframe, backwards."""
        self._behind.clear()
        self._prepared = key.index
        if self._ahead is None:
            self._ahead = iter(self._stack.enter_context(self._open_film()))
        lumas = {}
        for frame in self._ahead:
            if frame.index >= first:
                lumas[frame.index] = small_luma(frame.pixels)
            if frame.index >= key.index:
                break
        now = small_luma(key.content)
        last, motion = now, no_motion(now)
        for index in sorted(lumas.keys() - {key.index}, reverse=True):
            motion = follow(self._search, now, last, lumas[index], motion)
            last = lumas[index]
            self._behind[index] = _Known(
                motion.to_key.astype(np.float16), motion.visible() > 0
            )

    def _steady(self, found: Carried | None) -> Carried | None:
        """Let reliability fall at once and rise slowly."""
        if found is None:
            self._reliability = None
            return None
        reliability, last = found.reliability, self._reliability
        if last is not None:
            reliability = np.minimum(reliability, last + np.float32(RISE))
        self._reliability = reliability
        return Carried(found.pixels, reliability)


def _both(
    before: tuple[Carried, int] | None, behind: tuple[Carried, int] | None
) -> Carried | None:
    """Join the paint of two keyframes by how far they are."""
    if before is None or behind is None:
        known = before or behind
        return known[0] if known else None
    place = before[1] / (before[1] + behind[1])
    share = min(1.0, max(0.0, 3.0 * place - 1.0))  # changes over the middle third
    return merged(before[0], behind[0], share=share)
