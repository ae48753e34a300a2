"""Make Johnson's network as a graph without data, the baseline of `rtstyle bench`."""

import onnx
from onnx import TensorProto, helper

from rtstyle.networks import JohnsonNet
from rtstyle_export.to_onnx import to_onnx

LARGE = 64
"""Weights with more values than this are filled in when the graph is loaded."""
VALUE = 0.01
"""Value of those weights; a convolution's time does not depend on it."""


def johnson_baseline() -> bytes:
    """Return the graph of `JohnsonNet` with one value in place of its weights.

    Shapes, operators and their order are those of any style that pytorch/examples
    trained, so it is as slow; a runtime folds the weights into constants on loading.

    Returns:
        A serialised model of less than 50 kB, ``frame`` to ``stylized``.
    """
    model = onnx.load_from_string(to_onnx(JohnsonNet().eval()))
    graph, weight_nodes, kept = model.graph, [], []
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
        weight_nodes.append(
            helper.make_node("ConstantOfShape", [shape], [tensor.name], value=value)
        )
    nodes = [*weight_nodes, *graph.node]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(kept)
    graph.name = "johnson"
    onnx.checker.check_model(model, full_check=True)
    data: bytes = model.SerializeToString(deterministic=True)
    return data
