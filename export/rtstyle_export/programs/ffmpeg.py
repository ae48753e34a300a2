"""`rtstyle export STYLE --to ffmpeg`: a style for FFmpeg's and mpv's own filter."""

import shlex
from pathlib import Path

import numpy as np

from rtstyle.runtime import open_session
from rtstyle.style_file import FRAME_INPUT, FRAME_OUTPUT
from rtstyle_export.errors import ExportError
from rtstyle_export.programs.planar_graph import INPUT, OUTPUT, planar_graph
from rtstyle_export.programs.targets import (
    refuse_existing,
    style_to_export,
    with_variant_card,
    write,
)

LAYOUT = "float32 [1, 3, H, W], RGB, 0..1"
"""Of the input and the output, for the card."""
SIZES = ((16, 16), (57, 41), (64, 88))
"""Heights and widths at which both graphs are compared."""
TOLERANCE = 1
"""Levels of 255 by which any value may differ."""
LEAST_FFMPEG = 9
"""First version whose filter runs ONNX files."""


def export_ffmpeg(
    source: Path,
    target: Path | None = None,
    *,
    precision: str = "fp32",
    overwrite: bool = False,
) -> Path:
    """Write the variant of a style that FFmpeg's filter ``dnn_processing`` takes.

    Args:
        source: A style file, the name of a style, or a painting.
        target: Where it goes; None is ``NAME.ffmpeg.onnx`` in the current folder.
        precision: ``fp32``, ``int8`` or ``fp16``: which twin is taken.
        overwrite: Whether `target` may exist.

    Returns:
        Where it is.

    Raises:
        ExportError: It is not faithful, exists already, or cannot be written.
        StyleFileError: There is no such style or twin.
    """
    style = style_to_export(source, precision)
    path = target or Path(f"{style.name}.ffmpeg.onnx")
    refuse_existing(path, overwrite=overwrite)
    data = planar_graph(style.model)
    if (largest := largest_difference(style.model, data)) > TOLERANCE:
        raise ExportError(
            f"{style.name}: expected at most {TOLERANCE} of 255 between the style and "
            f"its variant for FFmpeg, got {largest}; nothing was written"
        )
    write(path, with_variant_card(data, style, LAYOUT))
    return path


def largest_difference(model: bytes, variant: bytes) -> int:
    """Return how far a variant is from its style, in levels of 255.

    Args:
        model: A serialised style graph.
        variant: What `planar_graph` made of it.
    """
    random = np.random.default_rng(0)
    first = open_session(model, device="cpu", runtime="onnxruntime")
    second = open_session(variant, device="cpu", runtime="onnxruntime")
    largest = 0
    for size in SIZES:
        frame = random.integers(0, 256, (*size, 3), np.uint8)
        wanted = first.run({FRAME_INPUT: frame})[FRAME_OUTPUT].astype(np.int16)
        planes = frame.transpose(2, 0, 1)[None].astype(np.float32) / 255.0
        made = np.rint(second.run({INPUT: planes})[OUTPUT][0] * 255.0)
        got = made.transpose(1, 2, 0).astype(np.int16)
        largest = max(largest, int(np.abs(got - wanted).max()))
    first.close()
    second.close()
    return largest


def ffmpeg_command(path: Path) -> str:
    """Return the line that stylizes a film in FFmpeg."""
    words = ["ffmpeg", "-i", "in.mp4", "-vf", filter_graph(path), "-c:a", "copy"]
    return shlex.join([*words, "-pix_fmt", "yuv420p", "out.mp4"])


def mpv_command(path: Path) -> str:
    """Return the line that plays a film stylized in mpv."""
    graph = filter_graph(path)
    # brackets end at the first that closes; a counted text ends where it says
    is_plain = not set("[]") & set(graph)
    text = f"[{graph}]" if is_plain else f"%{len(graph.encode())}%{graph}"
    return shlex.join(["mpv", f"--vf=lavfi={text}", "in.mp4"])


def filter_graph(path: Path) -> str:
    """Return FFmpeg's filters; the path is escaped for the option and for the graph."""
    name = str(path)
    for special in ("\\':", "\\'[],;"):
        name = "".join(f"\\{c}" if c in special else c for c in name)
    return f"format=rgb24,dnn_processing=dnn_backend=onnx:model={name}"
