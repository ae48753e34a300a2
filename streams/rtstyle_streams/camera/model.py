"""Describe cameras and their modes."""

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class CameraMode:
    """One size and pixel format that a camera offers, with its frame rates."""

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
    """The manufacturer's name."""
    id: str
    """Stays the same when this or another camera is unplugged and plugged in."""
    number: int
    """Its present number, which may change."""
    path: str = ""
    """The device node on Linux; empty elsewhere."""
    modes: tuple[CameraMode, ...] = ()
    """Modes that it offers, as far as it lists them."""
    is_virtual: bool = False
    """Whether it is a virtual camera, which programs write to."""
    problem: str = ""
    """Why it cannot be used, and what to do; empty if there is no known problem."""

    def __str__(self) -> str:
        """Return name and number, as in "C920 (0)"."""
        return f"{self.name!r} ({self.path or self.number})"
