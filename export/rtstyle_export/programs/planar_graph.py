"""A style graph as video programs want it: planes of floats in and out."""

import onnx
from onnx import TensorProto, helper

from rtstyle.runtime.graphs.float_ends import FLOATS, LAST, with_float_ends
from rtstyle.style_file import FRAME_INPUT, FRAME_OUTPUT

INPUT, OUTPUT = "rgb", "stylized_rgb"
"""Names of the only input and the only output."""
BATCH, HEIGHT, WIDTH = 1, "H", "W"
"""Dimensions of both that are not channels; height and width are open."""
Node = onnx.NodeProto


def planar_graph(model: bytes) -> bytes:
    """Return a graph that takes and gives planes of floats, and paints the same bytes.

    What comes in is rounded to bytes, and what goes out are bytes over 255: a program
    that scales by 255 and rounds has exactly the picture of the style graph.

    Args:
        model: A serialised style graph, in any precision.

    Returns:
        A serialised graph, `INPUT` float32 ``[1, 3, H, W]``, RGB, 0..1, to `OUTPUT` of
        the same kind. Its metadata is that of `model`.

    Source:
        What FFmpeg's ``dnn_backend_onnx.c`` accepts: four dimensions, one input, batch
        1, float; it fills in 0..1 and reads the layout as NCHW.
    """
    try:
        proto = onnx.load_from_string(with_float_ends(model))
        nodes = list(proto.graph.node)[1:-1]  # between the casts from and to bytes
        before, after, casts = FLOATS, LAST, False
    except ValueError:  # computes on bytes, as an int8 twin does
        proto = onnx.load_from_string(model)
        nodes = list(proto.graph.node)
        before, after, casts = FRAME_INPUT, FRAME_OUTPUT, True
    whole = [*_to_picture(before, casts), *nodes, *_to_planes(after, casts)]
    copies = [Node.FromString(node.SerializeToString()) for node in whole]
    graph = proto.graph
    del graph.node[:], graph.input[:], graph.output[:], graph.value_info[:]
    graph.node.extend(copies)
    shape: list[str | int | None] = [BATCH, 3, HEIGHT, WIDTH]
    for name, values in ((INPUT, graph.input), (OUTPUT, graph.output)):
        values.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
    graph.initializer.extend(_constants())
    onnx.checker.check_model(proto, full_check=True)
    data: bytes = proto.SerializeToString(deterministic=True)
    return data


def _to_picture(name: str, casts: bool) -> list[Node]:
    """Return the nodes from `INPUT` to a picture ``[H, W, 3]`` of levels 0..255."""
    last = "planar_hwc" if casts else name
    nodes = [
        helper.make_node("Mul", [INPUT, "planar_top"], ["planar_levels"]),
        helper.make_node("Round", ["planar_levels"], ["planar_whole"]),
        helper.make_node(
            "Clip", ["planar_whole", "planar_zero", "planar_top"], ["planar_bounded"]
        ),
        helper.make_node("Squeeze", ["planar_bounded", "planar_axis"], ["planar_chw"]),
        helper.make_node("Transpose", ["planar_chw"], [last], perm=[1, 2, 0]),
    ]
    if casts:
        nodes.append(helper.make_node("Cast", [last], [name], to=TensorProto.UINT8))
    return nodes


def _to_planes(name: str, casts: bool) -> list[Node]:
    """Return the nodes from a picture of levels 0..255 to `OUTPUT`."""
    first = [helper.make_node("Cast", [name], ["planar_out"], to=TensorProto.FLOAT)]
    if not casts:  # a cast to bytes truncates; an fp16 twin ends in fp16
        first[0].output[0] = "planar_any"
        first.append(helper.make_node("Floor", ["planar_any"], ["planar_out"]))
    return [
        *first,
        helper.make_node("Transpose", ["planar_out"], ["planar_made"], perm=[2, 0, 1]),
        helper.make_node("Unsqueeze", ["planar_made", "planar_axis"], ["planar_batch"]),
        helper.make_node("Div", ["planar_batch", "planar_top"], [OUTPUT]),
    ]


def _constants() -> list[TensorProto]:
    return [
        helper.make_tensor("planar_top", TensorProto.FLOAT, [], [255.0]),
        helper.make_tensor("planar_zero", TensorProto.FLOAT, [], [0.0]),
        helper.make_tensor("planar_axis", TensorProto.INT64, [1], [0]),
    ]
