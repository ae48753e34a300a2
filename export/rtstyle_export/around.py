"""The graph around an ONNX network of others: raw frame in, raw frame out."""

from typing import Any, Final

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from rtstyle.style_file import FRAME_INPUT, FRAME_OUTPUT
from rtstyle_export.to_onnx import OPSET, clean

LEVELS: Final = {"255": "0..255", "1": "0..1", "-1..1": "-1..1"}
"""How a network may count colours, and how to call it."""
SCALES: Final = {"255": (1.0, 0.0), "1": (255.0, 0.0), "-1..1": (127.5, 127.5)}
"""A frame's values are these times the network's, plus these."""


class Around:
    """Collects nodes and constants between frame, network and stylized frame."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self._count = 0

    def __call__(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node and return the name of what it makes."""
        self._count += 1
        name = f"{operator.lower()}_{self._count}"
        self.nodes.append(
            helper.make_node(operator, inputs, [name], name, **attributes)
        )
        return name

    def constant(self, values: Any, kind: type[np.generic] = np.int64) -> str:
        """Add a constant and return its name."""
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.array(values, kind), name))
        return name


def around(
    network: onnx.ModelProto,
    *,
    given: str,
    made: str,
    is_half: bool,
    channels_last: bool,
    size: tuple[int, int] | None,
    levels: str,
    multiple: int,
) -> bytes:
    """Return a graph from ``frame`` to ``stylized`` with a network in its middle.

    Args:
        network: Of opset `OPSET`; its names are not to be ours.
        given: Name of its input, ``(1, 3, H, W)``.
        made: Name of its output.
        is_half: Whether it counts in float16.
        channels_last: Whether it is ``(1, H, W, 3)``.
        size: Height and width that it takes; frames are resized to it and back. None
            is any.
        levels: One of `LEVELS`.
        multiple: What height and width have to be multiples of; edges are repeated.

    Returns:
        A serialised model without a card.
    """
    add = Around()
    scale, shift = SCALES[levels]
    hwc = add("Shape", FRAME_INPUT)
    height_width = add("Slice", hwc, add.constant([0]), add.constant([2]))
    batch = _batch(add, multiple=multiple, size=size, height_width=height_width)
    batch = add("Sub", batch, add.constant(shift, np.float32))
    batch = add("Div", batch, add.constant(scale, np.float32))
    if channels_last:
        batch = add("Transpose", batch, perm=[0, 2, 3, 1])
    kind = TensorProto.FLOAT16 if is_half else TensorProto.FLOAT
    add.nodes.append(helper.make_node("Cast", [batch], [given], to=kind))
    before, add.nodes = add.nodes, []
    picture = add("Cast", made, to=TensorProto.FLOAT)
    if channels_last:
        picture = add("Transpose", picture, perm=[0, 3, 1, 2])
    picture = add("Mul", picture, add.constant(scale, np.float32))
    picture = add("Add", picture, add.constant(shift, np.float32))
    if size is not None:
        colours = add.constant([1, 3])
        shape = add("Concat", colours, height_width, axis=0)
        picture = add("Resize", picture, "", "", shape, mode="linear")
    else:
        axes = add.constant([2, 3])
        picture = add("Slice", picture, add.constant([0, 0]), height_width, axes)
    picture = add("Squeeze", picture, add.constant([0]))
    picture = add("Transpose", picture, perm=[1, 2, 0])
    picture = add("Add", picture, add.constant(0.5, np.float32))  # a cast truncates
    ends = add.constant(0.0, np.float32), add.constant(255.0, np.float32)
    picture = add("Clip", picture, *ends)
    add.nodes.append(
        helper.make_node("Cast", [picture], [FRAME_OUTPUT], to=TensorProto.UINT8)
    )
    return _model(network, before, add)


def _batch(
    add: Around, *, multiple: int, size: tuple[int, int] | None, height_width: str
) -> str:
    """Return the frame as ``(1, 3, H', W')``, float32, 0..255, in a size to take."""
    pixels = add("Cast", FRAME_INPUT, to=TensorProto.FLOAT)
    pixels = add("Transpose", pixels, perm=[2, 0, 1])
    pixels = add("Unsqueeze", pixels, add.constant([0]))
    if size is not None:
        shape = add.constant([1, 3, *size])
        return add("Resize", pixels, "", "", shape, mode="linear", antialias=1)
    if multiple == 1:
        return pixels
    step = add.constant([multiple, multiple])
    missing = add("Mod", add("Sub", step, add("Mod", height_width, step)), step)
    pads = add("Concat", add.constant([0] * 6), missing, axis=0)
    return add("Pad", pixels, pads, mode="edge")


def _model(
    network: onnx.ModelProto, before: list[onnx.NodeProto], after: Around
) -> bytes:
    """Put the three parts together."""
    shape: list[str | int | None] = ["H", "W", 3]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.UINT8, shape)
        for name in (FRAME_INPUT, FRAME_OUTPUT)
    ]
    graph = helper.make_graph(
        [*before, *network.graph.node, *after.nodes],
        "rtstyle",
        ends[:1],
        ends[1:],
        [*after.constants, *network.graph.initializer],
    )
    opset = helper.make_opsetid("", OPSET)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=9)
    clean(model)
    data: bytes = model.SerializeToString(deterministic=True)
    return data
