"""Puts what was measured into a style file's card."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rtstyle.errors import StyleFileError
from rtstyle.style_file import read_style, with_card
from rtstyle.user_files import write_whole

QUALITY = "quality"
"""Key of the figures in a card."""


def write_quality(style_file: Path, figures: Mapping[str, Any]) -> None:
    """Replace the card's figures; the file is whole at every moment.

    Args:
        style_file: A style file.
        figures: What JSON can hold; a number that is not finite becomes null.

    Raises:
        StyleFileError: it is no style file, or cannot be written.
    """
    style = read_style(style_file)
    card = style.card | {QUALITY: plain(figures)}
    try:
        write_whole(style_file, with_card(style.model, card))
    except OSError as error:
        raise StyleFileError(
            f"{style_file}: cannot be written ({error.strerror})"
        ) from error


def plain(value: Any) -> Any:
    """Return `value` with every number rounded to 4 places, or None if not finite."""
    if isinstance(value, Mapping):
        return {str(name): plain(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, float):
        return round(value, 4) if math.isfinite(value) else None
    return value
