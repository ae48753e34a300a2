"""A look as one small JSON file: which style, by hash, and where its controls stand."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from rtstyle.errors import UsageError
from rtstyle.looks.control_table import CONTROLS, Value

VERSION: Final = 1
"""Layout that is written and read."""
LARGEST_FILE: Final = 64 << 10
"""Bytes; far above any look."""
MOST_STYLES: Final = 8
"""Styles in one mixture."""


@dataclass(frozen=True, slots=True)
class LookStyle:
    """One style of a look's mixture."""

    name: str
    """A style's name, or the file name of a painting."""
    weight: float = 1.0
    """Its share, above 0."""
    sha256: str = ""
    """Of the style's graph, or of the painting's file; empty when not known."""


@dataclass(frozen=True, slots=True)
class LookFile:
    """What one look says."""

    styles: tuple[LookStyle, ...] = ()
    """At least one, or none when the look is about controls alone."""
    controls: Mapping[str, Value] = field(default_factory=dict)
    """Values by the names of `CONTROLS`."""
    title: str = ""
    """What people call it."""

    @property
    def style_text(self) -> str:
        """Return what `--style` would say: ``A`` or ``A:0.6,B:0.4``."""
        if len(self.styles) == 1:
            return self.styles[0].name
        return ",".join(f"{style.name}:{style.weight:g}" for style in self.styles)

    def as_dict(self) -> dict[str, Any]:
        """Return the look as plain data."""
        styles = [
            {"name": s.name, "weight": s.weight, "sha256": s.sha256}
            for s in self.styles
        ]
        return {
            "rtstyle_look": VERSION,
            "title": self.title,
            "styles": styles,
            "controls": dict(self.controls),
        }


def read_look_file(path: Path) -> LookFile:
    """Read a look.

    Raises:
        UsageError: it is missing, too large, or no look.
    """
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise UsageError(
                f"{path}: expected a look of at most {LARGEST_FILE >> 10} kB, got "
                f"{path.stat().st_size >> 10} kB"
            )
        data = json.loads(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path}: look cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: expected a look in JSON, got other text") from error
    return look_of_data(data, where=str(path))


def look_of_data(data: object, *, where: str) -> LookFile:
    """Check plain data and return the look that it says.

    Args:
        data: As of `LookFile.as_dict`.
        where: Names the look in errors.

    Raises:
        UsageError: it is no look, or a control has no such value.
    """
    if not isinstance(data, dict) or data.get("rtstyle_look") != VERSION:
        raise UsageError(
            f"{where}: expected a look with 'rtstyle_look': {VERSION}, got other data"
        )
    known = {"rtstyle_look", "title", "styles", "controls"}
    if unknown := sorted(str(key) for key in data.keys() - known):
        raise UsageError(f"{where}: expected only {sorted(known)}, got {unknown[0]!r}")
    styles, controls = data.get("styles", []), data.get("controls", {})
    if not isinstance(styles, list) or len(styles) > MOST_STYLES:
        raise UsageError(f"{where}: expected a list of at most {MOST_STYLES} styles")
    if not isinstance(controls, dict):
        raise UsageError(f"{where}: expected controls by name, got other data")
    return LookFile(
        tuple(_style_of(row, where) for row in styles),
        {name: _value_of(name, value, where) for name, value in controls.items()},
        str(data.get("title", ""))[:80],
    )


def _style_of(row: object, where: str) -> LookStyle:
    if not isinstance(row, dict) or not isinstance(row.get("name"), str):
        raise UsageError(f"{where}: expected a style with a name, got {row!r:.60}")
    weight, digest = row.get("weight", 1.0), row.get("sha256", "")
    is_number = isinstance(weight, int | float) and not isinstance(weight, bool)
    if not is_number or not 0.0 < weight <= 1e6 or not isinstance(digest, str):
        raise UsageError(f"{where}: expected a weight above 0, got {weight!r:.60}")
    return LookStyle(row["name"][:4096], float(weight), digest[:64])


def _value_of(name: str, value: object, where: str) -> Value:
    control = CONTROLS.get(name)
    if control is None or not control.in_look:
        names = ", ".join(c.name for c in CONTROLS.values() if c.in_look)
        raise UsageError(f"{where}: expected controls of {names}, got {name!r:.60}")
    try:
        return control.checked(value)
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None
