"""The gate in the graph gives what the gate in numpy gives, but for roundings."""

import numpy as np
import onnx
import pytest
from onnx import parser

from rtstyle.smoothing import GateSmoother
from rtstyle.smoothing.gate_graph import STATE, gate_model, with_gate
from rtstyle.telemetry import import_onnxruntime
from rtstyle_streams.frame import Pixels

ort = import_onnxruntime()

NEGATIVE = """
<ir_version: 9, opset_import: ["": 18]>
negative (uint8[H, W, 3] frame) => (uint8[H, W, 3] stylized) {
    top = Constant <value = uint8[1] {255}> ()
    stylized = Sub (top, frame)
}
"""


class Recurrent:
    """Runs a gated graph and carries its state from frame to frame."""

    def __init__(self, model: onnx.ModelProto) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = ort.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self.state: dict[str, np.ndarray] | None = None

    def __call__(self, frame: Pixels, fresh: Pixels | None = None) -> Pixels:
        restart = self.state is None
        state = self.state or zero_state(*frame.shape[:2])
        feeds = {f"{name}_before": value for name, value in state.items()}
        feeds |= {"frame": frame, "restart": np.array([restart], np.float32)}
        if fresh is not None:
            feeds["gate_fresh"] = fresh
        names = ["stylized", *STATE]
        stylized, *values = self.session.run(names, feeds)
        self.state = dict(zip(STATE, values, strict=True))
        return np.asarray(stylized, dtype=np.uint8)


def zero_state(height: int, width: int) -> dict[str, np.ndarray]:
    return {
        "smoothed": np.zeros((height, width, 3), np.float32),
        "reference": np.zeros((-(-height // 4), -(-width // 4)), np.float32),
        "floor": np.zeros(1, np.float32),
    }


def video(height: int, width: int, *, num_frames: int = 25) -> list[Pixels]:
    """A noisy scene with a bright square that crosses it."""
    rng = np.random.default_rng(0)
    coarse = rng.uniform(30, 220, (height // 10 + 1, width // 10 + 1, 3))
    still = coarse.repeat(10, 0).repeat(10, 1)[:height, :width]
    frames = []
    for step in range(num_frames):
        frame = still + rng.normal(0, 3 + step / 6, still.shape)
        frame[height // 3 : height // 2, 5 * step : 5 * step + 14] = 240
        frames.append(np.clip(np.rint(frame), 0, 255).astype(np.uint8))
    return frames


@pytest.mark.parametrize("size", [(64, 96), (61, 130), (50, 47)])
def test_the_gate_graph_agrees_with_the_gate_but_for_roundings(
    size: tuple[int, int],
) -> None:
    in_graph, in_numpy = Recurrent(gate_model()), GateSmoother()
    for frame in video(*size):
        fresh = np.ascontiguousarray(255 - frame[:, ::-1])
        got, expected = in_graph(frame, fresh), in_numpy(frame, fresh)
        apart = np.abs(got.astype(int) - expected)
        assert apart.max() <= 3, "a rounding, amplified with the detail of the noise"
        assert (apart > 1).mean() < 0.005
        assert (apart > 0).mean() < 0.08, "OpenCV's blend is 1e-4 darker"


def test_a_gated_style_graph_stylizes_and_smooths() -> None:
    style = parser.parse_model(NEGATIVE)
    in_graph, in_numpy = Recurrent(with_gate(style)), GateSmoother()
    for frame in video(48, 80):
        difference = in_graph(frame).astype(int) - in_numpy(frame, 255 - frame)
        assert np.abs(difference).max() <= 2


def test_the_first_frame_in_the_graph_is_unchanged_whatever_the_state() -> None:
    gate, frame = Recurrent(gate_model()), video(48, 80)[0]
    feeds = {f"{name}_before": v + 77 for name, v in zero_state(48, 80).items()}
    feeds |= {
        "frame": frame,
        "gate_fresh": 255 - frame,
        "restart": np.array([1], np.float32),
    }
    assert (gate.session.run(["stylized"], feeds)[0] == 255 - frame).all()


def test_with_gate_leaves_the_style_graph_as_it_was() -> None:
    style = parser.parse_model(NEGATIVE)
    before = style.SerializeToString()
    with_gate(style)
    assert style.SerializeToString() == before


def test_a_graph_with_other_ends_is_refused() -> None:
    with pytest.raises(ValueError, match="expected an input frame"):
        with_gate(parser.parse_model(NEGATIVE.replace("frame", "picture")))
    with pytest.raises(ValueError, match="expected opset 18 or later, got 17"):
        with_gate(parser.parse_model(NEGATIVE.replace('"": 18', '"": 17')))
