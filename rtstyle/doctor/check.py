"""Define the result of one check."""

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "note", "fail"]
"""Works; is missing or unusual but not needed; must be fixed."""


@dataclass(frozen=True, slots=True)
class Check:
    """Result of one check."""

    name: str
    """Name of what was checked: "cameras"."""
    status: Status
    """Whether it works."""
    found: str
    """What was found, in one line."""
    todo: str = ""
    """What to do about it, in one line; empty for nothing."""
