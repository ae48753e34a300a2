"""A network for paintings of a few hundred bytes, and paintings, made without torch."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from onnx import TensorProto, helper, numpy_helper

from rtstyle.style_file import with_card
from tests.tiny_styles import CARD

NEUTRAL = [1.0, 1.0, 1.0, 0.0, 0.0, 0.0]
"""Scales and shifts of red, green and blue that change nothing."""
MODULATION: dict[str, Any] = {
    "size": 6,
    "tensors": [["scale", 0, 3], ["shift", 3, 3]],
    "neutral": NEUTRAL,
}


def tinting_model() -> bytes:
    """Return a graph: ``frame * scale + shift``, for each colour."""
    shape: list[str | int | None] = ["H", "W", 3]
    frame = helper.make_tensor_value_info("frame", TensorProto.UINT8, shape)
    stylized = helper.make_tensor_value_info("stylized", TensorProto.UINT8, shape)
    weights = [
        numpy_helper.from_array(np.array(values, np.float32), name)
        for name, values in (
            ("scale", NEUTRAL[:3]),
            ("shift", NEUTRAL[3:]),
            ("low", 0.0),
            ("high", 255.0),
        )
    ]
    nodes = [
        helper.make_node("Cast", ["frame"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["floats", "scale"], ["scaled"]),
        helper.make_node("Add", ["scaled", "shift"], ["shifted"]),
        helper.make_node("Clip", ["shifted", "low", "high"], ["clipped"]),
        helper.make_node("Cast", ["clipped"], ["stylized"], to=TensorProto.UINT8),
    ]
    return _model(nodes, "tinting", frame, stylized, weights)


def encoder_model(
    *, size: int = 6, version: int = 1, side: int = 64, made_for: str | None = None
) -> bytes:
    """Return a graph: scales 0.5, shifts half the painting's mean colour."""
    shape: list[str | int | None] = ["H", "W", 3]
    painting = helper.make_tensor_value_info("painting", TensorProto.UINT8, shape)
    modulation = helper.make_tensor_value_info("modulation", TensorProto.FLOAT, [6])
    half = numpy_helper.from_array(np.array(0.5, np.float32), "half")
    halves = numpy_helper.from_array(np.full(3, 0.5, np.float32), "halves")
    axes = numpy_helper.from_array(np.array([0, 1]), "axes")
    nodes = [
        helper.make_node("Cast", ["painting"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats", "axes"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "half"], ["shift"]),
        helper.make_node("Concat", ["halves", "shift"], ["modulation"], axis=0),
    ]
    data = _model(nodes, "encoder", painting, modulation, [half, halves, axes])
    facts: dict[str, Any] = {"version": version, "size": size, "side": side}
    if made_for is not None:
        facts["for"] = made_for
    return _with_facts(data, facts)


def write_network(
    folder: Path, *, size: int = 6, version: int = 1, side: int = 64
) -> Path:
    """Write both files into `folder` and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    card = CARD | {"name": "tinting", "title": "Tinting", "kind": "adain"}
    style = with_card(tinting_model(), card | {"modulation": MODULATION})
    (folder / "swift_adain.onnx").write_bytes(style)
    (folder / "style_encoder.onnx").write_bytes(
        encoder_model(size=size, version=version, side=side)
    )
    return folder


def write_painting(
    path: Path, colour: tuple[int, int, int], *, width: int = 90, height: int = 70
) -> Path:
    """Write a picture of one RGB colour; the suffix says the kind."""
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[:] = colour[::-1]  # OpenCV writes BGR
    assert cv2.imwrite(str(path), pixels)
    return path


def mask_model(
    *,
    channels_first: bool = False,
    side: int | None = 32,
    inputs: int = 3,
    axis: int = 3,
    end: int = 1,
) -> bytes:
    """Return a model that marks what is red: the red value itself."""
    shape: list[str | int | None] = [1, side or "h", side or "w", inputs]
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    marked = helper.make_tensor_value_info(
        "y", TensorProto.FLOAT, [1, None, None, None]
    )
    weights = [
        numpy_helper.from_array(np.array([number]), name)
        for number, name in ((0, "zero"), (end, "one"), (axis, "axis"))
    ]
    last = "red" if channels_first else "y"
    nodes = [helper.make_node("Slice", ["x", "zero", "one", "axis"], [last])]
    if channels_first:
        nodes.append(helper.make_node("Transpose", ["red"], ["y"], perm=[0, 3, 1, 2]))
    return _model(nodes, "red", given, marked, weights)


def _model(
    nodes: list[Any], name: str, given: Any, made: Any, weights: list[Any]
) -> bytes:
    graph = helper.make_graph(nodes, name, [given], [made], weights)
    opset = helper.make_opsetid("", 18)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=9)
    data: bytes = model.SerializeToString()
    return data


def _with_facts(data: bytes, facts: dict[str, Any]) -> bytes:
    import onnx

    model = onnx.load_from_string(data)
    model.metadata_props.add(key="rtstyle.style_encoder", value=json.dumps(facts))
    changed: bytes = model.SerializeToString()
    return changed
