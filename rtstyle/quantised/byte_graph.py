"""The frame of an int8 network: bytes in, bytes out, and no floats on the way."""

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import numpy_helper

from rtstyle.quantised.bare import (
    CELLS,
    CROP,
    NETWORK_INPUT,
    PAD,
    end_nodes,
    rename,
    replace_nodes,
)
from rtstyle.quantised.integer_graph import GROUP, IntegerGraph

BEFORE = (
    """
<ir_version: 9, opset_import: ["": 18]>
before (uint8[H, W, 3] frame) => (uint8[1, 12, h, w] door_bytes) {{
"""
    + PAD
    + """    grouped_shape = Constant <value_ints = [0, -1, {grouped}]> ()
    grouped = Reshape (padded, grouped_shape)
    batch_axis = Constant <value_ints = [0]> ()
    batch = Unsqueeze (grouped, batch_axis)
    door_bytes = Transpose <perm = [0, 3, 1, 2]> (batch)
}}
"""
)
AFTER = (
    """
<ir_version: 9, opset_import: ["": 18]>
after (uint8[1, c, h, w] cells_bytes, uint8[H, W, 3] frame) => (
    uint8[H, W, 3] stylized
) {{
    last = Transpose <perm = [0, 2, 3, 1]> (cells_bytes)
    channels = Constant <value_ints = [3]> ()
    flat = Constant <value_ints = [0, 0, -1]> ()
    {lines}
    both = Concat <axis = 2> ({names})
    size = Shape <start = 1, end = 3> (last)
    cell = Constant <value_ints = [{factor}, {columns}]> ()
    full_size = Mul (size, cell)
    colours = Constant <value_ints = [3]> ()
    full_shape = Concat <axis = 0> (full_size, colours)
    full = Reshape (both, full_shape)
"""
    + CROP
    + """}}
"""
)
LINE = """
    first_{line} = Constant <value_ints = [{first}]> ()
    behind_{line} = Constant <value_ints = [{behind}]> ()
    cut_{line} = Slice (last, first_{line}, behind_{line}, channels)
    line_{line} = Reshape (cut_{line}, flat)
"""
MOVES = ("Transpose", "Reshape", "Concat")
"""Operators that move numbers and do not change them."""


def byte_graph(
    quantised: onnx.ModelProto,
    integer: IntegerGraph,
    *,
    style: onnx.ModelProto,
) -> onnx.ModelProto:
    """Put a frame around a quantised network.

    Args:
        quantised: The QDQ form of ``integer.model``; `NETWORK_INPUT` with scale 1
            and zero point 128, `CELLS` with scale 1 and zero point 0.
        integer: Its float form.
        style: The style graph that it came from, for inputs, outputs and metadata.

    Returns:
        A new style graph, checked.
    """
    nodes = list(quantised.graph.node)
    enter = next(n for n in nodes if n.input[0] == NETWORK_INPUT)
    leave = next(n for n in nodes if n.output[0] == CELLS)
    assert enter.op_type == "QuantizeLinear" and leave.op_type == "DequantizeLinear"
    body = [node for node in nodes if node is not enter and node is not leave]
    rename(body, {enter.output[0]: "door_bytes", leave.input[0]: "cells_bytes"})
    result = onnx.ModelProto()
    result.CopyFrom(style)
    del result.graph.initializer[:]
    result.graph.initializer.extend(quantised.graph.initializer)
    before = BEFORE.format(
        multiple=integer.multiple,
        rest=integer.multiple - 1,
        padding=integer.padding,
        grouped=3 * GROUP,
    )
    moved = move_bytes(body, quantised)
    replace_nodes(
        result, [*end_nodes(before, "in_"), *moved, *end_nodes(_after(integer), "out_")]
    )
    onnx.checker.check_model(result, full_check=True)
    return result


def move_bytes(
    nodes: Sequence[onnx.NodeProto], model: onnx.ModelProto
) -> list[onnx.NodeProto]:
    """Let what only moves numbers move bytes: no floats are made for it.

    A move between a DequantizeLinear and a QuantizeLinear of the same scale is done
    on what stands before the first and takes the place of the second.

    Args:
        nodes: Of a QDQ graph in their order; changed in place.
        model: Holds the scales and zero points.

    Returns:
        The nodes that are left.
    """
    scales = _Scales(model)
    kept = list(nodes)
    for node in nodes:
        made = {name: maker for maker in kept for name in maker.output}
        if node.op_type == "Shape" and _is(made.get(node.input[0]), "DequantizeLinear"):
            node.input[0] = made[node.input[0]].input[0]
        if node.op_type not in MOVES:
            continue
        count = len(node.input) if node.op_type == "Concat" else 1
        sources = [made.get(name) for name in node.input[:count]]
        users = [user for user in kept if node.output[0] in user.input]
        ends = [user for user in users if user.op_type == "QuantizeLinear"]
        if len(ends) != 1 or not all(_is(s, "DequantizeLinear") for s in sources):
            continue
        if not all(scales.equal(s, ends[0]) for s in sources if s is not None):
            continue
        for index, source in enumerate(sources):
            assert source is not None
            node.input[index] = source.input[0]
        for user in users:  # the others only ask for its shape
            rename([user], {node.output[0]: ends[0].output[0]})
        node.output[0] = ends[0].output[0]
        kept.remove(ends[0])
    return _used(kept)


class _Scales:
    """Looks scales and zero points up."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.values = {
            t.name: numpy_helper.to_array(t) for t in model.graph.initializer
        }

    def equal(self, one: onnx.NodeProto, other: onnx.NodeProto) -> bool:
        """Return whether both nodes have one scale and one zero point."""
        pairs = zip(one.input[1:], other.input[1:], strict=True)
        return all(np.array_equal(self.values[a], self.values[b]) for a, b in pairs)


def _is(node: onnx.NodeProto | None, kind: str) -> bool:
    return node is not None and node.op_type == kind


def _used(nodes: list[onnx.NodeProto]) -> list[onnx.NodeProto]:
    """Return the nodes without those whose output nobody reads."""
    while True:
        read = {name for node in nodes for name in node.input} | {"cells_bytes"}
        kept = [node for node in nodes if read & set(node.output)]
        if len(kept) == len(nodes):
            return kept
        nodes = kept


def _after(integer: IntegerGraph) -> str:
    run, factor = 3 * integer.factor * integer.group, integer.factor
    lines = [
        LINE.format(line=line, first=line * run, behind=(line + 1) * run)
        for line in range(factor)
    ]
    return AFTER.format(
        lines="".join(lines),
        names=", ".join(f"line_{line}" for line in range(factor)),
        factor=factor,
        padding=integer.padding,
        columns=factor * integer.group,
    )
