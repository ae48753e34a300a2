"""What the exports for other programs have in common: the style, and where it goes."""

from pathlib import Path

from rtstyle.gallery.find import load_style
from rtstyle.style_file import Style, graph_sha256, with_card
from rtstyle.twins import with_precision
from rtstyle.user_files import write_whole
from rtstyle_export.errors import ExportError

VARIANT_OF = "variant_of_sha256"
"""Key, in the card of a variant, of `graph_sha256` of what it was made from."""


def style_to_export(source: Path, precision: str) -> Style:
    """Return the style, or the twin of it, that another program is to run.

    Args:
        source: A style file, the name of a style, or a painting.
        precision: ``fp32``, ``int8`` or ``fp16``.

    Raises:
        StyleFileError: It cannot be read, or has no such twin.
        ExportError: It wants more inputs than the frame.
    """
    style = load_style(source)
    if style.card.get("precision", "fp32") != precision:
        style = with_precision(style, precision)
    if inputs := style.card.get("inputs"):
        raise ExportError(
            f"{style.name}: expected a style whose only input is the frame, got "
            f"{', '.join(inputs)} too; export one painting's style instead"
        )
    return style


def with_variant_card(data: bytes, style: Style, layout: str) -> bytes:
    """Return the graph `data` with the card of `style`, its layout, and its origin."""
    facts = {VARIANT_OF: graph_sha256(style.model), "layout": layout}
    return with_card(data, {**style.card, **facts})


def refuse_existing(path: Path, *, overwrite: bool) -> None:
    """Raise `ExportError` unless something may be written at `path`."""
    if path.exists() and not overwrite:
        raise ExportError(f"{path}: exists already; use --overwrite to replace it")


def write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, and its folder.

    Raises:
        ExportError: It cannot be written.
    """
    try:
        write_whole(path, data)
    except OSError as error:
        raise ExportError(f"{path}: cannot be written ({error.strerror})") from error
