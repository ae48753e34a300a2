"""What a look's file means for the options of a command."""

import hashlib
import logging
from pathlib import Path
from typing import Any

from rtstyle.errors import UsageError
from rtstyle.looks.look_file import LookFile, LookStyle, read_look_file

log = logging.getLogger(__name__)


def defaults_of_look(path: Path, *, known: set[str]) -> dict[str, Any]:
    """Return defaults for the options of a command by their names.

    Args:
        path: A look, as the studio saves it.
        known: Names of the parameters that the command has.

    Raises:
        UsageError: it is no look, or names a style that is not here.
    """
    look = read_look_file(path)
    controls = dict(look.controls)
    if controls.get("style_strength") == 1.0:  # which only paintings take
        del controls["style_strength"]
    defaults: dict[str, Any] = {k: v for k, v in controls.items() if k in known}
    if look.styles:
        text = style_text(look, where=path)
        defaults |= {"styles": [text]} if "styles" in known else {"style": text}
    return defaults


def style_text(look: LookFile, *, where: Path) -> str:
    """Return what `--style` would say; paintings are looked for beside the look.

    Raises:
        UsageError: a style is not here.
    """
    names = [_found(style, where=where) for style in look.styles]
    if len(names) == 1:
        return names[0]
    pairs = zip(names, look.styles, strict=True)
    return ",".join(f"{name}:{style.weight:g}" for name, style in pairs)


def _found(style: LookStyle, *, where: Path) -> str:
    """Return a style's name or path here, and say when it is another version."""
    from rtstyle.gallery.find import read_named, style_files
    from rtstyle.style_file import graph_sha256

    files = style_files()
    if style.name in files:
        named = read_named(files[style.name]).model if style.sha256 else b""
        digest = graph_sha256(named) if style.sha256 else ""
        if digest != style.sha256:
            log.warning("%s: made with another version of %s", where, style.name)
        return style.name
    for path in (Path(style.name).expanduser(), where.parent / Path(style.name).name):
        if path.is_file():
            data = path.read_bytes()
            if style.sha256 and hashlib.sha256(data).hexdigest() != style.sha256:
                log.warning("%s: made with another file than %s", where, path)
            return str(path)
    raise UsageError(
        f"{where}: expected the style {style.name}, found none of that name and no "
        f"such file beside the look; put it there, or name another with --style"
    )
