"""A style file without a network: it inverts. Small enough for an emulated CPU."""

from pathlib import Path

import onnx
from onnx import TensorProto, helper

from rtstyle.style_file import CARD_VERSION, with_card


def write_inverting_style(path: Path, *, name: str = "invert") -> Path:
    """Write a style file whose stylized frame is 255 minus the frame."""
    sides: list[str | int | None] = ["H", "W", 3]
    nodes = [
        helper.make_node("Cast", ["frame"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Sub", ["white", "floats"], ["inverted"]),
        helper.make_node("Cast", ["inverted"], ["stylized"], to=TensorProto.UINT8),
    ]
    graph = helper.make_graph(
        nodes,
        "invert",
        [helper.make_tensor_value_info("frame", TensorProto.UINT8, sides)],
        [helper.make_tensor_value_info("stylized", TensorProto.UINT8, sides)],
        [helper.make_tensor("white", TensorProto.FLOAT, [], [255.0])],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    )
    onnx.checker.check_model(model)
    card = {"version": CARD_VERSION, "name": name, "kind": "image"}
    path.write_bytes(with_card(model.SerializeToString(), card))
    return path
