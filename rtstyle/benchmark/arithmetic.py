"""Count the arithmetic of a graph."""

import numpy as np
import onnx
from onnx import numpy_helper

from rtstyle.runtime import open_session
from rtstyle.style_file import FRAME_INPUT
from rtstyle_streams.frame import Pixels

SHAPE_SUFFIX = "/bench_shape"
"""Suffix of the added outputs that give the shapes of convolutions."""


def count_gmac(model: bytes, frame: Pixels) -> float:
    """Return the multiplications of a graph's convolutions, in 10^9.

    The graph is run once: its sizes depend on the frame's in ways (padding, cropping)
    that shape inference cannot follow.

    Args:
        model: A serialised style graph.
        frame: RGB, shape ``(H, W, 3)``, uint8: the size to count for.
    """
    graph = onnx.load_from_string(model)
    per_output = {
        node.output[0]: _numbers_for_one(graph, node)
        for node in graph.graph.node
        if node.op_type == "Conv"
    }
    del graph.graph.output[:]
    for name in per_output:
        shape = name + SHAPE_SUFFIX
        graph.graph.node.append(onnx.helper.make_node("Shape", [name], [shape]))
        kind = onnx.TensorProto.INT64
        graph.graph.output.append(
            onnx.helper.make_tensor_value_info(shape, kind, [None])
        )
    session = open_session(
        graph.SerializeToString(), runtime="onnxruntime", device="cpu"
    )
    shapes = session.run({FRAME_INPUT: frame})
    session.close()
    total = sum(
        float(np.prod(shapes[name + SHAPE_SUFFIX])) * count
        for name, count in per_output.items()
    )
    return total / 1e9


def _numbers_for_one(model: onnx.ModelProto, conv: onnx.NodeProto) -> int:
    """Return how many multiplications one output value of a convolution takes."""
    weight = conv.input[1]
    for tensor in model.graph.initializer:
        if tensor.name == weight:
            return int(np.prod(tensor.dims[1:]))
    for node in model.graph.node:
        if weight in node.output and node.op_type == "ConstantOfShape":
            shape = next(t for t in model.graph.initializer if t.name == node.input[0])
            return int(np.prod(numpy_helper.to_array(shape)[1:]))
        if weight in node.output and node.op_type == "DequantizeLinear":
            whole = next(t for t in model.graph.initializer if t.name == node.input[0])
            return int(np.prod(whole.dims[1:]))
    raise ValueError(f"convolution: expected a constant weight {weight!r}, got none")
