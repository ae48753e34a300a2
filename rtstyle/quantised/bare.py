"""A style graph taken apart: the network, and what stands before and after it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper, numpy_helper, parser

from rtstyle.errors import GraphError

NETWORK_INPUT, CELLS = "door", "cells"
"""Names of the network's input and output between the ends of a graph."""
PAD = """
    size = Shape <start = 0, end = 2> (frame)
    multiple = Constant <value_ints = [{multiple}]> ()
    rest = Constant <value_ints = [{rest}]> ()
    least = Add (size, rest)
    units = Div (least, multiple)
    whole = Mul (units, multiple)
    missing = Sub (whole, size)
    padding = Constant <value_ints = [{padding}]> ()
    behind = Add (missing, padding)
    before = Constant <value_ints = [{padding}, {padding}, 0]> ()
    no_colour = Constant <value_ints = [0]> ()
    pads = Concat <axis = 0> (before, behind, no_colour)
    padded = Pad <mode = "edge"> (frame, pads)
"""
"""Text form: repeats the edges of ``frame`` up to a multiple, and beyond."""
CROP = """
    start = Constant <value_ints = [{padding}, {padding}]> ()
    axes = Constant <value_ints = [0, 1]> ()
    frame_size = Shape <start = 0, end = 2> (frame)
    padding = Constant <value_ints = [{padding}]> ()
    end = Add (frame_size, padding)
    stylized = Slice (full, start, end, axes)
"""
"""Text form: cuts ``full`` to the size of ``frame``."""


@dataclass(frozen=True, slots=True)
class BareGraph:
    """The network of a swift style without what makes frames of it."""

    nodes: tuple[onnx.NodeProto, ...]
    """First convolution to last, from `NETWORK_INPUT` to `CELLS`."""
    factor: int
    """Lines and columns of the cells that the last convolution gives."""

    @property
    def first(self) -> onnx.NodeProto:
        """Return the first convolution."""
        return self.nodes[0]

    @property
    def last(self) -> onnx.NodeProto:
        """Return the last convolution."""
        return self.nodes[-1]


def bare_graph(model: onnx.ModelProto) -> BareGraph:
    """Cut the ends off a style graph.

    Args:
        model: The graph of a swift net; left as it is.

    Returns:
        Copies of the nodes between.

    Raises:
        GraphError: no graph of a swift net.
    """
    at = [i for i, node in enumerate(model.graph.node) if node.op_type == "Conv"]
    if len(at) < 2:
        raise GraphError(f"graph: expected a network, got {len(at)} convolutions")
    nodes = tuple(copy_node(node) for node in model.graph.node[at[0] : at[-1] + 1])
    channels = shape_of(model, nodes[-1].input[1])[0]
    factor = {12: 2, 48: 4}.get(channels)
    if factor is None or shape_of(model, nodes[0].input[1])[1] != 3:
        raise GraphError(
            "graph: expected a swift network, whose last convolution gives cells of "
            f"12 or 48 numbers, got one of {channels}"
        )
    rename(nodes, {nodes[0].input[0]: NETWORK_INPUT, nodes[-1].output[0]: CELLS})
    return BareGraph(nodes, factor)


def with_ends(
    model: onnx.ModelProto, bare: BareGraph, *, before: str, after: str
) -> onnx.ModelProto:
    """Put other ends around a network.

    Args:
        model: What `bare` was cut from; gives inputs, outputs, weights and metadata.
        bare: The network.
        before: A graph in ONNX's text form, ``frame`` to `NETWORK_INPUT`.
        after: Another, `CELLS` and ``frame`` to ``stylized``.

    Returns:
        A new model, checked.
    """
    result = onnx.ModelProto()
    result.CopyFrom(model)
    nodes = (*end_nodes(before, "in_"), *bare.nodes, *end_nodes(after, "out_"))
    replace_nodes(result, nodes)
    onnx.checker.check_model(result, full_check=True)
    return result


def end_nodes(text: str, prefix: str) -> list[onnx.NodeProto]:
    """Return the nodes of a graph in text form, all inner names behind `prefix`."""
    graph = parser.parse_model(text).graph
    public = {value.name for value in (*graph.input, *graph.output)}
    inner = {name for node in graph.node for name in node.output if name not in public}
    rename(graph.node, {name: prefix + name for name in inner})
    for node in graph.node:
        node.name = f"{prefix}{node.output[0].removeprefix(prefix)}"
    return list(graph.node)


def rename(nodes: Iterable[onnx.NodeProto], names: dict[str, str]) -> None:
    """Call tensors by other names, in place."""
    for node in nodes:
        for tensors in (node.input, node.output):
            for index, name in enumerate(tensors):
                tensors[index] = names.get(name, name)


def replace_nodes(model: onnx.ModelProto, nodes: Sequence[onnx.NodeProto]) -> None:
    """Give a model other nodes, in place, and drop the weights that none reads."""
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    used = {name for node in nodes for name in node.input}
    kept = [tensor for tensor in model.graph.initializer if tensor.name in used]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)


def shape_of(model: onnx.ModelProto, name: str) -> tuple[int, ...]:
    """Return the shape of a weight.

    Raises:
        GraphError: there is no such weight.
    """
    return tuple(tensor_of(model, name).dims)


def tensor_of(model: onnx.ModelProto, name: str) -> onnx.TensorProto:
    """Return a weight itself, not a copy.

    Raises:
        GraphError: there is no such weight.
    """
    tensor: onnx.TensorProto
    for tensor in model.graph.initializer:
        if tensor.name == name:
            return tensor
    raise GraphError(f"graph: expected a weight {name!r}, got none of that name")


def copy_node(node: onnx.NodeProto) -> onnx.NodeProto:
    """Return an equal node."""
    copy = helper.make_node(node.op_type, [], [])
    copy.CopyFrom(node)
    return copy


def scale_weight(model: onnx.ModelProto, name: str, factor: float) -> None:
    """Multiply a weight by `factor`, in place."""
    tensor = tensor_of(model, name)
    _set(tensor, numpy_helper.to_array(tensor).astype(np.float64) * factor)


def shift_weight(model: onnx.ModelProto, name: str, shift: np.ndarray | float) -> None:
    """Add `shift` to a weight, in place."""
    tensor = tensor_of(model, name)
    _set(tensor, numpy_helper.to_array(tensor).astype(np.float64) + shift)


def _set(tensor: onnx.TensorProto, values: np.ndarray) -> None:
    tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float32), tensor.name))
