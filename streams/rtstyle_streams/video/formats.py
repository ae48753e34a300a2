"""Containers by their suffix: the encoder each takes, and how finely it keeps times."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from rtstyle_streams.errors import SinkError


@dataclass(frozen=True, slots=True)
class Format:
    """A container."""

    name: str
    """FFmpeg's name of its muxer."""
    codec: str
    """FFmpeg's name of the encoder that is taken unless another is asked for."""
    time_base: Fraction | None = None
    """Seconds per tick, where the container has no finer one."""
    is_constant_rate: bool = False
    """Whether its frames have no times but follow each other at one rate."""


FORMATS = {
    ".mp4": Format("mp4", "libx264"),
    ".m4v": Format("mp4", "libx264"),
    ".mov": Format("mov", "libx264"),
    ".mkv": Format("matroska", "libx264"),
    ".webm": Format("webm", "libvpx-vp9"),
    ".ts": Format("mpegts", "libx264"),
    ".avi": Format("avi", "libx264", is_constant_rate=True),
    ".gif": Format("gif", "gif", time_base=Fraction(1, 100)),
    ".apng": Format("apng", "apng", time_base=Fraction(1, 1000)),
    ".webp": Format("webp", "libwebp_anim", time_base=Fraction(1, 1000)),
}
"""Containers that a film can be written to, by suffix, lower case."""


def output_format(path: Path) -> Format:
    """Return the container that the suffix of `path` stands for.

    Raises:
        SinkError: an unknown suffix.
    """
    try:
        return FORMATS[path.suffix.lower()]
    except KeyError:
        raise SinkError(
            f"{path}: expected a name that ends in {', '.join(FORMATS)}, "
            f"got {path.suffix or 'no suffix'}"
        ) from None


def frame_time_base(
    file_format: Format, codec: str, time_base: Fraction, rate: Fraction | None
) -> Fraction:
    """Return in which ticks the frames of an output are timed.

    Args:
        file_format: The container.
        codec: FFmpeg's name of the encoder.
        time_base: Of the frames to come, in seconds.
        rate: Frames a second; None when unknown.
    """
    if file_format.is_constant_rate:
        return 1 / (rate or Fraction(30))
    if file_format.time_base and file_format.time_base > time_base:
        return file_format.time_base
    most = _MOST_TICKS.get(codec)
    if most is None or max(time_base.denominator, time_base.numerator) <= most:
        return time_base
    whole = Fraction(rate or 30).limit_denominator(1001)
    ticks = whole.numerator
    return Fraction(1, ticks * max(1, min(most, 60_000) // ticks))


_MOST_TICKS = {"mpeg4": 65535}
"""Encoders that cannot tell times apart more finely: ticks a second at most."""
