"""Write the int8 and fp16 twins of a style (`rtstyle export STYLE.onnx`)."""

from pathlib import Path

from rtstyle.gallery.find import load_style, names_painting
from rtstyle.twins import expected_twin_path
from rtstyle_export.errors import ExportError
from rtstyle_export.style_writer import check_target, write_style


def export_twin(
    style_path: Path,
    twin_path: Path | None,
    *,
    precision: str,
    calibration: Path | None,
    overwrite: bool = False,
) -> Path:
    """Write a style's int8 or fp16 twin, if its pictures are close enough.

    Args:
        style_path: An fp32 style file, or the name of a style.
        twin_path: Where the twin goes; None is ``NAME.int8.onnx`` beside the style,
            where the runtime looks for it.
        precision: ``int8`` or ``fp16``.
        calibration: Folder of photographs, for the ranges and for the comparison.
        overwrite: Whether the twin may exist.

    Returns:
        Where the twin is.

    Raises:
        ExportError: `style_path` is a painting, there are no photographs, or the twin
            differs too much.
    """
    from rtstyle_export.int8.quantize import quantize_style, read_photos
    from rtstyle_export.to_fp16 import fp16_style

    if names_painting(style_path):
        raise ExportError(
            f"{style_path}: expected a style file, got a painting; rtstyle styles add "
            "makes one of it"
        )
    style = load_style(style_path)
    assert style.path is not None
    target = twin_path or expected_twin_path(style.path, precision)
    check_target(target, overwrite=overwrite)
    if calibration is None:
        raise ExportError(
            f"--{precision}: expected photographs to compare on, got none; "
            "name a folder with --calibration DIR"
        )
    photos = read_photos(calibration)
    make = quantize_style if precision == "int8" else fp16_style
    write_style(target, make(style, photos), overwrite=overwrite)
    return target
