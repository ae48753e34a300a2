"""Networks of others: what is imported, and what is refused in one line."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import save_file
from torch import Tensor

from rtstyle.errors import RtstyleError, WeightsFileError
from rtstyle.gallery.find import load_style
from rtstyle.networks import JohnsonNet
from rtstyle.networks.weights_file import FORMAT, Weights, load_weights
from rtstyle.stylizer.stylizer import Stylizer
from rtstyle.untrusted.card import parse_card
from rtstyle_export.errors import ExportError
from rtstyle_export.from_checkpoint import import_johnson, read_state_dict
from rtstyle_export.from_onnx import import_onnx
from rtstyle_export.from_weights import export_weights
from rtstyle_export.parity import parity_frame as frame_of
from tests.tiny_styles import write_negative


def tensors() -> dict[str, Tensor]:
    torch.manual_seed(0)
    return JohnsonNet(width=2).state_dict()


def prefixed(prefix: str) -> dict[str, Tensor]:
    return {prefix + name: value for name, value in tensors().items()}


WRAPPED: dict[str, Callable[[], Any]] = {
    "plain": lambda: tensors(),
    "DataParallel": lambda: prefixed("module."),
    "compiled": lambda: prefixed("_orig_mod."),
    "both": lambda: prefixed("module._orig_mod."),
    "state_dict": lambda: {"state_dict": tensors(), "epoch": 3},
    "model": lambda: {
        "step": 7,
        "optimizer": {"state": {0: {"exp_avg": torch.zeros(3)}}},
        "model": prefixed("module."),
    },
    "Lightning": lambda: {
        "state_dict": prefixed("generator.") | {"vgg.0.weight": torch.zeros(2, 2)},
        "hyper_parameters": {"lr": 1e-3},
    },
    "half": lambda: {name: value.half() for name, value in tensors().items()},
}


@pytest.mark.parametrize("wrapped", WRAPPED)
def test_what_training_programs_lay_around_a_network_is_taken_off(
    wrapped: str, tmp_path: Path
) -> None:
    torch.save(WRAPPED[wrapped](), tmp_path / "a.pth")
    found = read_state_dict(tmp_path / "a.pth")
    assert found.keys() == tensors().keys()
    for name, value in tensors().items():
        assert torch.allclose(found[name].float(), value, atol=1e-3)


def test_a_wrapped_checkpoint_becomes_a_style(tmp_path: Path) -> None:
    save_file(prefixed("module."), tmp_path / "a.safetensors")
    import_johnson(tmp_path / "a.safetensors", tmp_path / "my style.v2.onnx")
    assert load_style(tmp_path / "my style.v2.onnx").name == "my_style_v2"


def expanded() -> dict[str, Tensor]:
    huge = torch.zeros(1, dtype=torch.half).expand(10_000, 10_000, 9, 9)
    return tensors() | {"conv1.conv2d.weight": huge}


REFUSED = {
    "an empty file": b"",
    "a Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
    "a web page": b"<!DOCTYPE html><html>",
    "a file that cannot be read": b"text without end",
    "a file that wants code": b"\x80\x02cos\nsystem\n.",
}


@pytest.mark.parametrize("kind", REFUSED)
def test_files_that_are_no_checkpoints_are_called_what_they_are(
    kind: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.pth"
    path.write_bytes(REFUSED[kind])
    with pytest.raises(ExportError, match=f"got {kind}"):
        read_state_dict(path)


@pytest.mark.parametrize(
    ("held", "text"),
    [
        ([1, 2], "a state dict of tensors, got list"),
        ({"lr": 1.0}, "a state dict of tensors, got dict"),
        (expanded(), "its numbers in the file, got shape"),
        (
            tensors() | {"conv1.conv2d.weight": torch.full((2, 3, 9, 9), torch.nan)},
            "finite numbers, got NaN",
        ),
        (
            tensors() | {"conv1.conv2d.weight": torch.zeros(2, 3, 9, 9).to_sparse()},
            "a dense one, got torch.sparse_coo",
        ),
    ],
)
def test_a_checkpoint_that_is_no_network_is_one_line(
    held: Any, text: str, tmp_path: Path
) -> None:
    torch.save(held, tmp_path / "a.pth")
    with pytest.raises(ExportError, match=text):
        read_state_dict(tmp_path / "a.pth")


def test_a_checkpoint_that_unpacks_to_far_more_is_not_unpacked(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(1 << 20)}, tmp_path / "a.pth")
    with (
        zipfile.ZipFile(tmp_path / "a.pth") as file,
        zipfile.ZipFile(tmp_path / "b.pth", "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for entry in file.infolist():
            packed.writestr(entry.filename, file.read(entry))
    with pytest.raises(ExportError, match="expected tensors as torch saves them"):
        read_state_dict(tmp_path / "b.pth")


META: dict[str, Any] = {
    "network": {"kind": "johnson", "width": 2},
    "recipe": {
        "styles": [{"name": "a", "title": "A", "artist": "", "year": "", "sha256": ""}]
    },
    "trained": {},
}


def write_weights(path: Path, meta: str | None) -> Path:
    found = {"format": FORMAT} | ({} if meta is None else {"rtstyle": meta})
    save_file({name: t.contiguous() for name, t in tensors().items()}, path, found)
    return path


def test_weights_that_say_what_they_are_are_read(tmp_path: Path) -> None:
    path = write_weights(tmp_path / "a.safetensors", json.dumps(META))
    assert isinstance(load_weights(path).build(), JohnsonNet)


MALFORMED = {
    "no description": None,
    "no JSON": "{",
    "deep": "[" * 100_000,
    "a list": "[1]",
    "network null": json.dumps(META | {"network": None}),
    "network list": json.dumps(META | {"network": ["x"]}),
    "no recipe": json.dumps({"network": META["network"], "trained": {}}),
    "styles null": json.dumps(META | {"recipe": {"styles": None}}),
    "styles of text": json.dumps(META | {"recipe": {"styles": ["a"]}}),
    "a bad name": json.dumps(META | {"recipe": {"styles": [{"name": "--help"}]}}),
    "a bad year": json.dumps(
        META | {"recipe": {"styles": [META["recipe"]["styles"][0] | {"year": [1]}]}}
    ),
    "kind": json.dumps(META | {"recipe": META["recipe"] | {"kind": [1]}}),
    **{
        f"network {value!r}": json.dumps(META | {"network": value})
        for value in (
            {"kind": ["x"]},
            {"kind": "johnson", "width": -3},
            {"kind": "johnson", "width": 10**9},
            {"kind": "johnson", "width": 4000},
            {"kind": "johnson", "width": "2"},
            {"kind": "johnson", "width": 2.5},
            {"kind": "johnson", "width": None},
            {"kind": "johnson", "width": 3},
            {"kind": "swift", "zz": 1},
            {"kind": "swift", "blocks": 10**6},
            {"kind": "swift", "channels": [1, 2]},
            {"kind": "swift-adain", "encoder_channels": [4] * 1000},
            {"kind": "swift-adain"},
            {"kind": "adain", "x": 1},
        )
    },
}


@pytest.mark.parametrize("meta", MALFORMED.values(), ids=list(MALFORMED))
def test_malformed_metadata_of_weights_is_one_line(
    meta: str | None, tmp_path: Path
) -> None:
    path = write_weights(tmp_path / "a.safetensors", meta)
    with pytest.raises(WeightsFileError) as caught:
        load_weights(path).build()
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


def test_weights_without_a_style_cannot_be_exported(tmp_path: Path) -> None:
    meta = json.dumps(META | {"recipe": {"styles": []}})
    path = write_weights(tmp_path / "a.safetensors", meta)
    with pytest.raises(ExportError, match="expected the name of a style in them"):
        export_weights(path, tmp_path / "a.onnx")


def test_a_network_is_not_made_before_its_weights_fit() -> None:
    huge = Weights(tensors(), {"kind": "johnson", "width": 4096}, {}, {})
    with pytest.raises(
        WeightsFileError, match=r"expected conv1.conv2d.weight of shape"
    ):
        huge.build()


def float_network(
    path: Path,
    *,
    opset: int = 9,
    size: tuple[int, int] | None = (224, 224),
    is_fixed: bool = False,
    end: str = "Identity",
    channels_last: bool = False,
    kind: int = TensorProto.FLOAT,
    scale: float = -1.0,
    shift: float = 255.0,
) -> Path:
    """Write ``scale * picture + shift``, as the exporters of 2019 wrote networks."""
    lengths: list[Any] = list(size or ("H", "W"))
    shape = [1, *lengths, 3] if channels_last else [1, 3, *lengths]
    number = np.float16 if kind == TensorProto.FLOAT16 else np.float32
    weights = [
        numpy_helper.from_array(np.array([scale], number), "scale"),
        numpy_helper.from_array(np.array([shift], number), "shift"),
    ]
    nodes = [
        helper.make_node("Mul", ["input1", "scale"], ["scaled"]),
        helper.make_node("Add", ["scaled", "shift"], ["shifted"]),
    ]
    last = "shifted"
    if is_fixed:
        weights.append(numpy_helper.from_array(np.array(shape), "shape"))
        nodes.append(helper.make_node("Reshape", [last, "shape"], ["reshaped"]))
        last = "reshaped"
    nodes.append(helper.make_node(end, [last], ["output1"]))
    ends = [
        helper.make_tensor_value_info(n, kind, shape) for n in ("input1", "output1")
    ]
    listed = [
        helper.make_tensor_value_info(w.name, w.data_type, list(w.dims))
        for w in weights
    ]  # before ONNX IR 4 weights were inputs
    graph = helper.make_graph(nodes, "g", [ends[0], *listed], ends[1:], weights)
    imports = [helper.make_opsetid("", opset)]
    onnx.save(helper.make_model(graph, opset_imports=imports, ir_version=3), path)
    return path


def stylized(path: Path, *, height: int = 41, width: int = 55) -> Any:
    frame = frame_of(height, width)
    with Stylizer(load_style(path), device="cpu", runtime="onnxruntime") as stylizer:
        return frame.astype(int), stylizer(frame).astype(int)


@pytest.mark.parametrize("opset", [9, 11, 13, 17, 18, 20])
@pytest.mark.parametrize("size", [(224, 224), None])
@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("kind", [TensorProto.FLOAT, TensorProto.FLOAT16])
def test_a_float_network_becomes_a_style_for_any_size(
    opset: int,
    size: tuple[int, int] | None,
    channels_last: bool,
    kind: int,
    tmp_path: Path,
) -> None:
    source = float_network(
        tmp_path / "a.onnx",
        opset=opset,
        size=size,
        channels_last=channels_last,
        kind=kind,
    )
    import_onnx(source, tmp_path / "negative.onnx")
    before, after = stylized(tmp_path / "negative.onnx")
    assert np.abs(after - (255 - before)).max() <= 1


@pytest.mark.parametrize(
    ("levels", "scale", "shift", "end"),
    [("255", -1.0, 255.0, "Identity"), ("1", -1.0, 1.0, "Identity")],
)
def test_levels_may_be_named(
    levels: str, scale: float, shift: float, end: str, tmp_path: Path
) -> None:
    source = float_network(tmp_path / "a.onnx", scale=scale, shift=shift, end=end)
    import_onnx(source, tmp_path / "b.onnx", levels=levels)
    before, after = stylized(tmp_path / "b.onnx")
    assert np.abs(after - (255 - before)).max() <= 1


@pytest.mark.parametrize(
    ("end", "told"), [("Sigmoid", "0..1"), ("Tanh", "-1..1"), ("Identity", "0..255")]
)
def test_levels_are_seen_in_what_a_network_makes(
    end: str, told: str, tmp_path: Path
) -> None:
    source = float_network(tmp_path / "a.onnx", end=end, scale=1.0, shift=-100.0)
    lines = import_onnx(source, tmp_path / "b.onnx")
    assert f"counted in {told};" in lines[0]


def test_a_network_of_one_size_is_given_frames_of_that_size(tmp_path: Path) -> None:
    source = float_network(tmp_path / "a.onnx", size=(96, 128), is_fixed=True)
    lines = import_onnx(source, tmp_path / "b.onnx")
    assert "it only takes 128x96 pixels" in lines[1]
    before, after = stylized(tmp_path / "b.onnx", height=48, width=64)
    assert after.shape == before.shape
    assert np.abs(after - (255 - before)).mean() < 12


def strided(path: Path) -> Path:
    """Write a network that halves and doubles: for even heights and widths alone."""
    ends = [
        helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 3, "H", "W"])
        for n in ("x", "y")
    ]
    scales = numpy_helper.from_array(np.array([1, 1, 4, 4], np.float32), "scales")
    nodes = [
        helper.make_node(
            "AveragePool", ["x"], ["small"], kernel_shape=[4, 4], strides=[4, 4]
        ),
        helper.make_node("Resize", ["small", "", "scales"], ["y"], mode="nearest"),
    ]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], [scales])
    opset = helper.make_opsetid("", 17)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=8), path)
    return path


def test_frames_are_padded_to_what_a_network_can_halve(tmp_path: Path) -> None:
    import_onnx(strided(tmp_path / "a.onnx"), tmp_path / "b.onnx")
    before, after = stylized(tmp_path / "b.onnx", height=61, width=50)
    assert after.shape == before.shape and np.abs(after - before).mean() < 25


def no_picture(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 4


def two_inputs(model: onnx.ModelProto) -> None:
    model.graph.input.append(model.graph.input[0])
    model.graph.input[-1].name = "style"


def gray(model: onnx.ModelProto) -> None:
    model.graph.node[-1].op_type = "ReduceMean"
    model.graph.node[-1].attribute.append(helper.make_attribute("axes", [1]))


def nan(model: onnx.ModelProto) -> None:
    model.graph.node[-1].op_type = "Log"


def unknown(model: onnx.ModelProto) -> None:
    model.graph.node[-1].op_type = "Paint"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (no_picture, r"expected a float input \[1, 3, H, W\]"),
        (two_inputs, "expected one input and one output, got 2 and 1"),
        (gray, "expected three colours out, got 1"),
        (nan, "expected finite colours out"),
        (unknown, "expected operators that opset 18 has|did not take the graph"),
    ],
)
def test_a_network_that_is_none_of_pictures_is_one_line(
    change: Any, text: str, tmp_path: Path
) -> None:
    model = onnx.load(float_network(tmp_path / "a.onnx", scale=1.0, shift=-100.0))
    change(model)
    onnx.save(model, tmp_path / "a.onnx")
    with pytest.raises(RtstyleError, match=text) as caught:
        import_onnx(tmp_path / "a.onnx", tmp_path / "b.onnx")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "b.onnx").exists()


def test_a_style_file_is_not_imported_again(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="is a style file already"):
        import_onnx(write_negative(tmp_path), tmp_path / "b.onnx")


@pytest.mark.shared
def test_the_network_of_the_onnx_zoo_is_imported(shared: Path, tmp_path: Path) -> None:
    source = shared / "data" / "faults" / "reports" / "mosaic-9.onnx"
    import_onnx(source, tmp_path / "mosaic.onnx")
    before, after = stylized(tmp_path / "mosaic.onnx")
    assert after.shape == before.shape
    model = onnx.load(tmp_path / "mosaic.onnx")
    assert parse_card(model.metadata_props[0].value, where="x")["name"] == "mosaic"


@pytest.mark.shared
def test_every_checkpoint_of_the_campaign_is_one_line(
    shared: Path, tmp_path: Path
) -> None:
    for path in sorted((shared / "data" / "faults" / "checkpoints").iterdir()):
        with pytest.raises(RtstyleError) as caught:
            if path.suffix == ".safetensors":
                export_weights(path, tmp_path / "b.onnx")
            else:
                import_johnson(path, tmp_path / "b.onnx")
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 500, path
