"""Scale channels against each other where it changes nothing, for bytes' sake.

One scale and one zero point serve all channels of a tensor, so channels of small range
get few of its 256 steps. Convolutions, additions, ReLUs and repeats carry a positive
factor of a channel through unchanged, and what an instance norm reads may be scaled and
shifted at will; so each channel can be given a range like the others', its producers
divided and its consumers multiplied by one factor.

Source:
    Nagel et al. 2019, "Data-Free Quantization Through Weight Equalization and Bias
    Correction", section 4.1; here across additions too, whose sides share a factor.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

from rtstyle.quantised.bare import CELLS, NETWORK_INPUT, bare_graph, tensor_of

SHARE = 0.5
"""Exponent of a channel's factor: 1 makes all ranges equal at the weights' expense,
0 leaves them."""
QUANTILE = 0.999
"""What a channel's range is taken to be, of its absolute values."""
LEAST = 1e-3
"""Of the widest channel's range: what is smaller is taken for this."""
EPSILON = 1e-5
"""Of instance norms, under the root with the variance."""
CARRY = ("Relu", "Resize", "Add")
"""Operators that carry a positive factor of a channel through."""

Floats = npt.NDArray[np.float32]
Samples = Mapping[str, Floats]
"""What tensors hold, by name, shape ``(C, K)`` each: K numbers of every channel."""


@dataclass(frozen=True, slots=True)
class Group:
    """Tensors whose channels share their factors."""

    tensors: tuple[str, ...]
    """By name, in the order of the graph."""
    is_before_norm: bool
    """Whether an instance norm alone reads them: then they may be shifted too."""


@dataclass(frozen=True, slots=True)
class Change:
    """What is done to the channels of a group: minus `shift`, over `factor`."""

    factor: Floats
    """Shape ``(C,)``, positive."""
    shift: Floats
    """Shape ``(C,)``; zeros but in front of a norm."""


def groups_of(model: onnx.ModelProto) -> tuple[Group, ...]:
    """Return the groups whose channels may be scaled, in the order of the graph.

    Args:
        model: A style graph of a swift net; left as it is.

    Raises:
        GraphError: it is none.
    """
    nodes = bare_graph(model).nodes
    first_of: dict[str, str] = {}

    def root(name: str) -> str:
        while (above := first_of.setdefault(name, name)) != name:
            name = above
        return name

    barred = {NETWORK_INPUT, CELLS}
    readers: dict[str, list[str]] = {}
    for node in nodes:
        inputs = node.input[:2] if node.op_type == "Add" else node.input[:1]
        for name in inputs:
            readers.setdefault(name, []).append(node.op_type)
            if node.op_type in CARRY:
                first_of[root(node.output[0])] = root(name)
        if node.op_type not in (*CARRY, "Conv", "InstanceNormalization"):
            barred |= {*inputs, *node.output}
    members: dict[str, list[str]] = {}
    for node in nodes:
        members.setdefault(root(node.output[0]), []).append(node.output[0])
    closed = {root(name) for name in barred}
    return tuple(
        Group(
            tuple(names),
            all(readers.get(name) == ["InstanceNormalization"] for name in names),
        )
        for first, names in members.items()
        if first not in closed
    )


def change_for(group: Group, samples: Samples) -> Change:
    """Return what gives a group's channels ranges alike.

    Args:
        group: From `groups_of`.
        samples: Of all its tensors that bytes will stand for; others may be missing.
    """
    seen = [samples[name] for name in group.tensors if name in samples]
    if group.is_before_norm:
        both = np.concatenate(seen, axis=1).astype(np.float64)
        spread = np.sqrt(both.var(axis=1) + EPSILON)
        return Change(_floats(spread), _floats(both.mean(axis=1)))
    ranges = np.max(
        [np.quantile(np.abs(part), QUANTILE, axis=1) for part in seen], axis=0
    )
    ranges = np.maximum(ranges, max(LEAST * float(ranges.max()), 1e-12))
    factor = (ranges / np.exp(np.log(ranges).mean())) ** SHARE
    return Change(_floats(factor), _floats(np.zeros_like(factor)))


def equalised(
    model: onnx.ModelProto, groups: Sequence[Group], changes: Sequence[Change]
) -> onnx.ModelProto:
    """Return the graph with other weights that gives the same pictures.

    Args:
        model: A style graph of a swift net; left as it is.
        groups: From `groups_of`.
        changes: One for each group.
    """
    of: dict[str, Change] = {}
    for group, change in zip(groups, changes, strict=True):
        of |= dict.fromkeys(group.tensors, change)
    result = onnx.ModelProto()
    result.CopyFrom(model)
    nodes = bare_graph(model).nodes
    for node in nodes:
        if node.op_type == "Conv":
            _scale_conv(result, node, of.get(node.input[0]), of.get(node.output[0]))
        elif node.op_type == "InstanceNormalization" and node.output[0] in of:
            for name in node.input[1:3]:
                _store(result, name, _values(result, name) / of[node.output[0]].factor)
    return result


def _scale_conv(
    model: onnx.ModelProto,
    conv: onnx.NodeProto,
    before: Change | None,
    behind: Change | None,
) -> None:
    """Let a convolution read changed channels and give changed ones, in place."""
    weight, bias = (_values(model, name) for name in conv.input[1:3])
    if before is not None:
        weight *= before.factor[None, :, None, None]
    if behind is not None:
        weight /= behind.factor[:, None, None, None]
        bias = (bias - behind.shift) / behind.factor
    _store(model, conv.input[1], weight)
    _store(model, conv.input[2], bias)


def _values(model: onnx.ModelProto, name: str) -> npt.NDArray[np.float64]:
    return numpy_helper.to_array(tensor_of(model, name)).astype(np.float64)


def _store(model: onnx.ModelProto, name: str, values: npt.NDArray[np.float64]) -> None:
    fresh = numpy_helper.from_array(values.astype(np.float32), name)
    tensor_of(model, name).CopyFrom(fresh)


def _floats(values: npt.NDArray[np.float64]) -> Floats:
    return np.asarray(values, np.float32)
