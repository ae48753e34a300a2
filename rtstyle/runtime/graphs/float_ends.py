"""A style graph as GPUs want it: floats between its first and last node."""

import onnx
from onnx import TensorProto, helper

from rtstyle.runtime.graphs.node_order import sort_nodes
from rtstyle.style_file import FRAME_INPUT, FRAME_OUTPUT

FLOATS, LAST = "frame_float", "stylized_float"
"""What stands directly behind the input and before the output."""
MOVES = ("Pad", "Transpose", "Unsqueeze", "Squeeze", "Reshape", "Slice", "Identity")
"""Operators that do to bytes what they do to floats."""


def with_float_ends(model: bytes) -> bytes:
    """Return an equal graph whose bytes become floats at once and bytes at the end.

    TensorRT takes uint8 only as an input or output with a conversion beside it, and
    onnxruntime pads bytes only on the CPU. What stands between a style graph's ends and
    its conversions only moves numbers, so the conversions can change places with it;
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
    """Return what the conversions from and to bytes give, by name.

    Raises:
        ValueError: bytes are not only moved.
    """
    moved, found = {FRAME_INPUT}, set()
    for node in graph.node:
        target = node.attribute[0].i if node.op_type == "Cast" else None
        from_bytes = target == TensorProto.FLOAT and node.input[0] in moved
        if from_bytes or target == TensorProto.UINT8:
            found.add(node.output[0])
        if target == TensorProto.UINT8:
            moved.add(node.output[0])
        elif target is None and moved & set(node.input):
            if node.op_type not in (*MOVES, "Shape"):
                raise ValueError(
                    f"graph: expected bytes to be moved, got {node.op_type}"
                )
            moved |= set(node.output) if node.op_type in MOVES else set()
    return found
