"""What `--style` says: one style, or several with their weights."""

import math
from dataclasses import dataclass
from pathlib import Path, PurePath

from rtstyle.errors import UsageError

MOST_PARTS = 8
"""Styles in one mixture; each fixed one runs a network for every frame."""


@dataclass(frozen=True, slots=True)
class StylePart:
    """One style of a mixture."""

    name: str
    """A style's name, or the path of a style file or of a painting."""
    weight: float
    """Its share, above 0; those of a mixture sum to 1."""

    @property
    def title(self) -> str:
        """Return the name without folder and suffix."""
        return PurePath(self.name).stem


@dataclass(frozen=True, slots=True)
class StyleSpec:
    """One style or a mixture, as it was written."""

    parts: tuple[StylePart, ...]
    """At least one; no name twice."""

    @property
    def title(self) -> str:
        """Return what people call it: ``monet``, ``0.6 monet + 0.4 scream``."""
        if len(self.parts) == 1:
            return self.parts[0].title
        return " + ".join(f"{part.weight:.2g} {part.title}" for part in self.parts)

    def toward(self, other: "StyleSpec", share: float) -> "StyleSpec":
        """Return the mixture with `share` (0..1) of `other` in it."""
        ours = [(part.name, part.weight * (1.0 - share)) for part in self.parts]
        theirs = [(part.name, part.weight * share) for part in other.parts]
        return _normalised([pair for pair in ours + theirs if pair[1] > 0.0])


def parse_style(text: str) -> StyleSpec:
    """Read ``NAME``, ``NAME,NAME`` or ``NAME:WEIGHT,NAME:WEIGHT``.

    Weights are divided by their sum; without any, all weigh the same. A text that is
    the name of a file stands for that file, whatever commas and colons are in it.

    Raises:
        UsageError: a name is missing, only some have a weight, or a weight is not a
            number above 0.
    """
    if text and Path(text).expanduser().exists():
        return StyleSpec((StylePart(text, 1.0),))
    pairs = [_name_and_weight(piece.strip(), text) for piece in text.split(",")]
    if len(pairs) > MOST_PARTS:
        raise UsageError(
            f"style: expected at most {MOST_PARTS} in a mixture, got {len(pairs)}"
        )
    missing = [name for name, weight in pairs if weight is None]
    if missing and len(missing) < len(pairs):
        raise UsageError(
            f"style {text!r}: expected a weight for each style or for none, got none "
            f"for {missing[0]}; write NAME:WEIGHT,NAME:WEIGHT"
        )
    return _normalised(
        [(name, 1.0 if weight is None else weight) for name, weight in pairs]
    )


def _name_and_weight(piece: str, text: str) -> tuple[str, float | None]:
    """Split at the last colon, if a number follows it; ``C:`` of a path stays."""
    name, colon, last = piece.rpartition(":")
    try:
        weight: float | None = float(last)
    except ValueError:
        name, weight = piece, None
    if not colon:
        name, weight = piece, None
    if not name:
        raise UsageError(f"style {text!r}: expected NAME or NAME:WEIGHT, got {piece!r}")
    if weight is not None and not (math.isfinite(weight) and weight > 0.0):
        raise UsageError(
            f"style {text!r}: expected a weight above 0 for {name}, got {last}"
        )
    return name, weight


def _normalised(pairs: list[tuple[str, float]]) -> StyleSpec:
    """Return the mixture whose weights sum to 1; a name that comes twice adds up."""
    total = sum(weight for _, weight in pairs)
    summed: dict[str, float] = {}
    for name, weight in pairs:
        summed[name] = summed.get(name, 0.0) + weight / total
    return StyleSpec(tuple(StylePart(name, weight) for name, weight in summed.items()))
