"""The bundled styles, those a user added, and how a name becomes a style."""

import difflib
import json
import logging
import os
from importlib import resources
from pathlib import Path
from typing import Any

import platformdirs

from rtstyle.arbitrary import is_painting, load_painting
from rtstyle.errors import StyleFileError, UsageError
from rtstyle.precision import TWINS, is_twin, twin_path, twin_place
from rtstyle.style_file import Style, read_style
from rtstyle_streams.frame import Pixels

log = logging.getLogger(__name__)

DEFAULT_STYLE = "starry_night"
"""What is used when no style is named, and what lists begin with."""


def bundled_folder() -> Path:
    """Return the folder of the bundled style files."""
    return Path(str(resources.files("rtstyle") / "styles"))


def user_folder() -> Path:
    """Return the folder of the styles that this user added; it may not exist."""
    return Path(platformdirs.user_data_dir("rtstyle")) / "styles"


def style_files() -> dict[str, Path]:
    """Return all styles that have a name, the default first; bundled ones win."""
    found: dict[str, Path] = {}
    for folder in (bundled_folder(), user_folder()):
        paths = sorted(folder.glob("*.onnx"), key=lambda path: path.stem)
        for path in paths:
            if "." not in path.stem:  # NAME.int8.onnx is a twin, not a style
                found.setdefault(path.stem, path)
    names = sorted(found, key=lambda name: name != DEFAULT_STYLE)
    return {name: found[name] for name in names}


def names_painting(name_or_path: str | Path) -> bool:
    """Tell whether `load_style` would read a painting under this name."""
    path = Path(name_or_path).expanduser()
    return is_painting(path) and str(name_or_path) not in style_files()


def load_style(
    name_or_path: str | Path,
    *,
    style_strength: float | None = None,
    match_colors: bool = False,
    content: Pixels | None = None,
) -> Style:
    """Find a style by its name in the gallery, by its file, or make it of a painting.

    Args:
        name_or_path: ``starry_night``, or the path of an ``.onnx`` file or a picture.
        style_strength: For paintings: 1 (or None) is the painting's style, 0 leaves
            `content` nearly as it is, up to 1.5 is bolder.
        match_colors: For paintings: whether they are given the colours of `content`.
        content: For paintings: a frame of what is to be stylized, RGB, shape
            ``(H, W, 3)``, uint8; None is an average photograph.

    Raises:
        StyleFileError: there is none of that name (the nearest are offered), or the
            file is no style file and no picture.
        UsageError: a control of paintings was given for another style.
    """
    text, files = str(name_or_path), style_files()
    path = Path(text).expanduser()
    if text not in files and is_painting(path):
        strength = 1.0 if style_strength is None else style_strength
        return load_painting(
            path, strength=strength, match_colors=match_colors, content=content
        )
    if style_strength is not None or match_colors:
        raise UsageError(
            f"style {text}: expected a painting for style strength and matched "
            "colours, got a fixed style; use strength and keep-colors"
        )
    if text in files:
        return read_style(files[text])
    if path.suffix == ".onnx" or path.exists():
        return read_style(path)
    near = difflib.get_close_matches(text, files, n=3, cutoff=0.4)
    offer = f"did you mean {' or '.join(near)}? " if near else ""
    raise StyleFileError(
        f"style {text!r}: no style and no file of that name; {offer}"
        "rtstyle styles lists what there is"
    )


def list_styles() -> list[dict[str, Any]]:
    """Return the cards of all named styles that can be read, the default first.

    A card's ``name`` is what `load_style` takes.
    """
    cards = []
    for name, path in style_files().items():
        try:
            card = read_style(path).card
            if not card.get("inputs"):  # others want more than a frame
                cards.append(card | {"name": name})
        except StyleFileError as error:
            log.warning("%s", error)
    return cards


def twin_card(name: str, precision: str) -> dict[str, Any] | None:
    """Return the card of the twin of a named style, None where there is none.

    Args:
        name: As `list_styles` gives it.
        precision: Of the twin, ``int8`` or ``fp16``.
    """
    twin = _own_twin(load_style(name), precision)
    return None if twin is None else twin.card


def add_style(path: Path, *, overwrite: bool = False) -> Style:
    """Copy a style file into the user's gallery, under the name on its card.

    A painting becomes a style file there, named after it. Twins beside a style file go
    with it; those of what it replaces are removed.

    Raises:
        StyleFileError: it is neither, or its name is taken.
    """
    style = load_painting(path) if is_painting(path) else read_style(path)
    if not style.name.replace("_", "").replace("-", "").isalnum():
        raise StyleFileError(
            f"{path}: expected a name of letters, digits, - and _, got {style.name!r}"
        )
    target = user_folder() / f"{style.name}.onnx"
    taken = style_files().get(style.name)
    if taken is not None and not (overwrite and taken == target):
        raise StyleFileError(
            f"style {style.name!r}: there is one already; "
            "use --overwrite, or export yours with another --name"
        )
    _write(target, style.model)
    for precision in TWINS:
        if (twin := _own_twin(style, precision)) is not None:
            _write(twin_place(target, precision), twin.model)
        else:
            twin_place(target, precision).unlink(missing_ok=True)
    return style


def remove_style(name: str) -> None:
    """Remove a style that the user added, and its twins.

    Raises:
        StyleFileError: there is none of that name, or it is a bundled one.
    """
    path = style_files().get(name)
    if path is None or path.parent != user_folder():
        kind = "a bundled one" if path else "none of that name"
        raise StyleFileError(f"style {name!r}: expected one that you added, got {kind}")
    path.unlink()
    for precision in TWINS:
        twin_place(path, precision).unlink(missing_ok=True)


def card_text(card: dict[str, Any]) -> str:
    """Return a card as indented JSON."""
    return json.dumps(card, indent=2, ensure_ascii=False, sort_keys=True)


def _own_twin(style: Style, precision: str) -> Style | None:
    """Return the twin beside a style if it is one of it and can be read."""
    twin = twin_path(style, precision)
    if twin is None:
        return None
    try:
        found = read_style(twin)
    except StyleFileError as error:
        log.warning("%s", error)
        return None
    return found if is_twin(style, found) else None


def _write(target: Path, data: bytes) -> None:
    """Write a file of the user's gallery, whole or not at all."""
    part = target.with_suffix(".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(data)
        os.replace(part, target)
    except OSError as error:
        raise StyleFileError(
            f"{target}: cannot be written ({error.strerror})"
        ) from error
    finally:
        part.unlink(missing_ok=True)
