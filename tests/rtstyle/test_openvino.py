"""OpenVINO beside onnxruntime; what needs OpenVINO itself is skipped without it."""

import threading
from importlib.util import find_spec

import numpy as np
import pytest
import torch

from rtstyle.errors import MissingExtraError, RuntimeUnavailableError, UsageError
from rtstyle.networks import SwiftConfig, SwiftNet
from rtstyle.runtime import open_session
from rtstyle.runtime.openvino import precision_for, settings
from rtstyle_export.parity import parity_frame as frame_of
from rtstyle_export.to_onnx import to_onnx

needs_openvino = pytest.mark.skipif(
    find_spec("openvino") is None, reason="openvino is not installed"
)


@pytest.fixture(scope="module")
def model() -> bytes:
    torch.manual_seed(4)
    config = SwiftConfig(channels=16, blocks=1, deep_channels=16, head="resize")
    return to_onnx(SwiftNet(config).eval())


@needs_openvino
@pytest.mark.slow
@pytest.mark.parametrize("size", [(16, 16), (41, 55), (88, 120)])
def test_openvino_gives_the_picture_of_onnxruntime(
    model: bytes, size: tuple[int, int]
) -> None:
    frame = frame_of(*size)
    wanted = open_session(model, runtime="onnxruntime", device="cpu")
    session = open_session(model, runtime="openvino", device="cpu", precision="fp32")
    got = session.run({"frame": frame})["stylized"]
    reference = wanted.run({"frame": frame})["stylized"]
    assert got.shape == frame.shape and got.dtype == np.uint8
    assert np.abs(got.astype(int) - reference.astype(int)).max() <= 1
    assert reference.std() > 5.0, "a flat picture would prove nothing"


@needs_openvino
@pytest.mark.slow
def test_bf16_is_near_or_refused(model: bytes) -> None:
    frame = frame_of(88, 120)
    exact = open_session(model, runtime="openvino", device="cpu", precision="fp32")
    try:
        rough = open_session(model, runtime="openvino", device="cpu", precision="bf16")
    except UsageError as error:
        assert "precision bf16" in str(error)
        return
    one, other = (s.run({"frame": frame})["stylized"] for s in (exact, rough))
    assert np.mean((one.astype(float) - other) ** 2) < 255.0**2 / 10**3.5


@needs_openvino
@pytest.mark.slow
def test_threads_run_one_openvino_session_at_once(model: bytes) -> None:
    session = open_session(
        model, runtime="openvino", device="cpu", threads=1, precision="fp32"
    )
    frames = [frame_of(48 + 8 * n, 64) for n in range(4)]
    wanted = [session.run({"frame": frame})["stylized"] for frame in frames]
    faults: list[int] = []

    def work(index: int) -> None:
        for _ in range(8):
            got = session.run({"frame": frames[index]})["stylized"]
            if not np.array_equal(got, wanted[index]):
                faults.append(index)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30.0)
    assert not faults


@needs_openvino
def test_a_graph_that_openvino_cannot_read_is_one_error() -> None:
    with pytest.raises(RuntimeUnavailableError, match="runtime openvino: "):
        open_session(b"no graph", runtime="openvino", device="cpu")


@needs_openvino
def test_openvino_has_no_cuda() -> None:
    with pytest.raises(RuntimeUnavailableError, match="expected device cpu"):
        open_session(b"", runtime="openvino", device="cuda:0")


def test_without_openvino_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "openvino", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'rtstyle\[openvino\]'"):
        open_session(b"", runtime="openvino", device="cpu")


def test_bf16_is_taken_only_when_asked_for_and_there() -> None:
    assert precision_for("auto", ["FP32", "BF16"]) == "fp32"
    assert precision_for("bf16", ["FP32", "BF16"]) == "bf16"
    with pytest.raises(UsageError, match="expected one that OpenVINO has"):
        precision_for("bf16", ["FP32"])
    with pytest.raises(UsageError, match="precision fp16"):
        precision_for("fp16", ["FP32", "BF16"])


def test_one_thread_a_frame_gets_a_stream_for_every_core(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("rtstyle.runtime.openvino.physical_cores", lambda: 6)
    files, live = settings("int8", threads=1), settings("bf16", threads=None)
    assert (files["NUM_STREAMS"], files["INFERENCE_NUM_THREADS"]) == (6, 6)
    assert (live["NUM_STREAMS"], live["INFERENCE_NUM_THREADS"]) == (1, 6)
    assert files["ENABLE_CPU_PINNING"] is False
    assert live["INFERENCE_PRECISION_HINT"] == "bf16"
