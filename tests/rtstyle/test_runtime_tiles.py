"""Tiles paint the picture of the whole, also on a device whose memory is full."""

import logging

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from onnx import parser

from rtstyle.errors import RuntimeUnavailableError
from rtstyle.gallery.find import load_style
from rtstyle.networks import JohnsonNet
from rtstyle.runtime import Arrays
from rtstyle.runtime.cuda.memory import Cuda
from rtstyle.runtime.cuda.session import CudaSession
from rtstyle.runtime.cuda.tiles import Tiled, merged, plan
from rtstyle.runtime.graphs.tile_graph import (
    MEAN,
    SIZE,
    VARIANCE,
    constants_of,
    fields_of,
    tile_graphs,
)
from rtstyle.runtime.onnxruntime import OrtSession
from rtstyle_export.parity import parity_frame as frame_of
from rtstyle_export.to_fp16 import fp16_graph
from rtstyle_export.to_onnx import to_onnx
from tests.rtstyle.fake_tensorrt import FakeCudaLibrary

NORMED = """
<ir_version: 9, opset_import: ["": 18]>
normed (uint8[H, W, 3] frame) => (uint8[H, W, 3] stylized)
<float[3] scale = {40, 50, 60}, float[3] shift = {90, 120, 150}> {
    bytes = Cast <to = 1> (frame)
    planes = Transpose <perm = [2, 0, 1]> (bytes)
    first = Constant <value_ints = [0]> ()
    batch = Unsqueeze (planes, first)
    normed = InstanceNormalization (batch, scale, shift)
    one = Squeeze (normed, first)
    last = Transpose <perm = [1, 2, 0]> (one)
    half = Constant <value_float = 0.5> ()
    up = Add (last, half)
    zero = Constant <value_float = 0.0> ()
    top = Constant <value_float = 255.0> ()
    inside = Clip (up, zero, top)
    stylized = Cast <to = 2> (inside)
}
"""


def normed_model() -> bytes:
    data: bytes = parser.parse_model(NORMED).SerializeToString()
    return data


def on_cpu(model: bytes) -> OrtSession:
    return OrtSession(model, device="cpu")


def whole(model: bytes, frame: np.ndarray) -> np.ndarray:
    return on_cpu(model).run({"frame": frame})["stylized"]


class SmallDevice:
    """A device that has memory for frames of so many pixels."""

    runtime, device = "onnxruntime", "cuda:0"

    def __init__(self, model: bytes, *, pixels: int) -> None:
        self.session, self.pixels = on_cpu(model), pixels

    def run(self, inputs: Arrays) -> dict[str, np.ndarray]:
        if inputs["frame"].size > 3 * self.pixels:
            raise RuntimeError("CUDA error: out of memory")
        return self.session.run(inputs)

    def close(self) -> None:
        self.session.close()


@pytest.mark.slow
@pytest.mark.parametrize("size", [(129, 203), (240, 200)])
@pytest.mark.parametrize("core", [64, 104])
def test_tiles_of_a_bundled_style_give_the_picture_of_the_whole(
    size: tuple[int, int], core: int
) -> None:
    model, frame = load_style("starry_night").model, frame_of(*size)
    before, wanted = frame.copy(), whole(load_style("starry_night").model, frame)
    apart = np.abs(Tiled(model, on_cpu).run(frame, core=core).astype(int) - wanted)
    assert wanted.std() > 20.0
    assert apart.max() <= 1 and (apart > 0).mean() < 2e-3
    assert (frame == before).all()


@pytest.mark.slow
def test_tiles_of_johnsons_network_give_the_picture_of_the_whole() -> None:
    torch.manual_seed(4)
    network = JohnsonNet(width=4)
    network.deconv3.conv2d.weight.data.mul_(60.0)
    torch.nn.init.constant_(network.deconv3.conv2d.bias, 120.0)  # type: ignore[arg-type]
    model, frame = to_onnx(network.eval()), frame_of(150, 210)
    wanted = whole(model, frame)
    apart = np.abs(Tiled(model, on_cpu).run(frame, core=64).astype(int) - wanted)
    assert wanted.std() > 20.0
    assert apart.max() <= 1 and (apart > 0).mean() < 2e-3


@pytest.mark.slow
def test_tiles_of_an_fp16_twin_give_its_own_picture() -> None:
    model, frame = fp16_graph(load_style("starry_night").model), frame_of(130, 170)
    apart = Tiled(model, on_cpu).run(frame, core=64).astype(int) - whole(model, frame)
    assert np.abs(apart).max() <= 1


def test_statistics_of_tiles_alone_would_be_another_picture() -> None:
    frame = np.zeros((96, 160, 3), np.uint8)
    frame[:, 80:] = np.arange(80, dtype=np.uint8)[:, None]
    model = normed_model()
    wanted, halves = whole(model, frame), [frame[:, :80], frame[:, 80:]]
    alone = np.hstack([whole(model, np.ascontiguousarray(half)) for half in halves])
    assert np.abs(alone.astype(int) - wanted).max() > 20
    made = Tiled(model, on_cpu).run(frame, core=80)
    assert np.abs(made.astype(int) - wanted).max() <= 1


@given(st.integers(1, 300), st.integers(1, 200), st.integers(1, 9), st.integers(0, 5))
def test_cores_cover_every_pixel_once(
    height: int, width: int, core: int, reach: int
) -> None:
    covered = np.zeros((height, width, 3), np.uint8)
    core, reach = 8 * core, 8 * reach
    for tile in plan((height, width), core=core, reach=reach):
        seen = tile.cut(covered)
        assert seen.shape[0] <= core + 2 * reach
        tile.put(covered, seen + 1)
    assert (covered == 1).all()


def test_statistics_of_parts_make_those_of_the_whole() -> None:
    rng = np.random.default_rng(0)
    whole_map = 1e4 + rng.normal(size=(1, 5, 12, 30))
    parts = [whole_map[..., :7], whole_map[..., 7:8], whole_map[..., 8:]]
    found = [
        {
            MEAN: part.mean(axis=(2, 3), keepdims=True),
            VARIANCE: part.var(axis=(2, 3), keepdims=True),
            SIZE: np.array(part.shape),
        }
        for part in parts
    ]
    mean, variance = merged(found)
    np.testing.assert_allclose(mean, whole_map.mean(axis=(0, 2, 3)))
    np.testing.assert_allclose(variance, whole_map.var(axis=(0, 2, 3)), rtol=1e-9)


def test_the_reach_is_that_of_all_convolutions_behind_each_other() -> None:
    torch.manual_seed(0)
    model = onnx.load_from_string(to_onnx(JohnsonNet(width=4).eval()))
    fields = fields_of(model.graph, constants_of(model.graph))
    # 9x9; two strided 3x3; ten 3x3 at 1/4; two resizes with 3x3 at 1/2 and 1; 9x9
    reach, jump = fields["stylized"]
    assert reach == 4 + 1 + 2 + 10 * 4 + (4 + 2) + (2 + 1) + 4
    assert jump == 1
    assert max(jump for _, jump in fields.values()) == 4


def test_a_graph_that_looks_at_the_whole_otherwise_has_no_tiles() -> None:
    model = NORMED.replace(
        "one = Squeeze (normed",
        "mean = GlobalAveragePool (normed)\none = Squeeze (mean",
    )
    data = parser.parse_model(model).SerializeToString()
    with pytest.raises(ValueError, match="expected no GlobalAveragePool on the frame"):
        tile_graphs(data)


def test_a_full_gpu_goes_on_in_tiles_and_says_so_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.WARNING)
    model, frame, sizes = normed_model(), frame_of(300, 420), list[int]()

    def open_part(graph: bytes) -> SmallDevice:
        return SmallDevice(graph, pixels=130 * 130)

    session = CudaSession(
        model,
        device="cuda:0",
        session=on_cpu(model),
        cuda=Cuda(library=FakeCudaLibrary()),
        open_part=open_part,
    )

    def full(binding: object, graph_id: int) -> None:
        sizes.append(1)
        raise RuntimeError("BFCArena: Failed to allocate memory for requested buffer")

    monkeypatch.setattr(session._ort, "run_bound", full)
    wanted = whole(model, frame)
    for _ in range(3):
        made = session.run({"frame": frame})["stylized"]
        assert np.abs(made.astype(int) - wanted).max() <= 1
    assert sizes == [1], "the whole frame was tried again"
    assert session.device == "cuda:0"
    assert caplog.text.count("its memory is full; frames go through it in tiles") == 1
    session.close()
    session.close()


def test_a_lean_session_gives_what_another_gives() -> None:
    frame = frame_of(40, 56)
    lean = OrtSession(normed_model(), device="cpu", is_lean=True)
    for _ in range(2):
        made = lean.run({"frame": frame})["stylized"]
        assert (made == whole(normed_model(), frame)).all()


def test_other_failures_on_tiles_are_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    library, model = FakeCudaLibrary(), normed_model()
    library.is_full = True

    def broken(graph: bytes) -> OrtSession:
        raise RuntimeUnavailableError("CUDA failure 700")

    session = CudaSession(
        model,
        device="cuda:0",
        session=on_cpu(model),
        cuda=Cuda(library=library),
        open_part=broken,
    )
    with pytest.raises(RuntimeUnavailableError, match="cuda:0: CUDA failure 700"):
        session.run({"frame": frame_of(300, 420)})
