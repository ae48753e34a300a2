"""`rtstyle export --to tensorrt`, against a fake TensorRT; no GPU here."""

from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from rtstyle.networks import SwiftConfig, SwiftNet
from rtstyle.runtime.tensorrt import build as tensorrt_build
from rtstyle.runtime.tensorrt import session as tensorrt
from rtstyle.style_file import graph_sha256, with_card
from rtstyle.stylizer.stylizer import Stylizer
from rtstyle.twins import TWIN_OF
from rtstyle_export.cli import main as export_command
from rtstyle_export.to_fp16 import fp16_graph
from rtstyle_export.to_onnx import to_onnx
from tests.rtstyle.fake_tensorrt import FakeCudaLibrary, FakeTrt
from tests.tiny_styles import CARD


@pytest.fixture
def style_path(tmp_path: Path) -> Path:
    """Return a style file that has an fp16 twin."""
    torch.manual_seed(6)
    config = SwiftConfig(channels=16, blocks=1, deep_channels=16, head="resize")
    model = to_onnx(SwiftNet(config).eval())
    path, card = tmp_path / "s.onnx", CARD | {"name": "s", "precision": "fp32"}
    path.write_bytes(with_card(model, card))
    twin = card | {"precision": "fp16", TWIN_OF: graph_sha256(model)}
    path.with_name("s.fp16.onnx").write_bytes(with_card(fp16_graph(model), twin))
    return path


@pytest.mark.slow
@pytest.mark.parametrize("twin", [None, "fp16"])
def test_the_export_command_builds_on_its_device_what_the_runtime_will_ask_for(
    style_path: Path, twin: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    trt, library, built_on = FakeTrt(), FakeCudaLibrary(), list[int]()
    build = trt.Builder

    def noting_builder(logger: object) -> object:
        built_on.append(library.chosen)
        return build(logger)

    monkeypatch.setattr(trt, "Builder", noting_builder)
    monkeypatch.setattr(tensorrt_build, "describe_gpu", lambda device: ("GPU", "1"))
    monkeypatch.setattr(tensorrt, "import_tensorrt", lambda: trt)
    monkeypatch.setattr("rtstyle_export.to_tensorrt.import_tensorrt", lambda: trt)
    monkeypatch.setattr("rtstyle.runtime.cuda.memory.load_library", lambda: library)
    words = [str(style_path), "--to", "tensorrt", "--device", "cuda:3"]
    words += [f"--{twin}"] if twin else []
    done = CliRunner().invoke(export_command, words, catch_exceptions=False)
    assert done.exit_code == 0 and ".engine: built" in done.stdout
    assert built_on == [3] and not library.held
    precision = twin or "auto"
    with Stylizer(
        str(style_path), runtime="tensorrt", device="cuda:3", precision=precision
    ) as stylizer:
        assert stylizer.session.runtime == "tensorrt"
    assert trt.num_builds == 1, "the runtime asked for another engine"
