"""Style files: what is refused before any runtime sees it."""

from pathlib import Path

import onnx
import pytest
from onnx import TensorProto

from rtstyle.errors import StyleFileError
from rtstyle.style_file import read_card, read_style, with_card
from tests.tiny_styles import CARD, negative_model, negative_style, write_negative


def test_a_style_file_keeps_its_card_and_its_graph(tmp_path: Path) -> None:
    style = read_style(write_negative(tmp_path))
    assert style.title == "Negative" and style.kind == "image"
    assert onnx.load_from_string(style.model).graph.node[0].op_type == "Sub"


def test_a_card_is_replaced_not_added() -> None:
    data = with_card(negative_style(), CARD | {"title": "Second"})
    assert len(onnx.load_from_string(data).metadata_props) == 1
    assert read_card(data, where="x")["title"] == "Second"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(StyleFileError, match=r"none\.onnx: style file cannot be read"):
        read_style(tmp_path / "none.onnx")


@pytest.mark.parametrize("data", [b"", b"hello, I am a text", b"\x00" * 64])
def test_a_file_that_is_no_onnx_is_refused(data: bytes) -> None:
    with pytest.raises(StyleFileError, match="expected an ONNX file"):
        read_card(data, where="x")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (negative_model(), "expected a card"),
        (with_card(negative_model(), {"name": "x"}), "card cannot be read"),
        (with_card(negative_model(), CARD | {"version": 99}), "version 1, got 99"),
        (with_card(negative_model(input_name="x"), CARD), "inputs that the card names"),
        (
            with_card(negative_model(element=TensorProto.FLOAT), CARD),
            r"expected uint8 frame \[H, W, 3\]",
        ),
        (with_card(negative_model(opset=9), CARD), "expected an opset from 13"),
        (with_card(negative_model(domain="my.ops"), CARD), "standard operators"),
        (
            with_card(negative_model(), CARD | {"inputs": {"alpha": {}}}),
            "inputs that the card names",
        ),
    ],
)
def test_a_style_that_is_not_what_it_says_is_refused(data: bytes, text: str) -> None:
    with pytest.raises(StyleFileError, match=text):
        read_card(data, where="x")


def test_weights_in_another_file_are_refused() -> None:
    model = onnx.load_from_string(negative_style())
    model.graph.initializer[0].data_location = TensorProto.EXTERNAL
    with pytest.raises(StyleFileError, match="all weights inside the file"):
        read_card(model.SerializeToString(), where="x")
