"""One thing that the doctor looked at."""

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "note", "fail"]
"""Works; is missing or odd but not needed; must be mended."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    """What it is: "cameras"."""
    status: Status
    """Whether it works."""
    found: str
    """What there is, in one line."""
    todo: str = ""
    """What to do about it, in one line; empty when nothing."""
