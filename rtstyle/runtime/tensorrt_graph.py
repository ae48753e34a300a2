"""A style graph as TensorRT wants it: floats between its first and last node."""

import onnx
from onnx import TensorProto, helper

from rtstyle.style_file import FRAME_INPUT, FRAME_OUTPUT

FLOATS, LAST = "frame_float", "stylized_float"
"""What stands directly behind the input and before the output."""


def with_float_ends(model: bytes) -> bytes:
    """Return an equal graph whose bytes become floats at once and bytes at the end.

    TensorRT takes uint8 only as an input or output with a conversion beside it. What
    stands between a style graph's ends and its conversions only moves numbers, so the
    conversions can change places with it; converting to uint8 truncates in both.

    Args:
        model: A serialised fp32 style graph.

    Raises:
        ValueError: the graph computes on bytes, as an int8 twin does.
    """
    proto = onnx.load_from_string(model)
    graph = proto.graph
    if any(node.op_type in ("QuantizeLinear", "QLinearConv") for node in graph.node):
        raise ValueError("graph: expected an fp32 style for TensorRT, got an int8 twin")
    names = {FRAME_INPUT: FLOATS, FRAME_OUTPUT: LAST}
    kept = []
    for node in graph.node:
        target = _cast_target(node)
        if target in (TensorProto.FLOAT, TensorProto.UINT8):
            names[node.output[0]] = names.get(node.input[0], node.input[0])
            if node.output[0] == FRAME_OUTPUT:
                kept.append(helper.make_node("Identity", [node.input[0]], [LAST]))
            continue
        kept.append(node)
    for node in kept:
        for tensors in (node.input, node.output):
            for index, name in enumerate(tensors):
                while name in names and names[name] != name:
                    name = names[name]
                tensors[index] = name
    del graph.node[:], graph.value_info[:]
    graph.node.append(
        helper.make_node("Cast", [FRAME_INPUT], [FLOATS], to=TensorProto.FLOAT)
    )
    graph.node.extend(kept)
    graph.node.append(
        helper.make_node("Cast", [LAST], [FRAME_OUTPUT], to=TensorProto.UINT8)
    )
    onnx.checker.check_model(proto, full_check=True)
    data: bytes = proto.SerializeToString(deterministic=True)
    return data


def _cast_target(node: onnx.NodeProto) -> int:
    """Return what a Cast makes, 0 for other nodes."""
    return int(node.attribute[0].i) if node.op_type == "Cast" else 0
