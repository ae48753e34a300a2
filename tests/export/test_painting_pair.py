"""A network for any painting as two files that belong together."""

import json
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
import torch
from click.testing import CliRunner

from rtstyle.networks.adain import AdainNet, AdainNetConfig
from rtstyle.networks.swift import SwiftConfig, SwiftNet
from rtstyle.networks.swift_adain import Placement, SwiftAdain, SwiftAdainConfig
from rtstyle.networks.weights_file import Weights, describe_network, save_weights
from rtstyle.paintings.network import painting_network
from rtstyle.paintings.pair import ENCODER_KEY
from rtstyle.paintings.picture import shown
from rtstyle.runtime import open_session
from rtstyle.style_file import graph_sha256, read_card, read_style
from rtstyle_export.cli import main as export_command
from rtstyle_export.errors import ExportError
from rtstyle_export.graphs.frame import FrameGraph
from rtstyle_export.painting_pair import (
    EncoderGraph,
    check_encoder,
    encoder_to_onnx,
    make_adain,
    modulated_tensors,
    with_painting,
)
from rtstyle_export.parity import parity_frame
from rtstyle_export.to_onnx import to_onnx

CARD = {"name": "any", "title": "Any painting", "kind": "adain"}


def small(placement: Placement = "instance") -> SwiftAdain:
    torch.manual_seed(0)
    config = SwiftAdainConfig(
        placement=placement,
        channels=16,
        blocks=1,
        deep_channels=16,
        encoder_channels=(4, 8),
        hidden=8,
    )
    network = SwiftAdain(config).eval()
    painting = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        network.neutral.copy_(network.encoder(painting)[0])
    return network


@pytest.fixture(scope="module", params=["instance", "body"])
def exported(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[SwiftAdain, Path]:
    """Return a network and the folder with both its files."""
    network = small(request.param)
    folder = tmp_path_factory.mktemp(request.param)
    row = {"name": "any", "title": "Any painting", "file": "", "artist": ""}
    weights = Weights(
        network.state_dict(),
        describe_network(network),
        {"kind": "adain", "styles": [row | {"year": "", "sha256": None}]},
        {"steps": 0},
    )
    save_weights(folder / "x.safetensors", weights)
    run = CliRunner().invoke(
        export_command,
        [str(folder / "x.safetensors"), str(folder / "swift_adain.onnx")],
        catch_exceptions=False,
    )
    assert run.exit_code == 0, run.output
    return network, folder


@pytest.mark.slow
def test_the_runtime_makes_of_both_files_what_torch_makes(
    exported: tuple[SwiftAdain, Path],
) -> None:
    network, folder = exported
    files = painting_network(folder)
    for size in ((16, 16), (57, 89), (121, 75)):
        frame, painting = parity_frame(*size), parity_frame(97, 131)
        modulation = files.encode(painting)
        assert modulation.shape == (network.size,) and modulation.dtype == np.float32
        style = files.fold(modulation, {"name": "p", "title": "P"})
        session = open_session(style.model, device="cpu", runtime="onnxruntime")
        got = session.run({"frame": frame})["stylized"].astype(int)
        session.close()
        with torch.no_grad():
            wanted_modulation = EncoderGraph(network.encoder)(
                torch.from_numpy(painting)
            )
            plain = network.fixed(wanted_modulation).eval()
            wanted = FrameGraph(plain)(torch.from_numpy(frame)).numpy().astype(int)
        assert np.abs(got - wanted).max() <= 1
        np.testing.assert_allclose(modulation, wanted_modulation.numpy(), atol=1e-4)


@pytest.mark.slow
def test_the_card_says_where_a_modulation_goes(
    exported: tuple[SwiftAdain, Path],
) -> None:
    network, folder = exported
    data = (folder / "swift_adain.onnx").read_bytes()
    card = read_card(data, where="x")
    facts = card["modulation"]
    assert card["kind"] == "adain" and facts["size"] == network.size
    assert card["network"]["kind"] == "swift-adain"
    assert len(facts["neutral"]) == network.size
    assert all(round(value, 6) == value for value in facts["neutral"])
    covered = [n for _, at, count in facts["tensors"] for n in range(at, at + count)]
    assert sorted(covered) == list(range(network.size))


@pytest.mark.slow
def test_the_encoder_names_the_style_file_that_it_belongs_to(
    exported: tuple[SwiftAdain, Path],
) -> None:
    network, folder = exported
    model = onnx.load(folder / "style_encoder.onnx")
    facts = json.loads({e.key: e.value for e in model.metadata_props}[ENCODER_KEY])
    style = (folder / "swift_adain.onnx").read_bytes()
    assert facts["for"] == graph_sha256(style)
    assert facts["version"] == 1 and facts["size"] == network.size
    text = (folder / "style_encoder.onnx").read_bytes()
    assert b".py" not in text and str(folder).encode() not in text


@pytest.mark.slow
def test_a_frame_costs_what_a_fixed_style_costs() -> None:
    network = small()
    style, _ = make_adain(network, CARD)
    fixed = to_onnx(network.fixed(network.neutral))
    ours, plain = (onnx.load_from_string(data) for data in (style, fixed))
    assert [n.op_type for n in ours.graph.node] == [n.op_type for n in plain.graph.node]
    for model in (ours, plain):
        assert [value.name for value in model.graph.input] == ["frame"]


def painting_file(folder: Path) -> Path:
    path = folder / "my_wall.png"
    cv2.imwrite(str(path), parity_frame(97, 131)[..., ::-1])
    return path


@pytest.mark.slow
def test_a_painting_given_for_good_makes_an_ordinary_style(
    exported: tuple[SwiftAdain, Path],
) -> None:
    network, folder = exported
    painting, target = painting_file(folder), folder / "wall.onnx"
    run = CliRunner().invoke(
        export_command,
        [str(folder / "x.safetensors"), str(target), "--painting", str(painting)],
        catch_exceptions=False,
    )
    assert run.exit_code == 0, run.output
    style = read_style(target)
    assert style.name == "my_wall" and style.title == "My Wall"
    assert "modulation" not in style.card and style.card["network"]["kind"] == "swift"
    files, frame = painting_network(folder), parity_frame(57, 89)
    seen = files.encode(shown(parity_frame(97, 131), side=files.side))
    live = files.fold(seen, {"name": "p", "title": "P"})
    pictures = []
    for model in (style.model, live.model):
        session = open_session(model, device="cpu", runtime="onnxruntime")
        pictures.append(session.run({"frame": frame})["stylized"].astype(int))
        session.close()
    assert np.abs(pictures[0] - pictures[1]).max() <= 1


@pytest.mark.slow
def test_the_faithful_network_becomes_a_style_of_one_painting(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = AdainNet(AdainNetConfig(widths=(4, 6, 8, 10))).eval()
    row = {"name": "adain", "title": "Any painting", "file": "", "artist": ""}
    recipe = {"kind": "adain", "styles": [row | {"year": "", "sha256": None}]}
    described = describe_network(network)
    weights = Weights(network.state_dict(), described, recipe, {"steps": 0})
    save_weights(tmp_path / "x.safetensors", weights)
    words = [str(tmp_path / "x.safetensors"), str(tmp_path / "x.onnx")]
    with pytest.raises(ExportError, match="network adain needs --painting"):
        CliRunner().invoke(export_command, words, catch_exceptions=False)
    words += ["--painting", str(painting_file(tmp_path))]
    run = CliRunner().invoke(export_command, words, catch_exceptions=False)
    assert run.exit_code == 0, run.output
    assert read_style(tmp_path / "x.onnx").card["parity"]["largest_difference"] <= 1


def test_a_painting_for_a_network_of_fixed_styles_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="leave --painting out"):
        with_painting(SwiftNet(SwiftConfig(16, 1)), CARD, tmp_path / "p.png")


@pytest.mark.slow
def test_nothing_is_written_over_an_encoder_without_leave(tmp_path: Path) -> None:
    from rtstyle_export.painting_pair import write_adain

    (tmp_path / "style_encoder.onnx").write_text("precious")
    with pytest.raises(ExportError, match="style_encoder.onnx: exists already"):
        write_adain(tmp_path / "x.onnx", small(), CARD, overwrite=False)
    assert (tmp_path / "style_encoder.onnx").read_text() == "precious"
    assert not (tmp_path / "x.onnx").exists()


@pytest.mark.slow
def test_an_encoder_of_another_network_is_found_out() -> None:
    model = encoder_to_onnx(small(), style_sha256="0")
    other = small()
    with torch.no_grad():
        for parameter in other.encoder.parameters():
            parameter.add_(0.01)
    with pytest.raises(ExportError, match=r"at most 0\.001"):
        check_encoder(model, other.encoder)


def test_a_graph_in_another_modulation_is_refused() -> None:
    network = small()
    model = onnx.load_from_string(to_onnx(network.fixed(network.neutral)))
    with pytest.raises(ExportError, match="expected numbers 0 and on"):
        modulated_tensors(model, network, network.neutral + 1)
