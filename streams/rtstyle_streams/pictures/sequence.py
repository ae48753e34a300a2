"""A film that lies in pictures, a file each."""

import os
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from rtstyle_streams.frame import Frame
from rtstyle_streams.pictures.images import ImageSource
from rtstyle_streams.pictures.names import missing_numbers

DEFAULT_RATE = Fraction(25)
"""Pictures a second, unless it is said."""


class FrameSequence(ImageSource):
    """Gives out the pictures of a folder, or numbered ones, as frames of one size.

    Args:
        path: A folder, or a pattern: ``frames/%05d.png``.
        rate: Pictures a second; None is `DEFAULT_RATE`, which is said.

    Raises:
        SourceError: there are none that can be read.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, rate: Fraction | None = None
    ) -> None:
        super().__init__(path)
        self._rate = rate or DEFAULT_RATE
        self.info = replace(
            self.info, time_base=1 / self._rate, frame_rate=self._rate, matrix="bt709"
        )
        name = Path(path).name
        if rate is None:
            self.notices.append(
                f"{name}: taken as {DEFAULT_RATE} pictures a second; --fps says another"
            )
        if self.numbers and (missing := missing_numbers(self.numbers)):
            self.notices.append(f"{name}: {missing} numbers in between are missing")

    def __iter__(self) -> Iterator[Frame]:
        """Give out the pictures as frames of the size of the first."""
        size = (self.info.width, self.info.height)
        for frame in super().__iter__():
            pixels = frame.pixels
            if (frame.width, frame.height) != size:
                line = (
                    f"{self.path.name}: the size of the pictures changes; scaled to "
                    f"{size[0]}x{size[1]}"
                )
                if line not in self.notices:
                    self.notices.append(line)
                pixels = np.asarray(cv2.resize(pixels, size), np.uint8)
            yield replace(frame, pixels=pixels, time_base=self.info.time_base)
