"""Read a source's first frame before the run starts."""

from collections.abc import Iterator, Sequence
from itertools import islice

from rtstyle_streams.errors import SourceError
from rtstyle_streams.frame import Frame, Pixels
from rtstyle_streams.managed import ManagedSource
from rtstyle_streams.protocols import Source


class PeekedSource(ManagedSource):
    """A source with its first frame already read; iteration still yields that frame.

    The owner of the wrapped source has to close it.
    """

    def __init__(self, source: Source, *, after: int = 0) -> None:
        """Read the first frame.

        Args:
            source: A source that has not been read from.
            after: Number of frames to skip first; they are not yielded.

        Raises:
            SourceError: there is no frame, or it cannot be read.
        """
        self._source = source
        self.info = source.info
        self._frames = iter(source)
        first = next(islice(self._frames, after, None), None)
        if first is None:
            raise SourceError("source: expected a first frame, got none")
        self._first: Frame | None = first
        self.pixels: Pixels = first.pixels
        """Pixels of the first frame, RGB, shape ``(H, W, 3)``, uint8."""

    @property
    def notices(self) -> Sequence[str]:
        """Return those of the source below."""
        return self._source.notices

    @property
    def num_decode_errors(self) -> int:
        """Return that of the source below."""
        return self._source.num_decode_errors

    def __iter__(self) -> Iterator[Frame]:
        """Yield all frames, including the first."""
        first, self._first = self._first, None
        if first is not None:
            yield first
        yield from self._frames
