"""The bundled styles, those a user added, and how a name becomes a style."""

import difflib
import logging
from pathlib import Path
from typing import Any

from rtstyle.errors import StyleFileError, UsageError
from rtstyle.paintings import is_painting, load_painting
from rtstyle.paintings.modulation_file import FOLDER, SUFFIX, is_modulation
from rtstyle.paintings.network import network_folder
from rtstyle.style_file import Style, bundled_folder, read_style
from rtstyle.style_trial import read_to_run
from rtstyle.twins import TWINS, existing_twin_path, expected_twin_path, is_twin
from rtstyle.untrusted.names import RULE, is_style_name
from rtstyle.user_files import data_folder, write_whole
from rtstyle_streams.frame import Pixels

log = logging.getLogger(__name__)

DEFAULT_STYLE = "starry_night"
"""What is used when no style is named, and what lists begin with."""


def user_folder() -> Path:
    """Return the folder of the styles that this user added; it may not exist."""
    return data_folder() / "styles"


def style_files() -> dict[str, Path]:
    """Return all styles that have a name, the default first; bundled ones win."""
    found: dict[str, Path] = {}
    for path in _gallery_paths():
        if is_style_name(path.stem):
            found.setdefault(path.stem, path)
    names = sorted(found, key=lambda name: name != DEFAULT_STYLE)
    return {name: found[name] for name in names}


def _gallery_paths() -> list[Path]:
    """Return the files of the gallery but for twins, bundled ones first."""
    paths: list[Path] = []
    kinds = (
        (bundled_folder(), ".onnx"),
        (network_folder() / FOLDER, SUFFIX),
        (user_folder(), ".onnx"),
    )
    for folder, suffix in kinds:
        try:
            found = [path for path in folder.iterdir() if path.suffix == suffix]
        except OSError:  # it is not there, or another program changes it
            continue
        found = [path for path in found if Path(path.stem).suffix[1:] not in TWINS]
        paths += sorted(found, key=lambda path: path.stem)
    return paths


def names_painting(name_or_path: str | Path) -> bool:
    """Tell whether `load_style` finds a painting, or one's modulation, by this name."""
    found = style_files().get(str(name_or_path))
    if found is not None:
        return is_modulation(found)
    path = Path(name_or_path).expanduser()
    return is_painting(path) or (is_modulation(path) and path.is_file())


def read_named(path: Path) -> Style:
    """Read a file of the gallery: a style file, or a modulation folded in.

    Raises:
        StyleFileError: it is missing, broken, or no style.
    """
    return load_painting(path) if is_modulation(path) else read_style(path)


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
        style_strength: For paintings and modulations: 1 (or None) is the painting's
            style, 0 leaves `content` nearly as it is, up to 1.5 is bolder.
        match_colors: For paintings: whether they are given the colours of `content`.
        content: For paintings: a frame of what is to be stylized, RGB, shape
            ``(H, W, 3)``, uint8; None is an average photograph.

    Raises:
        StyleFileError: there is none of that name (the nearest are offered), or the
            file is no style file and no picture.
        UsageError: a control of paintings was given for another style.
    """
    text, files = str(name_or_path), style_files()
    path = files.get(text, Path(text).expanduser())
    if names_painting(text):
        strength = 1.0 if style_strength is None else style_strength
        return load_painting(
            path, strength=strength, match_colors=match_colors, content=content
        )
    if style_strength is not None or match_colors:
        raise UsageError(
            f"style {text}: expected a painting for style strength and matched "
            "colours, got a fixed style; use strength and keep-colors"
        )
    if path.suffix == ".onnx" or path.exists():
        return read_to_run(path)
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
    for path in _gallery_paths():
        if not is_style_name(path.stem):
            log.warning("%s: expected %s", path, RULE)
    for name, path in style_files().items():
        card = _card_or_none(path)
        if card is not None and not card.get("inputs"):  # others want more
            cards.append(card | {"name": name})
    return cards


def styles_by_group() -> dict[str, list[dict[str, Any]]]:
    """Return the cards of `list_styles` under a title for people each.

    Bundled styles after painters, bundled ones after drawings, then the user's own.
    """
    groups: dict[str, list[dict[str, Any]]] = {}
    files = style_files()
    for card in list_styles():
        path = files.get(card["name"])
        is_own = path is not None and path.parent == user_folder()
        group = "drawings" if not card.get("artist") else "paintings"
        groups.setdefault("yours" if is_own else group, []).append(card)
    order = ("paintings", "drawings", "yours")
    return {name: groups[name] for name in order if name in groups}


def twin_card(name: str, precision: str) -> dict[str, Any] | None:
    """Return the card of the twin of a named style, None where there is none.

    Args:
        name: As `list_styles` gives it.
        precision: Of the twin, ``int8`` or ``fp16``.
    """
    path = style_files().get(name)
    try:
        if path is None or is_modulation(path):
            return None
        twin = _own_twin(read_style(path), precision)
    except StyleFileError:  # `list_styles` has said it, or it was just removed
        return None
    return None if twin is None else twin.card


def _card_or_none(path: Path) -> dict[str, Any] | None:
    """Return a card; of a broken file say so, of one that was just removed nothing."""
    try:
        return read_named(path).card
    except StyleFileError as error:
        if not isinstance(error.__cause__, FileNotFoundError):
            log.warning("%s", error)
        return None


def add_style(path: Path, *, overwrite: bool = False) -> Style:
    """Copy a style file into the user's gallery, under the name on its card.

    A painting or a modulation becomes a style file there. Twins beside a style file go
    with it; those of what it replaces are removed.

    Raises:
        StyleFileError: it is neither, or its name is taken.
    """
    folds = is_painting(path) or is_modulation(path)
    style = load_painting(path) if folds else read_to_run(path)
    target = user_folder() / f"{style.name}.onnx"
    found = style_files().get(style.name)
    may_replace = overwrite and found in (None, target)
    if found is not None and not may_replace:
        raise _taken(style.name)
    try:
        _write(target, style.model, overwrite=may_replace)
    except FileExistsError:
        raise _taken(style.name) from None
    for precision in TWINS:
        if (twin := _own_twin(style, precision)) is not None:
            twin_path = expected_twin_path(target, precision)
            _write(twin_path, twin.model, overwrite=True)
        else:
            expected_twin_path(target, precision).unlink(missing_ok=True)
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
    for each in (path, *(expected_twin_path(path, precision) for precision in TWINS)):
        try:
            each.unlink(missing_ok=True)
        except OSError as error:
            raise StyleFileError(
                f"{each}: cannot be removed ({error.strerror})"
            ) from error


def _own_twin(style: Style, precision: str) -> Style | None:
    """Return the twin beside a style if it is one of it and can be read."""
    twin = existing_twin_path(style, precision)
    if twin is None:
        return None
    try:
        found = read_style(twin)
    except StyleFileError as error:
        log.warning("%s", error)
        return None
    return found if is_twin(style, found) else None


def _taken(name: str) -> StyleFileError:
    return StyleFileError(
        f"style {name!r}: there is one already; "
        "use --overwrite, or export yours with another --name"
    )


def _write(target: Path, data: bytes, *, overwrite: bool) -> None:
    """Write a file, whole or not at all, whoever else is writing it.

    Raises:
        FileExistsError: there is one, and `overwrite` is False; of several processes
            that write it at once, one wins.
        StyleFileError: it cannot be written.
    """
    try:
        write_whole(target, data, overwrite=overwrite)
    except FileExistsError:
        if target.parent.is_dir():
            raise
        raise StyleFileError(
            f"{target.parent}: expected a folder, got a file"
        ) from None
    except OSError as error:
        raise StyleFileError(
            f"{target}: cannot be written ({error.strerror})"
        ) from error
