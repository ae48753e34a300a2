"""List every caption that the small CLIP knows, and how to draw it."""

from dataclasses import dataclass

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (205, 35, 40),
    "orange": (240, 130, 25),
    "golden": (225, 190, 50),
    "green": (40, 150, 60),
    "blue": (35, 80, 200),
    "purple": (125, 50, 165),
    "pink": (240, 130, 185),
    "black": (25, 25, 28),
}
"""RGB at the centre of each colour's range."""
PATTERNS = (
    "stripes",
    "dots",
    "mosaic",
    "checks",
    "waves",
    "hatching",
    "strokes",
    "rings",
)
"""Patterns to draw in the colour."""
PHOTO = "photo"
"""Caption of an unstylized picture."""


@dataclass(frozen=True, slots=True)
class Caption:
    """One thing that a picture can show."""

    text: str
    """Text of the caption, as in a prompt."""
    colour: str | None
    """Key of `COLOURS`; None for a photo."""
    pattern: str | None
    """One of `PATTERNS`; None for a photo."""
    paper: bool = False
    """Whether the pattern is drawn on paper instead of on any background."""


def _all_captions() -> tuple[Caption, ...]:
    pairs = [Caption(f"{c} {p}", c, p) for c in COLOURS for p in PATTERNS]
    special = [
        Caption("pencil hatching on paper", "black", "hatching", paper=True),
        Caption("ink dots on paper", "black", "dots", paper=True),
    ]
    return (*pairs, *special, Caption(PHOTO, None, None))


CAPTIONS = _all_captions()
"""Every caption, ``photo`` last."""


def find_caption(text: str) -> Caption:
    """Return the caption that reads `text`.

    Raises:
        KeyError: there is no such caption.
    """
    return {caption.text: caption for caption in CAPTIONS}[text]
