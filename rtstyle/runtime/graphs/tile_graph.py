"""Split a style graph so that it can run on tiles with statistics of the whole picture.

Instance norm depends on the whole picture, so a tile alone would look different. Every
norm is therefore taken out of the graph: one graph for each norm measures its
statistics, which are inputs of all later graphs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from rtstyle.runtime.graphs.node_order import sort_nodes
from rtstyle.style_file import FRAME_INPUT, FRAME_OUTPUT

CORE = "tile_core"
"""Input: int64 ``[4]``, first line and column and one past the last ones, in pixels of
the measured features; where tiles overlap, each pixel counts for one tile."""
MEAN, VARIANCE, SIZE = "tile_mean", "tile_variance", "tile_size"
"""Outputs: figures of each channel, ``[1, C, 1, 1]``, and the measured shape, int64
``[4]``."""
ALONE = {
    *("Add", "Sub", "Mul", "Div", "Relu", "Clip", "Cast", "Identity", "Pad", "Slice"),
    *(
        "Transpose",
        "Unsqueeze",
        "Squeeze",
        "Reshape",
        "Gather",
        "InstanceNormalization",
    ),
}
"""Operators whose output at a place depends only on their input there, and
`InstanceNormalization`, which is taken out."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Norm:
    """One instance norm of a style graph."""

    input: str
    """Tensor that it normalises."""
    output: str
    """Tensor that it outputs."""
    weight: Floats
    """Scale, ``(C,)``."""
    bias: Floats
    """Shift, ``(C,)``."""
    epsilon: float
    """Added to the variance."""
    stride: int
    """Pixels of the frame per pixel of its input."""

    def affine(
        self, mean: npt.NDArray[np.float64], variance: npt.NDArray[np.float64]
    ) -> tuple[Floats, Floats]:
        """Return scale and shift, ``[1, C, 1, 1]``, for statistics ``(C,)``."""
        scale = self.weight / np.sqrt(variance + self.epsilon)
        shift = self.bias - mean * scale
        shape = (1, -1, 1, 1)
        return (
            scale.reshape(shape).astype(np.float32),
            shift.reshape(shape).astype(np.float32),
        )


@dataclass(frozen=True, slots=True)
class TileGraphs:
    """The graphs that stylize a picture tile by tile."""

    norms: tuple[Norm, ...]
    """Norms in the order in which they are measured."""
    measuring: tuple[bytes, ...]
    """For each norm: ``frame``, `CORE` and the scales of the norms before it in;
    `MEAN`, `VARIANCE`, `SIZE` out."""
    painting: bytes
    """``frame`` and all scales in, ``stylized`` out."""
    reach: int
    """How far the output at a place depends on its surroundings, in pixels; a multiple
    of `multiple`."""
    multiple: int
    """Tiles begin and end at multiples of this, in pixels."""


def scale_name(index: int) -> str:
    """Return the name of the input for a norm's scale, ``[1, C, 1, 1]``."""
    return f"tile_scale_{index}"


def shift_name(index: int) -> str:
    """Return the name of the input for a norm's shift, ``[1, C, 1, 1]``."""
    return f"tile_shift_{index}"


def tile_graphs(model: bytes) -> TileGraphs:
    """Split a style graph into those that measure and the one that paints.

    Args:
        model: A serialised style graph in which only instance norms depend on the
            whole picture.

    Raises:
        ValueError: another operator depends on the whole picture, or may do so.
    """
    proto = onnx.load_from_string(model)
    sort_nodes(proto.graph)
    constants = constants_of(proto.graph)
    fields = fields_of(proto.graph, constants)
    norms = tuple(
        Norm(
            node.input[0],
            node.output[0],
            constants[node.input[1]].astype(np.float32),
            constants[node.input[2]].astype(np.float32),
            next((a.f for a in node.attribute if a.name == "epsilon"), 1e-5),
            _whole(fields[node.input[0]][1]),
        )
        for node in proto.graph.node
        if node.op_type == "InstanceNormalization"
    )
    multiple = max(_whole(jump) for _, jump in fields.values() if jump >= 1)
    reach, jump = fields[FRAME_OUTPUT]
    reach += max(jump, *(j for _, j in fields.values()))  # a cell is written whole
    opened = _with_scales(proto, norms)
    return TileGraphs(
        norms=norms,
        measuring=tuple(_measuring(opened, norms, n) for n in range(len(norms))),
        painting=_pruned(opened, [FRAME_OUTPUT]).SerializeToString(),
        reach=-(-int(np.ceil(float(reach))) // multiple) * multiple,
        multiple=multiple,
    )


def fields_of(
    graph: onnx.GraphProto, constants: dict[str, npt.NDArray[np.generic]]
) -> dict[str, tuple[Fraction, Fraction]]:
    """Return the reach and the step of every tensor that depends on the frame.

    Returns:
        By tensor: how many frame pixels on each side a place depends on, and how many
        frame pixels lie between one place and the next.

    Raises:
        ValueError: an operator may depend on more than these figures say.
    """
    fields = {FRAME_INPUT: (Fraction(0), Fraction(1))}
    for node in graph.node:
        inputs = [fields[name] for name in node.input if name in fields]
        if not inputs or node.op_type == "Shape":
            continue
        reach, jump = max(r for r, _ in inputs), max(j for _, j in inputs)
        if node.op_type == "Conv":
            kernel = constants[node.input[1]].shape[-1]
            around = dict.fromkeys(("strides", "dilations"), 1)
            around |= {a.name: a.ints[0] for a in node.attribute if a.ints}
            reach += kernel // 2 * around["dilations"] * jump
            jump *= around["strides"]
        elif node.op_type == "Resize":
            reach += jump
            jump /= _factor(node, constants)
        elif node.op_type == "DepthToSpace":
            reach += jump
            jump /= next(a.i for a in node.attribute if a.name == "blocksize")
        elif node.op_type not in ALONE:
            raise ValueError(f"tiles: expected no {node.op_type} on the frame's way")
        fields.update(dict.fromkeys(node.output, (reach, jump)))
    return fields


def constants_of(graph: onnx.GraphProto) -> dict[str, npt.NDArray[np.generic]]:
    """Return the tensors of a graph that are known without running it."""
    constants = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            value = node.attribute[0]
            array = (
                numpy_helper.to_array(value.t)
                if value.HasField("t")
                else np.array(helper.get_attribute_value(value))
            )
            constants[node.output[0]] = array
        elif node.op_type == "ConstantOfShape" and node.input[0] in constants:
            fill = numpy_helper.to_array(node.attribute[0].t)
            constants[node.output[0]] = np.broadcast_to(fill, constants[node.input[0]])
    return constants


def _factor(
    node: onnx.NodeProto, constants: dict[str, npt.NDArray[np.generic]]
) -> Fraction:
    scales = constants.get(node.input[2]) if len(node.input) > 2 else None
    if scales is None or scales.size != 4:
        raise ValueError("tiles: expected a Resize by constant factors")
    return Fraction(float(scales[-1]))


def _whole(jump: Fraction) -> int:
    if jump.denominator != 1:
        raise ValueError(f"tiles: expected whole steps of pixels, got {jump}")
    return int(jump)


def _with_scales(model: onnx.ModelProto, norms: Sequence[Norm]) -> onnx.ModelProto:
    """Return a copy in which each norm is a scale and a shift taken as inputs."""
    opened = onnx.ModelProto()
    opened.CopyFrom(model)
    index = 0
    for node in opened.graph.node:
        if node.op_type == "InstanceNormalization":
            source, target = node.input[0], node.output[0]
            scaled = f"{target}_scaled"
            node.CopyFrom(
                helper.make_node("Mul", [source, scale_name(index)], [scaled])
            )
            index += 1
    scaled_names = [f"{norm.output}_scaled" for norm in norms]
    nodes = []
    for node in opened.graph.node:
        nodes.append(node)
        if node.op_type == "Mul" and node.output[0] in scaled_names:
            index = scaled_names.index(node.output[0])
            add = [node.output[0], shift_name(index)]
            nodes.append(helper.make_node("Add", add, [norms[index].output]))
    kept = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del opened.graph.node[:], opened.graph.value_info[:]
    opened.graph.node.extend(kept)
    for index, norm in enumerate(norms):
        shape = [1, norm.weight.size, 1, 1]
        for name in (scale_name(index), shift_name(index)):
            value = helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            opened.graph.input.append(value)
    return opened


def _measuring(model: onnx.ModelProto, norms: Sequence[Norm], index: int) -> bytes:
    """Return the graph that measures one norm's input."""
    graph = onnx.ModelProto()
    graph.CopyFrom(model)
    add = graph.graph.node.append
    for name, values in (("tile_axes", [2, 3]), ("tile_half", [2, 2])):
        graph.graph.initializer.append(
            numpy_helper.from_array(np.array(values, np.int64), name)
        )
    add(
        helper.make_node("Split", [CORE, "tile_half"], ["tile_from", "tile_to"], axis=0)
    )
    sliced = [norms[index].input, "tile_from", "tile_to", "tile_axes"]
    add(helper.make_node("Slice", sliced, ["tile_inside"]))
    add(helper.make_node("Shape", ["tile_inside"], [SIZE]))
    add(helper.make_node("GlobalAveragePool", ["tile_inside"], [MEAN]))
    add(helper.make_node("Sub", ["tile_inside", MEAN], ["tile_apart"]))
    add(helper.make_node("Mul", ["tile_apart", "tile_apart"], ["tile_squares"]))
    add(helper.make_node("GlobalAveragePool", ["tile_squares"], [VARIANCE]))
    core = helper.make_tensor_value_info(CORE, TensorProto.INT64, [4])
    graph.graph.input.append(core)
    data: bytes = _pruned(graph, [MEAN, VARIANCE, SIZE]).SerializeToString()
    return data


def _pruned(model: onnx.ModelProto, outputs: Sequence[str]) -> onnx.ModelProto:
    """Return a copy that holds only what `outputs` depend on."""
    small = onnx.ModelProto()
    small.CopyFrom(model)
    needed, kept = set(outputs), []
    for node in reversed(model.graph.node):
        if needed & set(node.output):
            kept.append(node)
            needed |= set(node.input)
    graph = small.graph
    del graph.node[:], graph.output[:], graph.input[:], graph.initializer[:]
    graph.node.extend(reversed(kept))
    graph.input.extend(v for v in model.graph.input if v.name in needed)
    graph.initializer.extend(t for t in model.graph.initializer if t.name in needed)
    known = {v.name: v for v in model.graph.output}
    kinds = {SIZE: TensorProto.INT64}
    for name in outputs:
        kind = kinds.get(name, TensorProto.FLOAT)
        value = known.get(name) or helper.make_tensor_value_info(name, kind, None)
        graph.output.append(value)
    return small
