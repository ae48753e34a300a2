"""What is known of a camera."""

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class CameraMode:
    """One size that a camera gives in one pixel format, and how fast."""

    fourcc: str
    """Four letters of the pixel format: "YUYV", "MJPG"."""
    width: int
    """Columns."""
    height: int
    """Lines."""
    rates: tuple[Fraction, ...] = ()
    """Frames per second, fastest first; empty when the driver does not say."""

    def __str__(self) -> str:
        """Return size, format and fastest rate."""
        rate = f" at {float(self.rates[0]):g} fps" if self.rates else ""
        return f"{self.width}x{self.height} {self.fourcc}{rate}"


@dataclass(frozen=True, slots=True)
class Camera:
    """One video device of this machine."""

    name: str
    """What its maker calls it."""
    id: str
    """Stays the same when it is plugged in again or when others come and go."""
    number: int
    """Its present number, which changes from day to day."""
    path: str = ""
    """The device node on Linux; empty elsewhere."""
    modes: tuple[CameraMode, ...] = ()
    """What it offers, as far as it says."""
    is_virtual: bool = False
    """Whether programs write into it: somewhere to send to, not a camera to read."""
    problem: str = ""
    """Why it cannot be used, and what to do; empty when nothing is known."""

    def __str__(self) -> str:
        """Return name and number, as in "C920 (0)"."""
        return f"{self.name!r} ({self.path or self.number})"
