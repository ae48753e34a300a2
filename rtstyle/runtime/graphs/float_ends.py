"""Rewrite a style graph for GPUs: floats between its first and last node."""

import onnx
from onnx import TensorProto, helper

from rtstyle.runtime.graphs.node_order import sort_nodes
from rtstyle.style_file import FRAME_INPUT, FRAME_OUTPUT

FLOATS, LAST = "frame_float", "stylized_float"
"""Names of the tensors right after the input and right before the output."""
MOVES = ("Pad", "Transpose", "Unsqueeze", "Squeeze", "Reshape", "Slice", "Identity")
"""Operators that do the same to bytes and to floats."""


def with_float_ends(model: bytes) -> bytes:
    """Return an equivalent graph that converts to floats first and to bytes last.

    TensorRT accepts uint8 only for an input or output next to a conversion, and
    onnxruntime pads bytes only on the CPU. The nodes between a style graph's ends and
    its conversions only move values, so they can change places with the conversions;
    converting to uint8 truncates in both.

    Args:
        model: A serialised style graph in fp32 or fp16.

    Raises:
        ValueError: the graph computes on bytes, as an int8 twin does.
    """
    proto = onnx.load_from_string(model)
    graph = proto.graph
    sort_nodes(graph)
    conversions = conversions_of(graph)
    if not conversions:
        raise ValueError("graph: expected conversions from and to bytes, got none")
    names = {FRAME_INPUT: FLOATS, FRAME_OUTPUT: LAST}
    kept = []
    for node in graph.node:
        if node.output[0] not in conversions:
            kept.append(node)
            continue
        if node.output[0] == FRAME_OUTPUT:
            kept.append(helper.make_node("Identity", [node.input[0]], [LAST]))
        names[node.output[0]] = names.get(node.input[0], node.input[0])
    for node in kept:
        for tensors in (node.input, node.output):
            for index, name in enumerate(tensors):
                while name in names and names[name] != name:
                    name = names[name]
                tensors[index] = name
    first = helper.make_node("Cast", [FRAME_INPUT], [FLOATS], to=TensorProto.FLOAT)
    last = helper.make_node("Cast", [LAST], [FRAME_OUTPUT], to=TensorProto.UINT8)
    whole = [onnx.NodeProto.FromString(n.SerializeToString()) for n in kept]
    del graph.node[:], graph.value_info[:]
    graph.node.extend([first, *whole, last])
    onnx.checker.check_model(proto, full_check=True)
    data: bytes = proto.SerializeToString(deterministic=True)
    return data


def conversions_of(graph: onnx.GraphProto) -> set[str]:
    """Return the names of the outputs of the conversions from and to bytes.

    Raises:
        ValueError: an operator does more with bytes than move them.
    """
    moved, conversions = {FRAME_INPUT}, set()
    for node in graph.node:
        target = node.attribute[0].i if node.op_type == "Cast" else None
        from_bytes = target == TensorProto.FLOAT and node.input[0] in moved
        if from_bytes or target == TensorProto.UINT8:
            conversions.add(node.output[0])
        if target == TensorProto.UINT8:
            moved.add(node.output[0])
        elif target is None and moved & set(node.input):
            if node.op_type not in (*MOVES, "Shape"):
                raise ValueError(
                    f"graph: expected bytes to be moved, got {node.op_type}"
                )
            moved |= set(node.output) if node.op_type in MOVES else set()
    return conversions
