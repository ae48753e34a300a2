"""Implement the `with` block of sources and sinks."""

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rtstyle_streams.sound.feed import SoundFeed


class ManagedSource:
    """A source that is closed at the end of its `with` block."""

    @property
    def notices(self) -> Sequence[str]:
        """Return what differs between what came and what was given out: nothing."""
        return ()

    @property
    def sound(self) -> SoundFeed | None:
        """Return what is heard beside live frames: nothing."""
        return None

    @property
    def num_decode_errors(self) -> int:
        """Return how much of what came was broken: nothing."""
        return 0

    def close(self) -> None:
        """Release everything; may be called twice."""

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        """Close, whatever happened."""
        self.close()


class ManagedSink(ManagedSource):
    """A sink that its `with` block finishes, or only closes after an exception."""

    def finish(self) -> None:
        """Complete the result, then close."""
        self.close()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        """Finish after a normal end; after an exception only close."""
        if kind is None:
            self.finish()
        else:
            self.close()
