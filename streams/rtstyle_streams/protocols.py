"""What a source and a sink of frames promise."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from types import TracebackType
from typing import Final, Literal, Protocol, Self, runtime_checkable

from rtstyle_streams.frame import Frame
from rtstyle_streams.sound.feed import SoundFeed

ToneMap = Literal["bt2390"]
"""What makes SDR pictures of HDR ones; see `rtstyle_streams.video.tone_map`."""
Bits = Literal["8", "10", "auto"]
"""Of each colour of a film that is written; ``auto``: 10 where the source has more than
8 and the encoder takes them."""
ColourMatrix = Literal["bt601", "bt709", "bt2020"]
"""Which luma coefficients a picture's Y'CbCr form uses."""
LUMA: Final[dict[ColourMatrix, tuple[float, float, float]]] = {
    "bt601": (0.299, 0.587, 0.114),
    "bt709": (0.2126, 0.7152, 0.0722),
    "bt2020": (0.2627, 0.6780, 0.0593),
}
"""Weights of red, green and blue in luma (ITU-R BT.601-7, BT.709-6, BT.2020-2)."""


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """What is known about a source before its first frame is read."""

    width: int
    """Columns of every frame, as given out (upright)."""
    height: int
    """Lines of every frame, as given out (upright)."""
    time_base: Fraction
    """Seconds per tick of the frames' `pts`."""
    frame_rate: Fraction | None = None
    """Frames per second, nominal; None when unknown."""
    num_frames: int | None = None
    """How many frames are expected, for progress only; None when unknown."""
    is_live: bool = False
    """Whether frames come at their own pace and may be dropped."""
    matrix: ColourMatrix = "bt709"
    """Luma coefficients of the source, for `--keep-colors`."""


class Closing(Protocol):
    """Something that is closed at the end of a `with` block; twice does no harm."""

    @property
    def notices(self) -> Sequence[str]:
        """Return what was left out or changed so far, a line each for the user."""
        ...

    @property
    def num_decode_errors(self) -> int:
        """Return how much of what came was broken, so far: packets, frames, files."""
        ...

    def close(self) -> None:
        """Let go of everything; may be called twice."""
        ...

    def __enter__(self) -> Self:
        """Return itself."""
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        """Close."""
        ...


@runtime_checkable
class Source(Closing, Protocol):
    """Gives out frames, once, in order; all of one size."""

    @property
    def info(self) -> StreamInfo:
        """Return what is known before the first frame."""
        ...

    @property
    def sound(self) -> SoundFeed | None:
        """Return what is heard beside live frames; None: nothing."""
        ...

    def __iter__(self) -> Iterator[Frame]:
        """Give out the frames.

        Raises:
            SourceError: the source broke; frames given out before stay valid.
        """
        ...


@runtime_checkable
class Sink(Closing, Protocol):
    """Takes frames, in order.

    Leaving a `with` block normally calls `finish`; leaving it by an exception only
    calls `close`, which throws unfinished work away.
    """

    def write(self, frame: Frame) -> None:
        """Take one frame; its pixels are not changed and not kept.

        Raises:
            SinkError: it could not be written.
        """
        ...

    def finish(self) -> None:
        """Complete the result (flush, move a file into its place), then close."""
        ...
