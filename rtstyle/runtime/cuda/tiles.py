"""Stylize a frame that does not fit into memory tile by tile: the same picture."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from rtstyle.runtime.graphs.tile_graph import (
    CORE,
    MEAN,
    SIZE,
    VARIANCE,
    scale_name,
    shift_name,
    tile_graphs,
)
from rtstyle.runtime.protocol import Arrays, Session
from rtstyle.style_file import FRAME_INPUT, FRAME_OUTPUT

LEAST_CORE = 64
"""Smallest tile without its surroundings, in pixels; smaller ones cost too much."""
PROBE = 64
"""Height and width of a frame that reveals the graph's padding; a multiple of what all
our networks require."""
END = np.iinfo(np.int64).max
"""A line number past the last line of any frame."""

Bytes = npt.NDArray[np.uint8]


class Tiled:
    """A style graph that runs on tiles of a frame, in one pass per norm and a last one.

    The picture differs from that of the whole graph by at most 1 of 255, where a sum
    taken in another order rounds the other way.
    """

    def __init__(self, model: bytes, open_graph: Callable[[bytes], Session]) -> None:
        """Split a graph; nothing is loaded yet.

        Args:
            model: A serialised style graph.
            open_graph: Loads a graph onto the device that runs the tiles.

        Raises:
            ValueError: the graph cannot be run on tiles.
        """
        self._graphs = tile_graphs(model)
        self._open = open_graph
        self._sessions: dict[int, Session] = {}
        self._padding: int | None = None

    def run(self, frame: Bytes, *, core: int) -> Bytes:
        """Return the stylized frame, ``(H, W, 3)``.

        Args:
            frame: RGB, shape ``(H, W, 3)``, uint8.
            core: Height and width of a tile without its surroundings, in pixels; one
                of `cores`.
        """
        tiles = plan(frame.shape[:2], core=core, reach=self._graphs.reach)
        scales: dict[str, npt.NDArray[np.generic]] = {}
        for index, norm in enumerate(self._graphs.norms):
            measure = self._session(index)
            statistics = []
            for tile in tiles:
                place = tile.core_of(norm.stride, padding=self._padding_px())
                feeds = {**scales, FRAME_INPUT: tile.cut(frame), CORE: place}
                statistics.append(measure.run(feeds))
            scale, shift = norm.affine(*merged(statistics))
            scales |= {scale_name(index): scale, shift_name(index): shift}
        stylized = np.empty_like(frame)
        for tile in tiles:
            feeds = {**scales, FRAME_INPUT: tile.cut(frame)}
            painted = self._session(len(self._graphs.norms)).run(feeds)[FRAME_OUTPUT]
            tile.put(stylized, painted)
        return stylized

    def cores(self, shape: Sequence[int]) -> Iterator[int]:
        """Yield tile sizes for frames of this shape, in pixels, largest first."""
        m = self._graphs.multiple
        core = max(shape[:2])
        while (core := -(-core // (2 * m)) * m) >= LEAST_CORE:
            yield core

    def close(self) -> None:
        """Release all graphs; may be called twice."""
        for session in self._sessions.values():
            session.close()
        self._sessions = {}

    def _session(self, index: int) -> Session:
        """Return the session that measures norm `index`; for the last index, paints."""
        if index not in self._sessions:
            graphs = (*self._graphs.measuring, self._graphs.painting)
            self._sessions[index] = self._open(graphs[index])
        return self._sessions[index]

    def _padding_px(self) -> int:
        """Return how many pixels the graph pads before its first convolution."""
        if self._padding is None:
            frame = np.zeros((PROBE, PROBE, 3), np.uint8)
            whole = np.array([0, 0, END, END], np.int64)
            size = self._session(0).run({FRAME_INPUT: frame, CORE: whole})[SIZE]
            self._padding = (int(size[2]) * self._graphs.norms[0].stride - PROBE) // 2
        return self._padding


@dataclass(frozen=True, slots=True)
class Span:
    """A tile's lines, or its columns, in pixels of the frame."""

    start: int
    """First of the core, which belongs to this tile alone."""
    stop: int
    """One past the last of the core."""
    low: int
    """First of what the tile sees."""
    high: int
    """One past the last of what it sees."""
    length: int
    """Number in the whole frame."""

    def features(self, stride: int, padding: int) -> tuple[int, int]:
        """Return the core's range in the tile's features, with the frame's edges."""
        first = 0 if self.start == 0 else (self.start - self.low + padding) // stride
        if self.stop == self.length:
            return first, END
        return first, (self.stop - self.low + padding) // stride


@dataclass(frozen=True, slots=True)
class Tile:
    """A part of a frame."""

    lines: Span
    """Its lines."""
    columns: Span
    """Its columns."""

    def cut(self, frame: Bytes) -> Bytes:
        """Return what the tile sees, ``(h, w, 3)``."""
        y, x = self.lines, self.columns
        return np.ascontiguousarray(frame[y.low : y.high, x.low : x.high])

    def put(self, picture: Bytes, stylized: npt.NDArray[np.generic]) -> None:
        """Write the core of a stylized tile into `picture`."""
        y, x = self.lines, self.columns
        inside = stylized[
            y.start - y.low : y.stop - y.low, x.start - x.low : x.stop - x.low
        ]
        picture[y.start : y.stop, x.start : x.stop] = inside

    def core_of(self, stride: int, *, padding: int) -> npt.NDArray[np.int64]:
        """Return the input `CORE` for a norm of this stride."""
        top, bottom = self.lines.features(stride, padding)
        left, right = self.columns.features(stride, padding)
        return np.array([top, left, bottom, right], np.int64)


def plan(shape: Sequence[int], *, core: int, reach: int) -> list[Tile]:
    """Return tiles with cores that cover a frame exactly once.

    Args:
        shape: Height and width of the frame, in pixels.
        core: Height and width of a core, in pixels.
        reach: How far a tile sees beyond its core, in pixels.
    """

    def spans(length: int) -> list[Span]:
        return [
            Span(
                start,
                min(start + core, length),
                max(start - reach, 0),
                min(start + core + reach, length),
                length,
            )
            for start in range(0, length, core)
        ]

    return [Tile(*pair) for pair in product(spans(shape[0]), spans(shape[1]))]


def merged(
    parts: Sequence[Arrays],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Combine mean and variance of parts into those of the whole, ``(C,)`` each.

    Args:
        parts: `MEAN`, `VARIANCE` and `SIZE` of each part.

    Source:
        Chan, Golub and LeVeque 1983, equation 2.1, in float64.
    """
    sizes = np.array([part[SIZE][2:] for part in parts], np.float64)
    counts = sizes.prod(axis=1, keepdims=True)
    means, variances = (
        np.array([part[name].reshape(-1) for part in parts], np.float64)
        for name in (MEAN, VARIANCE)
    )
    mean = (counts * means).sum(axis=0) / counts.sum()
    squares = counts * (variances + (means - mean) ** 2)
    return mean, squares.sum(axis=0) / counts.sum()
