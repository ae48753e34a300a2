"""`rtstyle import`: ONNX networks of others become style files.

Theirs take a float batch, of one size or of any, and count colours in levels of their
own; a style file takes and gives raw frames. The graph between is built here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from onnx import TensorProto, compose, version_converter

from rtstyle.errors import StyleFileError
from rtstyle.runtime.onnxruntime import OrtSession
from rtstyle.style_file import CARD_KEY, CARD_VERSION, with_card
from rtstyle.style_trial import check_by_trial
from rtstyle.untrusted.graph import LARGEST_FILE, check_graph, parse_model
from rtstyle.untrusted.names import style_name
from rtstyle_export.around import LEVELS, around
from rtstyle_export.errors import ExportError
from rtstyle_export.parity import parity_frame
from rtstyle_export.style_writer import check_target, write_style
from rtstyle_export.to_onnx import OPSET, SMALLEST

PREFIX: Final = "network/"
"""Before all names of the network's own, so that ours are free."""
MULTIPLES: Final = (1, 4, 8, 16, 32)
"""What height and width may have to be multiples of; the least that works is taken."""
TRIED: Final = ((64, 96), (96, 160))
"""Heights and widths of tests of a network for any size; multiples of all of those."""
ODD: Final = (37, 51)
"""Height and width of no multiple."""


@dataclass(frozen=True, slots=True)
class Ends:
    """What goes into a network and out of it."""

    given: str
    """Name of the input, ``(1, 3, H, W)`` or ``(1, H, W, 3)``."""
    made: str
    """Name of the output."""
    is_half: bool
    """Whether it counts in float16."""
    channels_last: bool
    """Whether it is ``(1, H, W, 3)``."""
    size: tuple[int, int] | None
    """Height and width that it takes; None is any."""


def import_onnx(
    source: Path,
    style_path: Path,
    *,
    title: str | None = None,
    levels: str = "auto",
    overwrite: bool = False,
) -> list[str]:
    """Write the style file of an ONNX network, such as those of the ONNX model zoo.

    Args:
        source: One float input of three colours, one output like it.
        style_path: Where the style file goes.
        title: Of the card; None takes the file's name.
        levels: One of `LEVELS`, how the network counts colours; ``auto`` looks at what
            it makes.
        overwrite: Whether `style_path` may exist.

    Returns:
        Lines about what was found, for people.

    Raises:
        ExportError: it is no such network, or does not run.
        StyleFileError: it is no ONNX file, or one that may not be run.
    """
    check_target(style_path, overwrite=overwrite)
    model = read_network(source)
    ends = ends_of(model, where=str(source))
    free = None if ends.size is None else _freed(model, ends)
    if free is not None:
        model, ends = free
    if levels == "auto":
        levels = _levels(model, ends, where=str(source))
    multiple = 1 if ends.size else _multiple(model, ends, levels, where=str(source))
    data = _style(model, ends, levels, multiple)
    check_by_trial(data, where=str(source))
    card = {
        "version": CARD_VERSION,
        "name": style_name(style_path.stem),
        "title": title or source.stem.replace("_", " "),
        "kind": "image",
        "network": {"kind": "onnx", "levels": levels, "size": ends.size},
        "origin": f"imported from {source.name}",
        "opset": OPSET,
        "precision": "fp32",
        "inputs": {},
        "smallest_size": SMALLEST,
    }
    write_style(style_path, with_card(data, card), overwrite=overwrite)
    return _told(ends, levels)


def read_network(source: Path) -> onnx.ModelProto:
    """Read and check an ONNX file of others, in the opset of style files.

    Raises:
        ExportError: it cannot be read, or not be turned into that opset.
        StyleFileError: it is no ONNX file, or one that may not be run.
    """
    try:
        if source.stat().st_size > LARGEST_FILE:
            raise ExportError(
                f"{source}: expected a network of at most {LARGEST_FILE >> 20} MB"
            )
        data = source.read_bytes()
    except OSError as error:
        raise ExportError(f"{source}: cannot be read ({error.strerror})") from error
    model = parse_model(data, where=str(source))
    check_graph(model, where=str(source))
    if any(entry.key == CARD_KEY for entry in model.metadata_props):
        raise ExportError(f"{source}: is a style file already; use it with --style")
    # before ONNX IR 4 every weight is an input too, and may be replaced
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in weights]
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    model.ir_version = max(model.ir_version, 8)
    try:
        converted = version_converter.convert_version(model, OPSET)
    except Exception as error:  # its own classes, and whatever the C++ throws
        text = " ".join(str(error).split())[-160:]
        raise ExportError(
            f"{source}: expected operators that opset {OPSET} has, got some that "
            f"cannot be turned into them ({text})"
        ) from error
    del converted.graph.value_info[:]
    return converted


def ends_of(model: onnx.ModelProto, *, where: str) -> Ends:
    """Return the input and the output of a network.

    Raises:
        ExportError: there are several, or they are no pictures of three colours.
    """
    graph = model.graph
    if len(graph.input) != 1 or len(graph.output) != 1:
        raise ExportError(
            f"{where}: expected one input and one output, got "
            f"{len(graph.input)} and {len(graph.output)}"
        )
    kind = graph.input[0].type.tensor_type
    dims = [dim.dim_value for dim in kind.shape.dim]  # 0 where it is free
    is_float = kind.elem_type in (TensorProto.FLOAT, TensorProto.FLOAT16)
    if not is_float or len(dims) != 4 or dims[0] > 1 or 3 not in (dims[1], dims[3]):
        raise ExportError(
            f"{where}: expected a float input [1, 3, H, W] or [1, H, W, 3], got "
            f"{dims or 'no shape'}; a network for style images too cannot be imported"
        )
    last = dims[1] != 3
    height, width = dims[1:3] if last else dims[2:4]
    return Ends(
        graph.input[0].name,
        graph.output[0].name,
        kind.elem_type == TensorProto.FLOAT16,
        last,
        (height, width) if height > 0 and width > 0 else None,
    )


def _freed(model: onnx.ModelProto, ends: Ends) -> tuple[onnx.ModelProto, Ends] | None:
    """Return the network for any size, if it works so and makes the same pictures."""
    assert ends.size is not None
    free = onnx.ModelProto()
    free.CopyFrom(model)
    for value in (*free.graph.input, *free.graph.output):
        dims = value.type.tensor_type.shape.dim
        for place, name in zip((1, 2) if ends.channels_last else (2, 3), "HW"):  # noqa: B905
            if place < len(dims):
                dims[place].Clear()
                dims[place].dim_param = name
    open_ends = Ends(ends.given, ends.made, ends.is_half, ends.channels_last, None)
    try:
        wanted = _run(model, ends, [ends.size])
        if not np.allclose(wanted[0], _run(free, ends, [ends.size])[0], atol=1e-3):
            return None
        made = _run(free, open_ends, TRIED)
    except ExportError:
        return None
    sizes = [picture.shape[:2] for picture in made]
    return (free, open_ends) if sizes == list(TRIED) else None


def _levels(model: onnx.ModelProto, ends: Ends, *, where: str) -> str:
    """Return how a network counts colours, from what it makes of levels to 255.

    One that ends in a sigmoid or tanh, or in norms, keeps its own range whatever it is
    given; it is taken to want what it makes.
    """
    made = _run(model, ends, [ends.size or TRIED[0]], where=where)[0]
    if not np.isfinite(made).all():
        raise ExportError(f"{where}: expected finite colours out, got NaN or infinity")
    low, high = np.percentile(made, (1, 99))
    if max(-low, high) > 8.0:
        return "255"
    return "-1..1" if low < -0.1 else "1"


def _multiple(model: onnx.ModelProto, ends: Ends, levels: str, *, where: str) -> int:
    """Return what height and width have to be multiples of.

    Raises:
        ExportError: no picture that comes out has the size of that which went in.
    """
    for multiple in MULTIPLES:
        session = OrtSession(_style(model, ends, levels, multiple), device="cpu")
        frame = parity_frame(*ODD)
        try:
            made = session.run({"frame": frame})["stylized"]
        except RuntimeError:
            continue
        finally:
            session.close()
        if made.shape == frame.shape:
            return multiple
    raise ExportError(
        f"{where}: expected a picture out as large as the one in, got another size"
    )


def _style(model: onnx.ModelProto, ends: Ends, levels: str, multiple: int) -> bytes:
    """Return the graph from frame to stylized frame, without a card."""
    network = compose.add_prefix(model, PREFIX)
    return around(
        network,
        given=PREFIX + ends.given,
        made=PREFIX + ends.made,
        is_half=ends.is_half,
        channels_last=ends.channels_last,
        size=ends.size,
        levels=levels,
        multiple=multiple,
    )


def _run(
    model: onnx.ModelProto,
    ends: Ends,
    sizes: Sequence[tuple[int, int]],
    *,
    where: str = "network",
) -> list[np.ndarray[Any, Any]]:
    """Run a network on test pictures of levels to 255; return ``(H, W, 3)`` each."""
    try:
        session = OrtSession(model.SerializeToString(), device="cpu")
        pictures = []
        for height, width in sizes:
            batch = parity_frame(height, width)[None].astype(np.float32)
            if not ends.channels_last:
                batch = batch.transpose(0, 3, 1, 2)
            batch = batch.astype(np.float16 if ends.is_half else np.float32)
            made = session.run({ends.given: batch})[ends.made]
            if made.ndim != 4 or made.shape[0] != 1:
                raise ExportError(
                    f"{where}: expected a batch of one picture out, got {made.shape}"
                )
            picture = made[0] if ends.channels_last else made[0].transpose(1, 2, 0)
            pictures.append(np.asarray(picture, np.float32))
        session.close()
    except (RuntimeError, StyleFileError) as error:
        raise ExportError(f"{where}: {error}") from error
    if pictures[0].shape[2] != 3:
        raise ExportError(
            f"{where}: expected three colours out, got {pictures[0].shape[2]}"
        )
    return pictures


def _told(ends: Ends, levels: str) -> list[str]:
    """Return what is to be known about a style that was imported."""
    assert levels in LEVELS
    lines = [f"colours are taken to be counted in {LEVELS[levels]}; else give --levels"]
    if ends.size is not None:
        height, width = ends.size
        lines.append(
            f"it only takes {width}x{height} pixels: frames are brought to that size "
            "and back, and lose their detail; export it for any size if you can"
        )
    return lines
