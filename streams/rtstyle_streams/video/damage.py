"""What is broken in a film: counted, with the place and FFmpeg's own words."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import av

from rtstyle_streams.errors import printable

_MOST_PLACES = 3
"""How many places a notice names."""
_SAME_PLACE_SECONDS = 1.0
"""Broken packets nearer than this to the last ones are at the same place."""


class Damage:
    """Counts broken packets and frames and remembers where in the film they are.

    FFmpeg says much of what it finds only in its log: a demuxer that looks for the next
    cluster, a decoder that paints over what it could not read. Each line that it logs
    as an error counts like an error it returns; that is what ``ffmpeg -v error`` shows.
    """

    def __init__(self, name: str) -> None:
        self.num_broken = 0
        """Packets and frames that were broken, so far."""
        self._name = name
        self._places: list[tuple[float, float]] = []  # first and last second of each
        self._words = ""
        self._missing_seconds = 0.0

    def forget(self) -> None:
        """Count from nothing again."""
        self.num_broken, self._places, self._words = 0, [], ""
        self._missing_seconds = 0.0

    def count(self, seconds: float | None, words: str = "") -> None:
        """Count a broken packet or frame.

        Args:
            seconds: When the last good frame before it is shown; None when the file is
                being opened and it may be anywhere.
            words: What FFmpeg says about it.
        """
        self.num_broken += 1
        self._words = self._words or printable(words)
        if seconds is None:
            return
        if self._places and seconds - self._places[-1][1] < _SAME_PLACE_SECONDS:
            self._places[-1] = (self._places[-1][0], max(seconds, self._places[-1][1]))
        else:
            self._places.append((seconds, seconds))

    def count_gap(self, start: float, end: float) -> None:
        """Count the time without a frame behind a broken place; other gaps are meant.

        Args:
            start: When the frame before should have ended, in seconds.
            end: When the next one is shown, in seconds.
        """
        if any(first - 1 <= end and start <= last + 1 for first, last in self._places):
            self._missing_seconds += end - start

    def count_lost(self, start: float, end: float) -> None:
        """Count frames that a decoder left out between two others without a word.

        Args:
            start: When the frame before should have ended, in seconds.
            end: When the next one is shown, in seconds.
        """
        self.count(start, "frames that cannot be decoded")
        self.count_gap(start, end)

    def notices(self) -> list[str]:
        """Return a line that says how much is broken and where; none if nothing is."""
        if not self.num_broken:
            return []
        shown = [f"{first:.2f} s" for first, _ in self._places[:_MOST_PLACES]]
        more = len(self._places) - len(shown)
        places = ", ".join(shown) + (f" and {more} more places" if more else "")
        missing = ""
        if self._missing_seconds:
            missing = f"; {self._missing_seconds:.2f} s of pictures are missing there"
        where = f"at {places}" if shown else "found when it was opened"
        words = f" (FFmpeg: {self._words})" if self._words else ""
        return [
            f"{self._name}: {self.num_broken} packets or frames are broken, "
            f"{where}{missing}{words}"
        ]


class LogLine(NamedTuple):
    """A line that FFmpeg logged as an error."""

    source: str
    """Name of the demuxer or the codec that says it."""
    text: str
    """What it says."""


@contextmanager
def listening() -> Iterator[list[LogLine]]:
    """Collect what FFmpeg logs as an error on this thread."""
    _switch_on()
    lines: list[LogLine] = []
    with av.logging.Capture(local=True) as logs:
        yield lines
    lines += [
        LogLine(name, " ".join(text.split()))
        for level, name, text in logs
        if level <= av.logging.ERROR
    ]


def _switch_on() -> None:
    """Have FFmpeg's errors collected, and none of them printed by the way."""
    av.logging.set_skip_repeated(False)  # a second demuxer says the same
    level = av.logging.get_level()
    if level is None or level < av.logging.ERROR:
        av.logging.set_level(av.logging.ERROR)
        logging.getLogger("libav").setLevel(logging.CRITICAL + 1)
