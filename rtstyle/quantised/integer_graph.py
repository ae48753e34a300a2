"""The float network of a style, laid out so that its int8 form runs at full speed.

onnxruntime's fast int8 convolution reads bytes with the channels last and wants
channels in fours on the way in and in sixteens on the way out. A frame is that
already when four pixels count as twelve channels.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from rtstyle.errors import GraphError
from rtstyle.quantised.bare import (
    CELLS,
    NETWORK_INPUT,
    bare_graph,
    replace_nodes,
    shape_of,
    shift_weight,
    tensor_of,
)

GROUP = 4
"""Pixels that the first convolution reads as one."""
SIXTEEN = 16
"""What the last convolution's channels are filled up to a multiple of."""
MIDDLE = 128
"""The byte that stands for zero in front of the first convolution."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class IntegerGraph:
    """A bare network in its new layout, still in float."""

    model: onnx.ModelProto
    """From `NETWORK_INPUT` to `CELLS`."""
    factor: int
    """Lines and columns of a cell."""
    multiple: int
    """What height and width are padded to, in pixels."""
    padding: int
    """By how much edges are repeated on every side besides, in pixels."""
    group: int
    """Cells that stand side by side in the channels of one; runs of bytes are
    ``3 * factor * group`` long, and what is behind ``factor`` of them is filling."""


def integer_graph(model: onnx.ModelProto) -> IntegerGraph:
    """Return the bare network in its new layout, still in float.

    Args:
        model: A style graph with the ends of `with_fast_ends`; left as it is.

    Returns:
        A model from `NETWORK_INPUT`, ``[1, 12, H, W / 4]`` float, bytes minus `MIDDLE`,
        to `CELLS`, float, 0..255 unclamped, its channels a multiple of 16.

    Raises:
        GraphError: no graph of a swift net with such ends.
    """
    bare = bare_graph(model)
    if not any(node.name == "in_door" for node in model.graph.node):
        raise GraphError(
            "graph: expected a style file of this version; export it again"
        )
    work = onnx.ModelProto()
    work.CopyFrom(model)
    nodes = list(bare.nodes)
    _group_pixels(work, nodes)
    for resize in [node for node in nodes if node.op_type == "Resize"]:
        _repeat_in_place(work, nodes, resize)
    for shuffle in [node for node in nodes if node.op_type == "DepthToSpace"]:
        _shuffle_in_place(work, nodes, shuffle)
    group = _group_cells(work, nodes, factor=bare.factor)
    replace_nodes(work, nodes)
    for values, name in ((work.graph.input, NETWORK_INPUT), (work.graph.output, CELLS)):
        del values[:]
        shape = [1, None, None, None]
        kind = onnx.TensorProto.FLOAT
        values.append(helper.make_tensor_value_info(name, kind, shape))
    onnx.checker.check_model(work, full_check=True)
    multiple, padding = (constant_of(model, f"in_{n}") for n in ("multiple", "padding"))
    return IntegerGraph(work, bare.factor, multiple, padding, group)


def constant_of(model: onnx.ModelProto, name: str) -> int:
    """Return the number that a graph holds as the constant `name`, or 0."""
    for node in model.graph.node:
        if node.op_type == "Constant" and node.output[0] == name:
            return int(node.attribute[0].ints[0])
    return 0


def network_input_of(
    frame: npt.NDArray[np.uint8], *, multiple: int, padding: int = 0
) -> Floats:
    """Return what the network's new first convolution reads, for one frame.

    Args:
        frame: RGB, shape ``(H, W, 3)``, uint8.
        multiple: What height and width are padded to, in pixels.
        padding: By how much edges are repeated on every side besides, in pixels.

    Returns:
        Shape ``(1, 12, H', W' / 4)``, float32, -128..127.
    """
    down, right = (-length % multiple for length in frame.shape[:2])
    widths = ((padding, padding + down), (padding, padding + right), (0, 0))
    padded = np.pad(frame, widths, mode="edge")
    grouped = padded.reshape(padded.shape[0], -1, 3 * GROUP).transpose(2, 0, 1)
    return np.asarray(grouped[None], np.float32) - np.float32(MIDDLE)


def grouped_kernel(weight: Floats) -> Floats:
    """Return the kernel that does for four pixels what `weight` does for one.

    Args:
        weight: Shape ``(n, 3, 3, 3)``, for stride 2 and padding 1.

    Returns:
        Shape ``(2 n, 12, 3, 2)``, for strides (2, 1), padded by 1 above and at the
        left: both outputs of four pixels, from these and the four at their left.
    """
    outputs = weight.shape[0]
    kernel = np.zeros((2, outputs, GROUP, 3, 3, 2), np.float32)
    for right in range(2):
        for tap in range(3):
            column = 2 * right - 1 + tap
            here = int(column >= 0)
            kernel[right, :, column % GROUP, :, :, here] = weight[:, :, :, tap]
    return kernel.reshape(2 * outputs, GROUP * 3, 3, 2)


def _group_pixels(model: onnx.ModelProto, nodes: list[onnx.NodeProto]) -> None:
    """Let the first convolution and its ReLU read four pixels as one."""
    conv, relu = nodes[0], nodes[1]
    weight = numpy_helper.to_array(tensor_of(model, conv.input[1]))
    if weight.shape[1:] != (3, 3, 3) or relu.op_type != "Relu":
        raise GraphError("graph: expected a 3x3 convolution and a ReLU at the start")
    shift_weight(model, conv.input[2], 0.5 * weight.sum(axis=(1, 2, 3)))
    _store(model, conv.input[1], grouped_kernel(weight))
    bias = numpy_helper.to_array(tensor_of(model, conv.input[2]))
    _store(model, conv.input[2], np.tile(bias, 2))
    del conv.attribute[:]
    shape = {"kernel_shape": [3, 2], "strides": [2, 1], "pads": [1, 1, 1, 0]}
    conv.attribute.extend(helper.make_attribute(*item) for item in shape.items())
    whole = relu.output[0]
    relu.output[0] = "stem_grouped"
    nodes[2:2] = _regroup(model, "stem_grouped", whole, weight.shape[0])


def _regroup(
    model: onnx.ModelProto, source: str, result: str, channels: int
) -> list[onnx.NodeProto]:
    """Return the nodes that make another number of channels of the same numbers."""
    _store(model, f"{result}_shape", np.array([0, 0, -1, channels]))
    make = helper.make_node
    return [
        make("Transpose", [source], [f"{result}_of"], perm=[0, 2, 3, 1]),
        make("Reshape", [f"{result}_of", f"{result}_shape"], [f"{result}_last"]),
        make("Transpose", [f"{result}_last"], [result], perm=[0, 3, 1, 2]),
    ]


def _repeat_in_place(
    model: onnx.ModelProto, nodes: list[onnx.NodeProto], resize: onnx.NodeProto
) -> None:
    """Double columns by a convolution of twice the channels, lines by copying them."""
    at = nodes.index(resize)
    conv = next(node for node in nodes if node.output[0] == resize.input[0])
    if conv.op_type != "Conv":
        raise GraphError(f"graph: expected a convolution, got {conv.op_type}")
    weight, bias = (numpy_helper.to_array(tensor_of(model, n)) for n in conv.input[1:])
    _store(model, conv.input[1], np.concatenate([weight, weight]))
    _store(model, conv.input[2], np.tile(bias, 2))
    name, make = resize.output[0], helper.make_node
    wide = _regroup(model, resize.input[0], f"{name}_wide", weight.shape[0])[:2]
    lines = f"{name}_wide_last"
    _store(model, "two_lines", np.array([1, 2, 1, 1]))
    nodes[at : at + 1] = [
        *wide,
        make("Concat", [lines, lines], [f"{name}_twice"], axis=2),
        make("Shape", [lines], [f"{name}_lines"]),
        make("Mul", [f"{name}_lines", "two_lines"], [f"{name}_shape"]),
        make("Reshape", [f"{name}_twice", f"{name}_shape"], [f"{name}_last"]),
        make("Transpose", [f"{name}_last"], [name], perm=[0, 3, 1, 2]),
    ]


def _shuffle_in_place(
    model: onnx.ModelProto, nodes: list[onnx.NodeProto], shuffle: onnx.NodeProto
) -> None:
    """Move whole runs of channels instead of single numbers.

    The convolution's outputs come in the order (line, column, channel) for that, so a
    line of a cell is one run of memory.
    """
    at = nodes.index(shuffle)
    relu = next(node for node in nodes if node.output[0] == shuffle.input[0])
    conv = next(node for node in nodes if node.output[0] == relu.input[0])
    if (relu.op_type, conv.op_type) != ("Relu", "Conv"):
        raise GraphError(
            "graph: expected a convolution and a ReLU in front of a pixel shuffle, "
            f"got {conv.op_type} and {relu.op_type}"
        )
    width = next(a.i for a in shuffle.attribute if a.name == "blocksize")
    for name in conv.input[1:]:
        values = numpy_helper.to_array(tensor_of(model, name))
        cells = values.reshape(-1, width * width, *values.shape[1:])
        _store(model, name, cells.swapaxes(0, 1).reshape(values.shape))
    name, make = shuffle.output[0], helper.make_node
    run = shape_of(model, conv.input[1])[0] // width
    _store(model, f"{name}_lines", np.array([0, 0, 0, width, run]))
    _store(model, f"{name}_times", np.array([1, width, width, 1]))
    _store(model, f"{name}_over", np.array([1, 1, 1, width * width]))
    nodes[at : at + 1] = [
        make("Transpose", [relu.output[0]], [f"{name}_of"], perm=[0, 2, 3, 1]),
        make("Reshape", [f"{name}_of", f"{name}_lines"], [f"{name}_apart"]),
        make("Transpose", [f"{name}_apart"], [f"{name}_moved"], perm=[0, 1, 3, 2, 4]),
        make("Shape", [f"{name}_of"], [f"{name}_size"]),
        make("Mul", [f"{name}_size", f"{name}_times"], [f"{name}_whole"]),
        make("Div", [f"{name}_whole", f"{name}_over"], [f"{name}_shape"]),
        make("Reshape", [f"{name}_moved", f"{name}_shape"], [f"{name}_last"]),
        make("Transpose", [f"{name}_last"], [name], perm=[0, 3, 1, 2]),
    ]


def _group_cells(
    model: onnx.ModelProto, nodes: list[onnx.NodeProto], *, factor: int
) -> int:
    """Let the last convolution make sixteens of channels, of two cells if it must.

    Returns:
        How many cells stand in one's channels.
    """
    last = nodes[-1]
    weight, bias = (numpy_helper.to_array(tensor_of(model, n)) for n in last.input[1:])
    group = 1 if weight.shape[0] % SIXTEEN == 0 else 2
    if group == 2:
        weight, bias = paired_kernel(weight, factor=factor), paired_bias(bias, factor)
        nodes[-1:] = [*_regroup(model, last.input[0], "pairs", weight.shape[1]), last]
        last.input[0] = "pairs"
    missing = -weight.shape[0] % SIXTEEN
    _store(model, last.input[1], np.pad(weight, [(0, missing), *[(0, 0)] * 3]))
    _store(model, last.input[2], np.pad(bias, (0, missing)))
    return group


def paired_kernel(weight: Floats, *, factor: int) -> Floats:
    """Return the kernel that makes two neighbouring cells at once.

    Args:
        weight: Shape ``(factor * r, n, 3, 3)``, its outputs in the order (line, rest).
        factor: Lines of a cell.

    Returns:
        Shape ``(factor * 2 * r, 2 n, 3, 3)``, its outputs in the order (line, cell,
        rest), its inputs in the order (cell, channel); padded by 1 on all sides.
    """
    outputs, inputs = weight.shape[:2]
    rest = outputs // factor
    kernel = np.zeros((factor, 2, rest, 2, inputs, 3, 3), np.float32)
    lines = weight.reshape(factor, rest, inputs, 3, 3)
    for cell in range(2):
        for tap in range(3):
            column = cell - 1 + tap
            kernel[:, cell, :, column % 2, :, :, column // 2 + 1] = lines[..., tap]
    return kernel.reshape(2 * outputs, 2 * inputs, 3, 3)


def paired_bias(bias: Floats, factor: int) -> Floats:
    """Return the bias that goes with `paired_kernel`."""
    return np.repeat(bias.reshape(factor, 1, -1), 2, axis=1).reshape(-1)


def _store(model: onnx.ModelProto, name: str, values: np.ndarray) -> None:
    """Set a weight, or make it."""
    tensor = numpy_helper.from_array(values, name)
    for old in model.graph.initializer:
        if old.name == name:
            old.CopyFrom(tensor)
            return
    model.graph.initializer.append(tensor)
