"""The same picture from a cheaper graph."""

import onnx

from rtstyle.quantised.bare import (
    CROP,
    PAD,
    bare_graph,
    scale_weight,
    shift_weight,
    with_ends,
)

BEFORE = (
    """
<ir_version: 9, opset_import: ["": 18]>
door (uint8[H, W, 3] frame) => (float[1, 3, h, w] door) {{
"""
    + PAD
    + """    planes = Transpose <perm = [2, 0, 1]> (padded)
    batch_axis = Constant <value_ints = [0]> ()
    batch = Unsqueeze (planes, batch_axis)
    levels = Cast <to = 1> (batch)
    middle = Constant <value_float = 127.5> ()
    door = Sub (levels, middle)
}}
"""
)
"""Padding and transposing move bytes; only then are they made floats around 0."""
AFTER = (
    """
<ir_version: 9, opset_import: ["": 18]>
after (float[1, c, h, w] cells, uint8[H, W, 3] frame) => (uint8[H, W, 3] stylized) {{
    zero = Constant <value_float = 0.0> ()
    top = Constant <value_float = 255.0> ()
    bounded = Clip (cells, zero, top)
    last = Transpose <perm = [0, 2, 3, 1]> (bounded)
    bytes = Cast <to = 2> (last)
    size = Shape <start = 1, end = 3> (bytes)
    cell = Constant <value_ints = [{factor}, {run}]> ()
    cells_shape = Concat <axis = 0> (size, cell)
    cells_bytes = Reshape (bytes, cells_shape)
    lines = Transpose <perm = [0, 2, 1, 3]> (cells_bytes)
    factor = Constant <value_ints = [{factor}]> ()
    full_size = Mul (size, factor)
    colours = Constant <value_ints = [3]> ()
    full_shape = Concat <axis = 0> (full_size, colours)
    full = Reshape (lines, full_shape)
"""
    + CROP
    + """}}
"""
)
"""The clip stands next to the convolution, which swallows it, and the transposition
next to that, where onnxruntime has to leave its blocked layout anyhow."""


def with_fast_ends(
    model: onnx.ModelProto, *, multiple: int, padding: int = 0
) -> onnx.ModelProto:
    """Return the graph of a swift net with ends that cost least in onnxruntime.

    The scale of the pixels goes into the weights of the first convolution, the half
    that makes a cast round into the bias of the last one.

    Args:
        model: What `to_onnx` makes of a swift net; left as it is. One that has such
            ends already is copied.
        multiple: What height and width are padded to, in pixels.
        padding: By how much edges are repeated on every side besides, in pixels.

    Raises:
        GraphError: no graph of a swift net.
    """
    bare = bare_graph(model)
    result = onnx.ModelProto()
    result.CopyFrom(model)
    if any(node.name == "in_door" for node in model.graph.node):
        return result
    scale_weight(result, bare.first.input[1], 1.0 / 255.0)
    shift_weight(result, bare.last.input[2], 0.5)
    return with_ends(
        result,
        bare,
        before=BEFORE.format(multiple=multiple, rest=multiple - 1, padding=padding),
        after=AFTER.format(factor=bare.factor, run=3 * bare.factor, padding=padding),
    )
