"""Which numbers a style runs in, and the int8 twin beside a style."""

from pathlib import Path

from rtstyle.errors import StyleFileError, UsageError
from rtstyle.style_file import Style, read_style

PRECISIONS = ("auto", "fp32", "int8", "bf16", "fp16")
"""What `--precision` takes. bf16 is OpenVINO's on a CPU, fp16 that of a GPU."""
TWIN_SUFFIX = ".int8.onnx"
"""What the name of a style's int8 twin ends in."""


def with_precision(style: Style, precision: str, *, device: str = "cpu") -> Style:
    """Return the style file that `precision` asks for: `style` or its int8 twin.

    Args:
        style: As loaded.
        precision: One of `PRECISIONS`; ``auto`` takes the twin on a CPU if there is
            one: a twin is only written when it is near enough to its style.
        device: ``cpu`` or ``cuda:N``.

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
        twin = twin_path(style)
        wanted = device == "cpu" and own == "fp32" and twin is not None
        return read_style(twin) if wanted and twin is not None else style
    if own == "int8" and precision != "int8":
        raise StyleFileError(
            f"{style.name}: expected a style in fp32 for --precision {precision}, got "
            "its int8 twin; name the style file without .int8"
        )
    if precision != "int8" or own == "int8":
        return style
    twin = twin_path(style)
    if twin is None:
        raise StyleFileError(
            f"{style.name}: expected {style.name}{TWIN_SUFFIX} beside the style, got "
            "none; make it with rtstyle export --int8, or use --precision fp32"
        )
    return read_style(twin)


def twin_path(style: Style) -> Path | None:
    """Return where the int8 twin of `style` is, or None when there is none."""
    if style.path is None:
        return None
    twin = style.path.with_name(style.path.stem + TWIN_SUFFIX)
    return twin if twin.is_file() else None
