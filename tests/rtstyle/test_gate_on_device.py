"""The gate behind the network, through the calls that a GPU gets, on this machine."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from rtstyle.errors import RuntimeUnavailableError
from rtstyle.gallery.find import load_style
from rtstyle.runtime.cuda.memory import Cuda
from rtstyle.runtime.cuda.session import CudaSession
from rtstyle.runtime.graphs.float_ends import with_float_ends
from rtstyle.runtime.onnxruntime import OrtSession, providers_for
from rtstyle.smoothing import GateSmoother
from rtstyle.smoothing.gate_graph import gated_style
from rtstyle.style_file import Style
from rtstyle.stylizer.controls import Controls
from rtstyle.stylizer.gate_on_device import GateOnDevice, gate_on_device
from rtstyle.stylizer.stylizer import Stylizer
from rtstyle.telemetry import import_onnxruntime
from rtstyle_streams.frame import Pixels
from tests.rtstyle.fake_tensorrt import FakeCudaLibrary
from tests.rtstyle.test_gate_graph import video
from tests.tiny_styles import CARD, negative_model


class Device:
    """A GPU whose memory and processor are this machine's."""

    def __init__(
        self, *, opset: int = 18, uses_cuda_graph: bool = False, refuses: bool = False
    ) -> None:
        model = negative_model(opset=opset)
        self.library = FakeCudaLibrary()
        self.opened: list[tuple[int, int] | None] = []
        self.refuses = refuses
        self.session = CudaSession(
            model,
            device="cuda:0",
            session=OrtSession(model, device="cpu"),
            cuda=Cuda(library=self.library),
            open_graph=self.open_graph,
            uses_cuda_graph=uses_cuda_graph,
        )
        self.gate = GateOnDevice(self.session)

    def open_graph(
        self, model: bytes, *, cuda_graph_size: tuple[int, int] | None
    ) -> OrtSession:
        self.opened.append(cuda_graph_size)
        if self.refuses and cuda_graph_size is not None:
            raise RuntimeUnavailableError("nodes on the CPU")
        return OrtSession(model, device="cpu", cuda_graph_size=cuda_graph_size)


LEAST_SEEN = 2
"""Of 255: roundings, amplified with the detail of the noise in these frames."""


def largest_difference(gate: GateOnDevice, frames: list[Pixels]) -> int:
    """Compare with the gate on the CPU, frame by frame."""
    here = GateSmoother()
    apart = [
        np.abs(gate(frame).astype(int) - here(frame, 255 - frame)).max()
        for frame in frames
    ]
    return int(max(apart))


@pytest.mark.parametrize("uses_cuda_graph", [False, True])
@pytest.mark.parametrize("size", [(64, 96), (61, 130)])
def test_the_gate_on_the_device_paints_what_the_gate_here_paints(
    size: tuple[int, int], uses_cuda_graph: bool
) -> None:
    device, frames = Device(uses_cuda_graph=uses_cuda_graph), video(*size)
    before = [frame.copy() for frame in frames]
    assert largest_difference(device.gate, frames) <= LEAST_SEEN
    assert all((a == b).all() for a, b in zip(frames, before, strict=True))
    # one upload and one download a frame, and the state stays where it is
    assert device.library.copies == {1: len(frames), 2: len(frames)}
    assert device.opened == [size if uses_cuda_graph else None]


def test_it_does_smooth() -> None:
    device, frames = Device(), video(64, 96, num_frames=12)
    last = np.stack([device.gate(frame) for frame in frames])[-2:].astype(int)
    plain = np.stack([255 - frame for frame in frames])[-2:].astype(int)
    still = np.s_[:, :, 80:]
    assert np.abs(np.diff(last[still], axis=0)).mean() < 0.3 * (
        np.abs(np.diff(plain[still], axis=0)).mean()
    )


def test_a_cut_a_reset_and_a_new_size_start_afresh() -> None:
    device = Device()
    frames = video(64, 96, num_frames=4)
    for frame in frames:
        device.gate(frame)
    other = np.ascontiguousarray(np.roll(frames[0][::-1], 37, axis=1))
    assert (device.gate(other) == 255 - other).all(), "a cut was not noticed"
    device.gate.reset()
    assert (device.gate(frames[1]) == 255 - frames[1]).all()
    small = frames[0][:48].copy()
    assert (device.gate(small) == 255 - small).all()
    assert largest_difference(device.gate, frames) <= LEAST_SEEN


def test_a_gate_that_was_off_starts_afresh() -> None:
    device, frames = Device(), video(64, 96, num_frames=3)
    for frame in frames:
        frame[:16] = 0  # a letterbox: black as the state that nobody has written yet
    device.gate(frames[0])
    device.session.run({"frame": frames[1]})
    assert (device.gate(frames[2]) == 255 - frames[2]).all(), "blended with black"
    small = frames[0][:48].copy()
    made = device.session.run_smoothed(small, restart=False)
    assert made is not None and (made == 255 - small).all()


def test_memory_is_freed_and_plain_frames_go_between_gated_ones() -> None:
    device, frames = Device(), video(40, 60, num_frames=6)
    for frame in frames:
        device.gate(frame)
        made = device.session.run({"frame": frame})["stylized"]
        assert (made == 255 - frame).all()
    device.session.close()
    device.session.close()
    assert not device.library.held


def test_a_device_without_room_for_the_gate_leaves_it_to_this_machine() -> None:
    device, frames = Device(), video(64, 96, num_frames=8)
    device.session._open_part = lambda model: OrtSession(model, device="cpu")
    device.library.is_full = True
    assert largest_difference(device.gate, frames) <= LEAST_SEEN
    assert not device.session.run_smoothed(frames[0], restart=True)


def test_a_style_of_an_older_opset_is_steadied_here() -> None:
    device = Device(opset=17)
    assert largest_difference(device.gate, video(40, 60, num_frames=5)) <= 1
    assert device.opened == []


def test_other_failures_are_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    device = Device()

    def broken(*rest: object) -> int:
        return 700

    monkeypatch.setattr(device.library, "cudaMemsetAsync", broken)
    with pytest.raises(RuntimeUnavailableError, match="failed with status 700"):
        device.gate(video(40, 60, num_frames=1)[0])


@pytest.mark.parametrize("height", [None, 48])
def test_a_stylizer_takes_the_gate_of_its_device(
    height: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    controls = Controls(smooth="gate", height=height)
    style, device = Style("negative", negative_model(), CARD), Device()
    here = Stylizer(style, controls=controls, device="cpu")
    monkeypatch.setattr(
        "rtstyle.stylizer.stylizer.open_session", lambda model, **rest: device.session
    )
    there = Stylizer(style, controls=controls, device="cpu")
    frames = video(64, 96, num_frames=12)
    for frame in frames:
        assert np.abs(there(frame).astype(int) - here(frame)).max() <= LEAST_SEEN
    assert device.library.copies[1] == len(frames)
    assert device.opened == [None], "the gate on the device was not used"
    there.reset()
    here.reset()
    assert np.abs(there(frames[2]).astype(int) - here(frames[2])).max() <= 1
    controls.smooth = "off"
    assert np.abs(there(frames[3]).astype(int) - here(frames[3])).max() <= 1


def test_only_one_network_in_one_thread_is_steadied_on_its_device() -> None:
    here, there = OrtSession(negative_model(), device="cpu"), Device().session
    assert gate_on_device([there], workers=1) is not None
    assert gate_on_device([there], workers=2) is None
    assert gate_on_device([there, there], workers=1) is None
    assert gate_on_device([here], workers=1) is None


def test_a_graph_that_cannot_be_recorded_runs_without(
    caplog: pytest.LogCaptureFixture,
) -> None:
    device, frames = Device(uses_cuda_graph=True, refuses=True), video(40, 60)[:3]
    for frame in frames:
        made = device.session.run({"frame": frame})["stylized"]
        assert (made == 255 - frame).all()
    assert device.opened == [(40, 60), None]
    assert caplog.text.count("nodes on the CPU; going on without CUDA graphs") == 1


def test_a_recorded_graph_has_nothing_that_runs_on_the_cpu(tmp_path: Path) -> None:
    model = gated_style(with_float_ends(load_style("starry_night").model))
    onnxruntime = import_onnxruntime()
    options = onnxruntime.SessionOptions()
    for name, length in (("H", 45), ("W", 64)):
        options.add_free_dimension_override_by_name(name, length)
    level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.graph_optimization_level = level
    options.optimized_model_filepath = str(tmp_path / "fixed.onnx")
    onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    graph = onnx.load(tmp_path / "fixed.onnx").graph
    # sizes are computed on the CPU, and so are bytes in anything but a conversion
    assert not {node.op_type for node in graph.node} & {"Shape", "Mod", "Concat"}
    beside = [n.op_type for n in graph.node if "frame" in n.input]
    assert set(beside) == {"Cast"}


def test_cuda_graphs_are_asked_for_by_name() -> None:
    settings = providers_for("cuda:1", uses_cuda_graph=True)[0][1]
    assert settings == {"device_id": 1, "use_tf32": "0", "enable_cuda_graph": "1"}
    assert "enable_cuda_graph" not in providers_for("cuda:1")[0][1]
