import onnx
import pytest
import torch

from rtstyle.networks import SwiftConfig, SwiftNet
from rtstyle.style_file import Style, read_card
from rtstyle.twins import is_twin
from rtstyle_export import to_fp16
from rtstyle_export.errors import ExportError
from rtstyle_export.parity import parity_frame as frame_of
from rtstyle_export.to_onnx import to_onnx

FRAMES = [frame_of(64, 96), frame_of(48, 80)]


@pytest.fixture(scope="module")
def style() -> Style:
    torch.manual_seed(8)
    config = SwiftConfig(channels=16, blocks=1, deep_channels=16, head="resize")
    card = {
        "version": 1,
        "name": "s",
        "title": "S",
        "kind": "image",
        "precision": "fp32",
    }
    return Style("s", to_onnx(SwiftNet(config).eval()), card)


@pytest.mark.slow
def test_fp16_is_near_and_keeps_statistics_and_ends(style: Style) -> None:
    twin = to_fp16.fp16_style(style, FRAMES)
    card = read_card(twin, where="twin")
    assert card["precision"] == "fp16" and card["fp16"]["psnr_db"] >= 45.0
    graph = onnx.load_from_string(twin).graph
    kinds = {tensor.name: tensor.data_type for tensor in graph.initializer}
    for node in graph.node:
        weights = [kinds[name] for name in node.input[1:] if name in kinds]
        if node.op_type == "InstanceNormalization":
            assert set(weights) <= {onnx.TensorProto.FLOAT}
        if node.op_type == "Conv":
            assert set(weights) == {onnx.TensorProto.FLOAT16}
    assert is_twin(style, Style("s", twin, card))
    assert len(twin) < 0.75 * len(style.model)


@pytest.mark.slow
def test_a_twin_that_is_too_far_off_is_refused(
    style: Style, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(to_fp16, "LEAST_PSNR_DB", 200.0)
    with pytest.raises(ExportError, match="expected a PSNR of at least 200"):
        to_fp16.fp16_style(style, FRAMES)


def test_only_fp32_styles_are_halved() -> None:
    with pytest.raises(ExportError, match="expected an fp32 style"):
        to_fp16.fp16_style(Style("s", b"", {"precision": "int8"}), FRAMES)
