"""Graphs: what export rewrites changes nothing."""

from pathlib import Path

import onnx
import pytest
import torch

from rtstyle.networks import JohnsonNet, SwiftNet
from rtstyle.networks.swift import SwiftConfig
from rtstyle.networks.transform_net import TransformNet
from rtstyle_export.errors import ExportError
from rtstyle_export.graphs.frame import FrameGraph, frame_graph
from rtstyle_export.parity import check_parity, parity_frame
from rtstyle_export.style_writer import make_style, write_style
from rtstyle_export.to_onnx import OPSET, to_onnx

CARD = {"name": "x", "title": "X", "kind": "image"}


def swift(**config: object) -> SwiftNet:
    torch.manual_seed(0)
    settings = {"channels": 16, "blocks": 1, "deep_channels": 16} | config
    network = SwiftNet(SwiftConfig(**settings)).eval()  # type: ignore[arg-type]
    with torch.no_grad():  # wide values, so that clamping is tested too
        network.head.conv.weight.mul_(6)
        bias = network.head.conv.bias
        assert bias is not None
        bias.copy_(torch.randn_like(bias) * 0.2)
    return network


@pytest.mark.parametrize("head", ["shuffle", "resize", "subpixel"])
@pytest.mark.parametrize("padding", [0, 16])
@pytest.mark.parametrize("size", [(16, 16), (17, 31), (40, 24)])
def test_the_shuffle_on_bytes_gives_the_same_picture(
    head: str, size: tuple[int, int], padding: int
) -> None:
    network = swift(head=head, padding=padding)
    frame = torch.from_numpy(parity_frame(*size))
    plain = FrameGraph(network).eval()
    with torch.no_grad():
        wanted, got = plain(frame), frame_graph(network)(frame)
    assert got.shape == frame.shape and got.dtype == torch.uint8
    assert (got.int() - wanted.int()).abs().max() <= 1
    assert (got != wanted).float().mean() < 0.01


def test_wrapping_leaves_the_network_as_it_was() -> None:
    network = swift()
    before = network.head.conv.weight.clone()
    frame_graph(network)
    assert torch.equal(before, network.head.conv.weight)


@pytest.mark.slow
@pytest.mark.parametrize(
    "network",
    [
        swift(),
        swift(head="resize", norm="body", padding=16),
        swift(norm="frozen"),
        swift(deep_channels=None, norm="none", separable=True),
        JohnsonNet(width=4).eval(),
    ],
    ids=["deep", "resize", "frozen", "separable", "johnson"],
)
def test_a_style_file_does_what_its_network_does(network: TransformNet) -> None:
    data = make_style(network, CARD)
    model = onnx.load_from_string(data)
    assert [opset.version for opset in model.opset_import] == [OPSET]
    assert [value.name for value in model.graph.input] == ["frame"]
    assert not any(node.metadata_props or node.doc_string for node in model.graph.node)
    assert check_parity(data, network).largest <= 1


@pytest.mark.slow
def test_a_graph_that_is_not_faithful_is_refused() -> None:
    model = to_onnx(swift())
    with pytest.raises(ExportError, match="no style file was written"):
        check_parity(model, swift(head="resize"))


def test_a_style_file_is_never_overwritten_unasked(tmp_path: Path) -> None:
    path = tmp_path / "x.onnx"
    path.write_text("precious")
    with pytest.raises(ExportError, match="exists already"):
        write_style(path, b"", overwrite=False)
    assert path.read_text() == "precious"
    with pytest.raises(ExportError, match=r"ends in \.onnx"):
        write_style(tmp_path / "x.bin", b"", overwrite=False)
    with pytest.raises(ExportError, match="expected a folder"):
        write_style(tmp_path / "none" / "x.onnx", b"", overwrite=False)
