"""Define a frame: a picture and the moment at which it is shown."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from rtstyle_streams.errors import FrameError

Pixels = npt.NDArray[np.uint8]
"""RGB, shape ``(H, W, 3)``, uint8, 0..255."""
Rest = npt.NDArray[np.int8]
"""What rounding to 8 bits took away: shape ``(H, W, 3)``, int8, 1/32 of a level."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture and the moment at which it is shown."""

    pixels: Pixels
    """RGB, shape ``(H, W, 3)``, C-contiguous, uint8, 0..255."""
    pts: int
    """Presentation time, in ticks of `time_base`."""
    time_base: Fraction
    """Seconds per tick of `pts`."""
    index: int
    """Count of frames since the source was opened, from 0."""
    captured_ns: int | None = None
    """When a live source captured it, on the monotonic clock; None for files."""
    rest: Rest | None = None
    """Of a source with more than 8 bits, to be added when it is written; see `Rest`."""

    def __post_init__(self) -> None:
        """Refuse anything but RGB ``(H, W, 3)`` uint8 with at least one pixel."""
        if (
            self.pixels.dtype != np.uint8
            or self.pixels.shape[2:] != (3,)
            or self.pixels.size == 0
        ):
            raise FrameError(
                f"frame {self.index}: expected uint8 RGB pixels of shape (H, W, 3), "
                f"got {self.pixels.dtype} of shape {self.pixels.shape}"
            )

        if self.rest is not None and self.rest.shape != self.pixels.shape:
            raise FrameError(
                f"frame {self.index}: expected a rest of shape {self.pixels.shape}, "
                f"got {self.rest.shape}"
            )

    @property
    def pts_seconds(self) -> float:
        """Return the presentation time in seconds."""
        return float(self.pts * self.time_base)

    @property
    def height(self) -> int:
        """Return the number of lines."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Return the number of columns."""
        return int(self.pixels.shape[1])
