"""The Johnson network as a graph without data, for `rtstyle bench` to race against."""

import onnx
from onnx import TensorProto, helper

from rtstyle.networks import JohnsonNet
from rtstyle_export.to_onnx import to_onnx

LARGE = 64
"""Weights of more numbers than this are made when the graph is loaded."""
VALUE = 0.01
"""What they are made of; the time of a convolution does not depend on it."""


def johnson_baseline() -> bytes:
    """Return the graph of `JohnsonNet` with one number in place of its weights.

    Shapes, operators and order are those of any style that pytorch/examples trained,
    so it takes as long; a runtime makes constants of the weights before it starts.

    Returns:
        A serialised model of less than 50 kB, ``frame`` to ``stylized``.
    """
    model = onnx.load_from_string(to_onnx(JohnsonNet().eval()))
    graph, made, kept = model.graph, [], []
    for tensor in graph.initializer:
        count = 1
        for length in tensor.dims:
            count *= length
        if tensor.data_type != TensorProto.FLOAT or count <= LARGE:
            kept.append(tensor)
            continue
        shape = f"{tensor.name}_shape"
        kept.append(
            helper.make_tensor(
                shape, TensorProto.INT64, [len(tensor.dims)], list(tensor.dims)
            )
        )
        value = helper.make_tensor("value", TensorProto.FLOAT, [1], [VALUE])
        made.append(
            helper.make_node("ConstantOfShape", [shape], [tensor.name], value=value)
        )
    nodes = [*made, *graph.node]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(kept)
    graph.name = "johnson"
    onnx.checker.check_model(model, full_check=True)
    data: bytes = model.SerializeToString(deterministic=True)
    return data
