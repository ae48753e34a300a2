"""Bytes between all operators that can compute with them: the QDQ form of a network.

onnxruntime fuses a DequantizeLinear, an operator and a QuantizeLinear into one that
computes in bytes. A ReLU needs no operator: bytes whose smallest stands for 0 clamp.
"""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from rtstyle.errors import GraphError
from rtstyle.quantised.bare import CELLS, NETWORK_INPUT
from rtstyle.quantised.integer_graph import MIDDLE
from rtstyle.quantised.ranges import SIZES, Range
from rtstyle.quantised.weights import weight_scales

FIXED: Mapping[str, tuple[float, int]] = {
    NETWORK_INPUT: (1.0, MIDDLE),
    CELLS: (1.0, 0),
}
"""Scale and zero point of what goes in and comes out."""
RAW = "cells_raw"
"""Name of the last convolution's output in front of its bytes."""


def with_bytes_between(
    model: onnx.ModelProto,
    ranges: Mapping[str, Range],
    *,
    in_float: Collection[str] = (),
) -> onnx.ModelProto:
    """Return the QDQ form of a network.

    Args:
        model: From `integer_graph`; left as it is.
        ranges: Of every tensor that is turned into bytes, as `quantised_tensors`
            names them.
        in_float: Outputs of convolutions that read bytes but compute in float, and
            whose output stays float.

    Raises:
        GraphError: a range is missing.
    """
    return _Writer(model, ranges, in_float).result()


def quantised_tensors(model: onnx.ModelProto) -> dict[str, str]:
    """Return the tensors that bytes will stand for, and which one's range each has.

    Args:
        model: From `integer_graph`.

    Returns:
        By name, in the order of the graph: itself, or the one that it was moved from.
    """
    readers = readers_of(model)
    source: dict[str, str] = {}
    for node in model.graph.node:
        name = node.output[0]
        if node.op_type in SIZES or readers.get(name) == ["Relu"] or name == CELLS:
            continue
        moved = node.op_type in ("Reshape", "Transpose", "Concat")
        source[name] = source[node.input[0]] if moved else name
    return source


def readers_of(model: onnx.ModelProto) -> dict[str, list[str]]:
    """Return the operators that read each tensor."""
    readers: dict[str, list[str]] = {}
    for node in model.graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node.op_type)
    return readers


class _Writer:
    """Writes the nodes of a QDQ graph, one operator after the other."""

    def __init__(
        self,
        model: onnx.ModelProto,
        ranges: Mapping[str, Range],
        in_float: Collection[str],
    ) -> None:
        self._model, self._ranges, self._in_float = model, ranges, in_float
        self._weights = {
            tensor.name: numpy_helper.to_array(tensor)
            for tensor in model.graph.initializer
        }
        self._readers = readers_of(model)
        self._nodes: list[onnx.NodeProto] = []
        self._fresh: dict[str, np.ndarray] = {}
        self._scales: dict[str, np.float32] = {}
        self._floats: dict[str, str] = {}

    def result(self) -> onnx.ModelProto:
        """Return the whole model."""
        self._turn_to_bytes(NETWORK_INPUT, NETWORK_INPUT)
        for node in self._model.graph.node:
            self._write(node)
        result = onnx.ModelProto()
        result.CopyFrom(self._model)
        read = {name for node in self._nodes for name in node.input}
        kept = [t for t in self._model.graph.initializer if t.name in read]
        del result.graph.node[:], result.graph.initializer[:]
        result.graph.node.extend(self._nodes)
        result.graph.initializer.extend(kept)
        result.graph.initializer.extend(
            numpy_helper.from_array(values, name)
            for name, values in self._fresh.items()
        )
        return result

    def _write(self, node: onnx.NodeProto) -> None:
        output = node.output[0]
        if node.op_type == "Relu":  # the bytes' range clamps
            self._turn_to_bytes(output, node.input[0])
            return
        inputs = [self._floats.get(name, name) for name in node.input]
        if node.op_type == "Conv" and output not in self._in_float:
            inputs[1:3] = self._weights_of(node)
        raw = RAW if output == CELLS else output
        fresh = helper.make_node(node.op_type, inputs, [raw])
        fresh.attribute.extend(node.attribute)
        self._nodes.append(fresh)
        if node.op_type in SIZES or output in self._in_float:
            return
        if self._readers.get(output) != ["Relu"]:
            self._turn_to_bytes(output, raw)

    def _turn_to_bytes(self, name: str, raw: str) -> None:
        """Write both nodes behind the floats `raw`; the tensor is called `name`."""
        scale, zero = self._scale_of(name)
        self._scales[name] = scale
        self._fresh[f"{name}_scale"] = np.array(scale, np.float32)
        self._fresh[f"{name}_zero"] = np.array(zero, np.uint8)
        self._floats[name] = name if name == CELLS else f"{name}_floats"
        numbers = [f"{name}_scale", f"{name}_zero"]
        ends = (
            ("QuantizeLinear", raw, f"{name}_bytes"),
            ("DequantizeLinear", f"{name}_bytes", self._floats[name]),
        )
        for kind, source, target in ends:
            self._nodes.append(helper.make_node(kind, [source, *numbers], [target]))

    def _scale_of(self, name: str) -> tuple[np.float32, int]:
        if name in FIXED:
            scale, zero = FIXED[name]
            return np.float32(scale), zero
        if name not in self._ranges:
            raise GraphError(f"graph: expected a range of {name!r}, got none")
        low, high = self._ranges[name]
        step = np.float32((high - low) / 255.0)
        return step, int(np.clip(np.rint(-low / step), 0, 255))

    def _weights_of(self, conv: onnx.NodeProto) -> list[str]:
        """Write weight and bias of a convolution in bytes; return their float names."""
        weight, bias = (self._weights[name] for name in conv.input[1:3])
        scales = weight_scales(np.asarray(weight, np.float32))
        steps = (self._scales[conv.input[0]] * scales).astype(np.float32)
        most = float(np.iinfo(np.int32).max)
        whole = np.rint(bias.astype(np.float64) / steps).clip(-most, most)
        parts: list[tuple[npt.NDArray[Any], npt.NDArray[Any]]] = [
            (np.rint(weight / scales[:, None, None, None]).astype(np.int8), scales),
            (whole.astype(np.int32), steps),
        ]
        names = []
        for name, (values, step) in zip(conv.input[1:3], parts, strict=True):
            numbers = [f"{name}_bytes", f"{name}_scale", f"{name}_zero"]
            zero = np.zeros(len(step), values.dtype)
            self._fresh |= dict(zip(numbers, (values, step, zero), strict=True))
            names.append(f"{name}_floats")
            self._nodes.append(
                helper.make_node("DequantizeLinear", numbers, [names[-1]], axis=0)
            )
        return names
