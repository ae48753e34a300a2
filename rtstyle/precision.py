"""Which numbers a style runs in, and the twins beside a style."""

from pathlib import Path

from rtstyle.errors import StyleFileError, UsageError
from rtstyle.style_file import Style, read_style

PRECISIONS = ("auto", "fp32", "int8", "bf16", "fp16")
"""What `--precision` takes. bf16 is OpenVINO's on a CPU, fp16 is for a GPU."""
TWINS = ("int8", "fp16")
"""Precisions that need a file of their own, ``NAME.int8.onnx`` beside ``NAME.onnx``."""


def with_precision(style: Style, precision: str, *, device: str = "cpu") -> Style:
    """Return the style file that `precision` asks for: `style` or a twin of it.

    Args:
        style: As loaded.
        precision: One of `PRECISIONS`; ``auto`` takes the int8 twin on a CPU if there
            is one: it is only written when it is near enough to its style.
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
        is_slow = device == "cpu" and own == "fp32"
        twin = twin_path(style, "int8") if is_slow else None
        return style if twin is None else read_style(twin)
    if own in TWINS and precision != own:
        raise StyleFileError(
            f"{style.name}: expected a style in fp32 for --precision {precision}, got "
            f"its {own} twin; name the style file without .{own}"
        )
    if precision not in TWINS or own == precision:
        return style
    twin = twin_path(style, precision)
    if twin is None:
        raise StyleFileError(
            f"{style.name}: expected {style.name}.{precision}.onnx beside the style, "
            f"got none; make it with rtstyle export --{precision}, "
            "or use --precision fp32"
        )
    return read_style(twin)


def twin_path(style: Style, precision: str) -> Path | None:
    """Return where the twin of `style` is, or None when there is none."""
    if style.path is None:
        return None
    twin = style.path.with_name(f"{style.path.stem}.{precision}.onnx")
    return twin if twin.is_file() else None
