"""A stylizer whose frames take carried paint where it can be relied on."""

from concurrent.futures import Executor, Future
from dataclasses import replace
from typing import Protocol

import cv2
import numpy as np

from rtstyle.painted_frames.carried_film import CarriedFilm
from rtstyle.painted_frames.carrying import Carried
from rtstyle.painted_frames.joining import joined
from rtstyle.stylizer.network_output import NetworkOutput
from rtstyle_streams.frame import Pixels


class TwoSteps(Protocol):
    """What a stylizer does to a frame, in two steps."""

    @property
    def frames_at_once(self) -> int:
        """Return how many frames `submit` should work on at once."""
        ...

    def submit(self, pool: Executor, content: Pixels) -> Future[NetworkOutput]:
        """Let a thread of `pool` run the network; frames must come in order."""
        ...

    def finish(self, output: NetworkOutput) -> Pixels:
        """Smooth and blend; frames must come in order."""
        ...


class PaintedStylizer:
    """Joins what a network makes of a frame with the paint that is carried to it.

    The paint comes before smoothing and all controls, in place of the network's own.
    """

    def __init__(self, stylizer: TwoSteps, carried: CarriedFilm) -> None:
        """Take a stylizer.

        Args:
            stylizer: Does everything else.
            carried: Gives the paint; its owner closes it.
        """
        self._stylizer = stylizer
        self._carried = carried
        self._index = 0

    @property
    def frames_at_once(self) -> int:
        """Return how many frames `submit` should work on at once."""
        return self._stylizer.frames_at_once

    def submit(self, pool: Executor, content: Pixels) -> Future[NetworkOutput]:
        """Let a thread of `pool` run the network; frames must come in order."""
        return self._stylizer.submit(pool, content)

    def finish(self, output: NetworkOutput) -> Pixels:
        """Join, smooth and blend; frames must come in order, from the film's first."""
        paint = self._carried.at(self._index, output.content)
        self._index += 1
        if paint is not None:
            output = replace(output, stylized=with_paint(output.stylized, paint))
        return self._stylizer.finish(output)


def with_paint(stylized: Pixels, paint: Carried) -> Pixels:
    """Return a stylized frame with carried paint where it is reliable.

    Args:
        stylized: RGB, shape ``(h, w, 3)``, uint8; may be smaller than the paint.
        paint: Of the same frame.
    """
    pixels, reliability = paint.pixels, paint.reliability
    height, width = stylized.shape[:2]
    if pixels.shape != stylized.shape:
        size = (width, height)
        pixels = np.asarray(
            cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.float32
        )
        reliability = np.asarray(
            cv2.resize(reliability, size, interpolation=cv2.INTER_AREA), np.float32
        )
    whole = joined(pixels, stylized.astype(np.float32), reliability)
    return np.asarray(np.clip(np.rint(whole), 0, 255), np.uint8)
