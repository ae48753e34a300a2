"""Which numbers a style runs in, and the twins beside a style."""

import logging
from pathlib import Path

from rtstyle.choices import PRECISIONS
from rtstyle.errors import StyleFileError, UsageError
from rtstyle.paintings.int8_network import int8_style
from rtstyle.paintings.live_network import reads_modulation
from rtstyle.style_file import Style, graph_sha256
from rtstyle.style_trial import read_to_run

log = logging.getLogger(__name__)

TWINS = ("int8", "fp16")
"""Precisions that need a file of their own, ``NAME.int8.onnx`` beside ``NAME.onnx``."""
TWIN_OF = "twin_of_sha256"
"""Key, in the card of a twin, of `graph_sha256` of the style that it was made from."""


def with_precision(style: Style, precision: str, *, device: str = "cpu") -> Style:
    """Return the style file that `precision` asks for: `style` or a twin of it.

    The int8 twin of a painting's style is made here, in well under a second.

    Args:
        style: As loaded.
        precision: One of `PRECISIONS`; ``auto`` takes the int8 twin on a CPU if there
            is one: it is only written when it is near enough to its style.
        device: As `resolve_device` returns it.

    Raises:
        UsageError: no such precision.
        StyleFileError: there is no twin, or the style is itself one and another
            precision is asked for.
    """
    if precision not in PRECISIONS:
        raise UsageError(
            f"precision: expected one of {', '.join(PRECISIONS)}, got {precision!r}"
        )
    own = str(style.card.get("precision", "fp32"))
    if precision == "auto":
        is_slow = device == "cpu" and own == "fp32"
        if is_slow and is_folded_painting(style):
            return _quick_painting(style)
        twin = existing_twin_path(style, "int8") if is_slow else None
        if twin is None:
            return style
        found = read_to_run(twin)
        if is_twin(style, found):
            return found
        log.warning("%s: is of another version of the style; left alone", twin.name)
        return style
    if own in TWINS and precision != own:
        raise StyleFileError(
            f"{style.name}: expected a style in fp32 for --precision {precision}, got "
            f"its {own} twin; name the style file without .{own}"
        )
    if precision not in TWINS or own == precision:
        return style
    if precision == "int8" and style.modulation is not None:
        if not is_folded_painting(style):
            raise UsageError(
                f"{style.name}: expected --precision auto or fp32 for paintings that "
                "change while they run, got int8"
            )
        return int8_style(style)
    twin = existing_twin_path(style, precision)
    if twin is None:
        raise StyleFileError(
            f"{style.name}: expected {style.name}.{precision}.onnx beside the style, "
            f"got none; make it with rtstyle export --{precision}, "
            "or use --precision fp32"
        )
    found = read_to_run(twin)
    if not is_twin(style, found):
        raise StyleFileError(
            f"{twin.name}: expected a twin of this version of {style.name}, got one of "
            f"another; make it again with rtstyle export --{precision}"
        )
    return found


def is_folded_painting(style: Style) -> bool:
    """Tell whether `style` is a painting's, with its modulation in the weights."""
    return style.modulation is not None and not reads_modulation(style)


def _quick_painting(style: Style) -> Style:
    """Return a painting's int8 twin; the style itself where there is no good one."""
    try:
        return int8_style(style)
    except StyleFileError as error:
        log.info("%s: runs in fp32, as no int8 form is near enough", style.title)
        log.debug("%s", error)
        return style


def is_twin(style: Style, twin: Style) -> bool:
    """Tell whether `twin` was made from this very version of `style`.

    Twins of older versions do not name the graph that they were made from; they go by
    how it was trained, which is the same for all paintings of one network.
    """
    if TWIN_OF in twin.card:
        return bool(twin.card[TWIN_OF] == graph_sha256(style.model))
    cards = (style.card, twin.card)
    pairs = [[card.get(key) for card in cards] for key in ("recipe", "trained")]
    is_like = all(ours is not None and ours == theirs for ours, theirs in pairs)
    return is_like and style.kind != "adain"


def existing_twin_path(style: Style, precision: str) -> Path | None:
    """Return where the twin of `style` is, or None when there is none."""
    if style.path is None:
        return None
    twin = expected_twin_path(style.path, precision)
    return twin if twin.is_file() else None


def expected_twin_path(style_path: Path, precision: str) -> Path:
    """Return where the twin of the style in a file belongs."""
    return style_path.with_name(f"{style_path.stem}.{precision}.onnx")
