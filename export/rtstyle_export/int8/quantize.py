"""Static int8: a style's network in bytes, its normalisation in float."""

import contextlib
import logging
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
from onnx import numpy_helper

from rtstyle.metrics.psnr import psnr_db
from rtstyle.metrics.texture import texture_distance
from rtstyle.paintings.int8_network import observed
from rtstyle.quantised.bare import CELLS, NETWORK_INPUT, tensor_of
from rtstyle.quantised.byte_graph import byte_graph
from rtstyle.quantised.equalise import change_for, equalised, groups_of
from rtstyle.quantised.integer_graph import MIDDLE, integer_graph, network_input_of
from rtstyle.quantised.ranges import Range, centre_before_norm, choose_ranges
from rtstyle.quantised.weights import weight_scales
from rtstyle.runtime import open_session
from rtstyle.style_file import (
    FRAME_INPUT,
    FRAME_OUTPUT,
    Style,
    graph_sha256,
    with_card,
)
from rtstyle.telemetry import import_onnxruntime
from rtstyle.twins import TWIN_OF
from rtstyle_export.errors import ExportError
from rtstyle_streams.frame import Pixels
from rtstyle_streams.pictures.picture_file import PICTURE_SUFFIXES, read_picture

LEAST_PSNR_DB = 36.0
"""Of the int8 picture against the fp32 one, over all held-out frames."""
MOST_STYLE_CHANGE = 0.05
"""Share by which the style figure of held-out frames may change."""
NUM_CALIBRATION, NUM_HELD_OUT = 16, 8
"""Photographs that ranges are taken from, and others that the gate looks at."""
LONGEST_SIDE = 640
"""Pixels; larger photographs are shrunk to this."""
QUANTISED = ("Conv", "Relu", "Add", "Reshape", "Transpose", "Concat")
"""Operators that run on bytes; instance norm is not among them."""

StyleLoss = Callable[[Pixels], float]
"""Style loss of a picture against its painting; lower is nearer."""


@dataclass(frozen=True, slots=True)
class Int8Quality:
    """How far an int8 twin is from its style."""

    psnr_db: float
    """Of all held-out frames taken as one."""
    worst_psnr_db: float
    """Of the worst held-out frame."""
    style_change: float
    """Share by which the style figure changed."""
    style_figure: str
    """Which style figure that is."""
    num_frames: int
    """Held-out frames."""

    def as_dict(self) -> dict[str, object]:
        """Return the figures for a card."""
        return {
            "psnr_db": round(self.psnr_db, 2),
            "worst_psnr_db": round(self.worst_psnr_db, 2),
            "style_change": round(self.style_change, 4),
            "style_figure": self.style_figure,
            "held_out_frames": self.num_frames,
        }


def quantize_style(
    style: Style, photos: Sequence[Pixels], *, style_loss: StyleLoss | None = None
) -> bytes:
    """Return the int8 twin of a style, if it is good enough.

    Args:
        style: An fp32 style of a swift net.
        photos: Content pictures as from `read_photos`: the last `NUM_HELD_OUT` are
            for the gate, ranges are taken from the others.
        style_loss: Style loss against the painting; None takes `texture_distance`
            between the fp32 and the int8 picture, which needs no painting.

    Raises:
        ExportError: the style cannot be quantised, or its twin is too far off.
    """
    if style.card.get("precision") != "fp32":
        raise ExportError(f"{style.name}: expected an fp32 style to quantise")
    calibration, held_out = photos[:-NUM_HELD_OUT], photos[-NUM_HELD_OUT:]
    model = onnx.load_from_string(style.model)
    data = _twin(model, model, calibration)
    quality = compare(style.model, data, held_out, style_loss=style_loss)
    if quality.psnr_db < LEAST_PSNR_DB:
        data = _twin(_equalised(model, calibration), model, calibration)
        quality = compare(style.model, data, held_out, style_loss=style_loss)
    check(quality, name=style.name)
    facts = {"precision": "int8", "int8": quality.as_dict()}
    own = {TWIN_OF: graph_sha256(style.model)}
    kept = {key: v for key, v in style.card.items() if key != "quality"}  # of fp32
    return with_card(data, {**kept, **facts, **own})


def _equalised(model: onnx.ModelProto, photos: Sequence[Pixels]) -> onnx.ModelProto:
    """Return a graph for the same pictures whose channels have ranges alike."""
    groups = groups_of(model)
    samples = observed(model, photos)
    return equalised(model, groups, [change_for(group, samples) for group in groups])


def _twin(
    prepared: onnx.ModelProto, model: onnx.ModelProto, photos: Sequence[Pixels]
) -> bytes:
    """Return a graph in bytes, with the ranges that photographs have."""
    integer = integer_graph(prepared)
    ends = {"multiple": integer.multiple, "padding": integer.padding}
    doors = [network_input_of(photo, **ends) for photo in photos]
    centre_before_norm(integer.model, doors)
    ranges = choose_ranges(integer.model, QUANTISED, doors)
    quantised = _static(integer.model, doors[:1], ranges)
    twin = byte_graph(quantised, integer, style=model)
    data: bytes = twin.SerializeToString(deterministic=True)
    return data


def compare(
    fp32: bytes,
    int8: bytes,
    frames: Sequence[Pixels],
    *,
    style_loss: StyleLoss | None = None,
) -> Int8Quality:
    """Measure an int8 graph against the fp32 graph it was made from."""
    sessions = [
        open_session(m, runtime="onnxruntime", device="cpu") for m in (fp32, int8)
    ]
    errors, changes = [], []
    for frame in frames:
        fine, coarse = (
            np.asarray(s.run({FRAME_INPUT: frame})[FRAME_OUTPUT], np.uint8)
            for s in sessions
        )
        difference = fine.astype(np.float64) - coarse
        errors.append(float(np.mean(difference**2)))
        if style_loss is None:
            changes.append(texture_distance(fine, coarse))
        else:
            changes.append(style_loss(coarse) / style_loss(fine) - 1.0)
    return Int8Quality(
        psnr_db=psnr_db(float(np.mean(errors))),
        worst_psnr_db=psnr_db(max(errors)),
        style_change=float(np.mean(changes)),
        style_figure="texture distance" if style_loss is None else "style loss",
        num_frames=len(frames),
    )


def check(quality: Int8Quality, *, name: str) -> None:
    """Raise `ExportError` when an int8 twin is not good enough."""
    if quality.psnr_db < LEAST_PSNR_DB:
        raise ExportError(
            f"{name}: int8 against fp32: expected a PSNR of at least {LEAST_PSNR_DB} "
            f"dB, got {quality.psnr_db:.1f}; no style file was written"
        )
    if abs(quality.style_change) > MOST_STYLE_CHANGE:
        raise ExportError(
            f"{name}: int8 against fp32: expected the {quality.style_figure} to change "
            f"by at most {MOST_STYLE_CHANGE:.0%}, got {quality.style_change:.1%}; "
            "no style file was written"
        )


def read_photos(folder: Path) -> list[Pixels]:
    """Read content pictures for `quantize_style`, evenly out of a folder.

    Raises:
        ExportError: it holds too few.
    """
    paths = sorted(
        path for path in folder.glob("*") if path.suffix.lower() in PICTURE_SUFFIXES
    )
    wanted = NUM_CALIBRATION + NUM_HELD_OUT
    if len(paths) < wanted:
        raise ExportError(
            f"{folder}: expected at least {wanted} photographs to calibrate with, "
            f"got {len(paths)}"
        )
    chosen = [paths[len(paths) * index // wanted] for index in range(wanted)]
    return [_shrunk(read_picture(path)[0]) for path in chosen]


def fitting_photos(pictures: Sequence[Pixels]) -> list[Pixels]:
    """Return what `quantize_style` takes, evenly out of pictures in memory.

    Raises:
        ExportError: they are too few.
    """
    wanted = NUM_CALIBRATION + NUM_HELD_OUT
    if len(pictures) < wanted:
        raise ExportError(
            f"expected at least {wanted} pictures to calibrate with, "
            f"got {len(pictures)}"
        )
    return [_shrunk(pictures[len(pictures) * n // wanted]) for n in range(wanted)]


def _shrunk(photo: Pixels) -> Pixels:
    scale = LONGEST_SIDE / max(photo.shape[:2])
    if scale >= 1.0:
        return photo
    size = round(photo.shape[1] * scale), round(photo.shape[0] * scale)
    small = cv2.resize(photo, size, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def _static(
    model: onnx.ModelProto, doors: Sequence[np.ndarray], ranges: dict[str, Range]
) -> onnx.ModelProto:
    """Return the QDQ form of a bare network.

    onnxruntime takes ranges from `doors` only where `ranges` names none.
    """
    q = import_onnxruntime("quantization")
    reader: Any = q.CalibrationDataReader

    class Doors(reader):  # type: ignore[misc]  # has no stub
        def __init__(self) -> None:
            self.rows = iter(doors)

        def get_next(self) -> dict[str, np.ndarray] | None:
            row = next(self.rows, None)
            return None if row is None else {NETWORK_INPUT: row}

    one = np.array(1.0, np.float32)
    fixed: dict[str, list[dict[str, object]]] = {
        name: [
            {
                "quant_type": q.QuantType.QUInt8,
                "scale": one,
                "zero_point": np.array(zero, np.uint8),
            }
        ]
        for name, zero in ((NETWORK_INPUT, MIDDLE), (CELLS, 0))
    }
    for name, (low, high) in ranges.items():
        ends = {"rmin": np.array(low, np.float32), "rmax": np.array(high, np.float32)}
        fixed[name] = [{"quant_type": q.QuantType.QUInt8, **ends}]
    fixed |= _weight_overrides(model)
    with tempfile.TemporaryDirectory() as folder, _without_advice():
        path = Path(folder) / "int8.onnx"
        q.quantize_static(
            model,
            path,
            Doors(),
            quant_format=q.QuantFormat.QDQ,
            op_types_to_quantize=list(QUANTISED),
            per_channel=True,
            activation_type=q.QuantType.QUInt8,
            weight_type=q.QuantType.QInt8,
            calibrate_method=q.CalibrationMethod.MinMax,
            extra_options={"TensorQuantOverrides": fixed},
        )
        return onnx.load(path)


def _weight_overrides(model: onnx.ModelProto) -> dict[str, list[dict[str, object]]]:
    """Return scales of all weights for which no sum of two products can saturate."""
    q = import_onnxruntime("quantization")
    overrides: dict[str, list[dict[str, object]]] = {}
    for conv in (node for node in model.graph.node if node.op_type == "Conv"):
        weight = numpy_helper.to_array(tensor_of(model, conv.input[1]))
        rest = {"quant_type": q.QuantType.QInt8, "zero_point": np.array(0, np.int8)}
        overrides[conv.input[1]] = [
            {"axis": 0, "scale": np.array(scale, np.float32), **rest}
            for scale in weight_scales(weight)
        ]
    return overrides


@contextlib.contextmanager
def _without_advice() -> Iterator[None]:
    """Keep onnxruntime's advice on preprocessing, which does not apply, to itself."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(level)
