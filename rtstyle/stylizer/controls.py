"""Define the settings that a user may change between two frames."""

from dataclasses import dataclass

from rtstyle.errors import UsageError
from rtstyle.look import Look
from rtstyle.looks.control_table import CONTROLS
from rtstyle.masks import MaskMode, mask_mode
from rtstyle.smoothing import SmoothMode

SMALLEST_SIDE = 16
"""Smallest side that the networks accept, in pixels."""
EVERY = range(1, 4)
"""What `Controls.every` may be."""
SCALE = CONTROLS["style_scale"]
LEAST_SCALE, MOST_SCALE = SCALE.least, SCALE.most
MOST_STYLE_STRENGTH = CONTROLS["style_strength"].most
"""Bounds of `Controls.scale`."""


@dataclass(slots=True)
class Controls:
    """Settings that a user may change between two frames."""

    strength: float = 1.0
    """0 returns the content bit for bit, 1 the stylized frame."""
    keep_colors: bool = False
    """Take the luma of the style and the chroma of the content."""
    smooth: SmoothMode = "off"
    """How frames are smoothed over time."""
    height: int | None = None
    """Number of lines that the network sees; None means all."""
    scale: float = 1.0
    """Size of the strokes: the number of lines that the network sees is divided by it.

    Of the ways tried, only this one changes the strokes and nothing else, for fixed
    styles and for paintings: showing a painting larger or smaller to its encoder gives
    smoother or busier pictures rather than larger or smaller strokes.
    """
    mask: MaskMode = "off"
    """Which part to stylize; ignored unless the stylizer has a mask."""
    style_strength: float = 1.0
    """For paintings whose graph reads the modulation: 0 changes least."""
    every: int = 1
    """Which frames the network paints: all, every second, every third; motion carries
    its pictures to those between."""

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        if not 0.0 <= self.strength <= 1.0:
            raise UsageError(f"strength: expected 0 to 1, got {self.strength}")
        if not 0.0 <= self.style_strength <= MOST_STYLE_STRENGTH:
            raise UsageError(
                f"style strength: expected 0 to {MOST_STYLE_STRENGTH}, "
                f"got {self.style_strength}"
            )
        if self.height is not None and not SMALLEST_SIDE <= self.height <= 8192:
            raise UsageError(
                f"height: expected {SMALLEST_SIDE} to 8192 lines, got {self.height}"
            )
        if self.every not in EVERY:
            raise UsageError(f"every: expected 1, 2 or 3, got {self.every}")
        if not LEAST_SCALE <= self.scale <= MOST_SCALE:
            raise UsageError(
                f"style scale: expected {LEAST_SCALE} to {MOST_SCALE}, got {self.scale}"
            )

    def lines_seen(self, height: int) -> int:
        """Return how many lines of a frame of `height` lines the network sees."""
        if self.height is None and self.scale == 1.0:
            return height
        return max(SMALLEST_SIDE, round((self.height or height) / self.scale))


def controls_of(look: Look, *, smooth: SmoothMode, every: int = 1) -> Controls:
    """Return the controls that a look asks for."""
    return Controls(
        look.strength,
        look.keep_colors,
        smooth,
        look.height,
        look.style_scale,
        mask_mode(look),
        1.0 if look.style_strength is None else look.style_strength,
        every,
    )
