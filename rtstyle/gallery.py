"""The bundled styles, and how a name becomes a style."""

import difflib
import json
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from rtstyle.errors import StyleFileError
from rtstyle.style_file import Style, read_style

DEFAULT_STYLE = "starry_night"
"""What is used when no style is named, and what lists begin with."""


def bundled_folder() -> Path:
    """Return the folder of the bundled style files."""
    return Path(str(resources.files("rtstyle") / "styles"))


@cache
def bundled_names() -> tuple[str, ...]:
    """Return the names of all bundled styles, the default first."""
    names = sorted(path.stem for path in bundled_folder().glob("*.onnx"))
    names = [name for name in names if not name.endswith(".int8")]
    return tuple(sorted(names, key=lambda name: name != DEFAULT_STYLE))


def load_style(name_or_path: str | Path) -> Style:
    """Find a style by its name in the gallery or by its file.

    Args:
        name_or_path: ``starry_night``, or the path of an ``.onnx`` file.

    Raises:
        StyleFileError: there is none of that name (the nearest are offered), or the
            file is no style file.
    """
    text = str(name_or_path)
    if text in bundled_names():
        return read_style(bundled_folder() / f"{text}.onnx")
    path = Path(text).expanduser()
    if path.suffix == ".onnx" or path.exists():
        return read_style(path)
    near = difflib.get_close_matches(text, bundled_names(), n=3, cutoff=0.4)
    offer = f"did you mean {' or '.join(near)}? " if near else ""
    raise StyleFileError(
        f"style {text!r}: no bundled style and no file of that name; {offer}"
        "rtstyle styles lists what there is"
    )


def list_styles() -> list[dict[str, Any]]:
    """Return the cards of all bundled styles, the default first."""
    return [load_style(name).card for name in bundled_names()]


def card_text(card: dict[str, Any]) -> str:
    """Return a card as indented JSON."""
    return json.dumps(card, indent=2, ensure_ascii=False, sort_keys=True)
