"""A place in a film from which reading goes on in another process, frame for frame."""

import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from rtstyle_streams.frame import Frame, Pixels
from rtstyle_streams.managed import ManagedSource
from rtstyle_streams.protocols import Source

FRAMES_PER_MARK: Final = 4
"""How many frames before a place it is known by."""
_MOST_KEPT: Final = 512
"""Frames that may be on their way between a source and a sink."""
_LINE_PITCH: Final = 8
"""Every so many lines of a frame are looked at."""


@dataclass(frozen=True, slots=True)
class ReadMark:
    """The last frames that were read before a place."""

    index: int
    """Of the last frame before the place."""
    pts: tuple[int, ...]
    """Of the last frames, the oldest first, in ticks of the source."""
    checksums: tuple[int, ...] = ()
    """Of the same frames, see `checksum`; empty when they were not decoded."""
    is_plain: bool = True
    """Whether nothing before was broken, interlaced or out of order, so that reading
    may begin at a key frame."""


def checksum(pixels: Pixels) -> int:
    """Return a CRC-32 of every eighth line.

    Args:
        pixels: RGB, shape ``(H, W, 3)``, uint8.
    """
    return zlib.crc32(np.ascontiguousarray(pixels[::_LINE_PITCH]).data)


class MarkedSource(ManagedSource):
    """A source that remembers where it was; it is its owner's to close.

    Args:
        source: Gives the frames.
    """

    def __init__(self, source: Source) -> None:
        self.info = source.info
        self._source = source
        self._recent: deque[tuple[int, int, int]] = deque(maxlen=_MOST_KEPT)

    def __iter__(self) -> Iterator[Frame]:
        """Give out the frames that are left."""
        for frame in self._source:
            self._recent.append((frame.index, frame.pts, checksum(frame.pixels)))
            yield frame

    def mark(self, index: int, *, is_plain: bool) -> ReadMark:
        """Return the place behind frame `index`, which was given out not long ago."""
        rows = [row for row in tuple(self._recent) if row[0] <= index]
        last = rows[-FRAMES_PER_MARK:]
        return ReadMark(
            index=index,
            pts=tuple(pts for _, pts, _ in last),
            checksums=tuple(crc for _, _, crc in last),
            is_plain=is_plain,
        )
