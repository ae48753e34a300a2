"""Convert a style to fp16 for GPUs; statistics of instance norm stay in fp32."""

import onnx

from rtstyle.style_file import Style, graph_sha256, with_card
from rtstyle.telemetry import import_onnxruntime
from rtstyle.twins import TWIN_OF
from rtstyle_export.errors import ExportError
from rtstyle_export.int8.quantize import compare
from rtstyle_streams.frame import Pixels

LEAST_PSNR_DB = 45.0
"""PSNR of the fp16 picture against the fp32 one from which no difference is visible."""
IN_FP32 = ("InstanceNormalization", "Resize", "Sub", "Clip")
"""Operators that stay in fp32: sums over a picture overflow or lose small terms in
fp16, and the ends work in levels of 255, where fp16 only resolves eighths."""


def fp16_style(style: Style, frames: list[Pixels]) -> bytes:
    """Return the fp16 twin of a style, if it is good enough.

    Args:
        style: An fp32 style.
        frames: Content pictures on which to compare the two.

    Raises:
        ExportError: the style is in another precision, or its twin differs too much.
    """
    if style.card.get("precision") != "fp32":
        raise ExportError(f"{style.name}: expected an fp32 style to halve")
    data = fp16_graph(style.model)
    psnr_db = compare(style.model, data, frames).psnr_db
    if not psnr_db >= LEAST_PSNR_DB:
        raise ExportError(
            f"{style.name}: fp16 against fp32: expected a PSNR of at least "
            f"{LEAST_PSNR_DB} dB, got {psnr_db:.1f}; no style file was written"
        )
    facts = {"precision": "fp16", "fp16": {"psnr_db": round(float(psnr_db), 2)}}
    own = {TWIN_OF: graph_sha256(style.model)}
    return with_card(data, {**style.card, **facts, **own})


def fp16_graph(model: bytes) -> bytes:
    """Return a graph that convolves in fp16 and still takes and returns bytes."""
    float16 = import_onnxruntime("transformers.float16")

    proto = onnx.load_from_string(model)
    del proto.graph.value_info[:]
    halved = float16.convert_float_to_float16(
        onnx.shape_inference.infer_shapes(proto),
        keep_io_types=True,
        op_block_list=[*float16.DEFAULT_OP_BLOCK_LIST, *IN_FP32],
    )
    del halved.graph.value_info[:]
    data: bytes = halved.SerializeToString(deterministic=True)
    return data
