"""Style files of a few hundred bytes, made without torch."""

from pathlib import Path
from typing import Any

from onnx import TensorProto, helper

from rtstyle.style_file import CARD_VERSION, with_card

CARD: dict[str, Any] = {
    "version": CARD_VERSION,
    "name": "negative",
    "title": "Negative",
    "kind": "image",
    "inputs": {},
}


def negative_model(
    *,
    input_name: str = "frame",
    element: int = TensorProto.UINT8,
    opset: int = 18,
    domain: str = "",
) -> bytes:
    """Return a graph that turns every value v into 255 - v."""
    shape: list[str | int | None] = ["H", "W", 3]
    frame = helper.make_tensor_value_info(input_name, element, shape)
    stylized = helper.make_tensor_value_info("stylized", element, shape)
    white = helper.make_tensor("white", element, [], [255])
    graph = helper.make_graph(
        [helper.make_node("Sub", ["white", input_name], ["stylized"], domain=domain)],
        "negative",
        [frame],
        [stylized],
        [white],
    )
    opsets = [helper.make_opsetid("", opset)]
    if domain:
        opsets.append(helper.make_opsetid(domain, 1))
    data: bytes = helper.make_model(
        graph, opset_imports=opsets, ir_version=9
    ).SerializeToString()
    return data


def negative_style(card: dict[str, Any] | None = None) -> bytes:
    """Return a whole style file: the negative, with a card."""
    return with_card(negative_model(), CARD | (card or {}))


def write_negative(folder: Path, name: str = "negative") -> Path:
    """Write the negative as a style file and return its path."""
    path = folder / f"{name}.onnx"
    path.write_bytes(negative_style({"name": name}))
    return path
