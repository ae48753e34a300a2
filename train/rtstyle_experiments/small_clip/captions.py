"""What the small CLIP can be told about: every caption, and how to draw it."""

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
"""RGB of each colour's middle."""
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
"""What is drawn in the colour."""
PHOTO = "photo"
"""Caption of an unstylized picture."""


@dataclass(frozen=True, slots=True)
class Caption:
    """One thing that a picture can show."""

    text: str
    """As a prompt has it."""
    colour: str | None
    """Key of `COLOURS`; None for a photo."""
    pattern: str | None
    """One of `PATTERNS`; None for a photo."""
    paper: bool = False
    """Whether the pattern stands on paper instead of on anything."""


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
        KeyError: there is none.
    """
    return {caption.text: caption for caption in CAPTIONS}[text]
