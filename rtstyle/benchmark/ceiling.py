"""Measure this machine's peak speed with a short convolution and a short copy."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from rtstyle.runtime import Session, open_session
from rtstyle.runtime.onnxruntime import OrtSession

CHANNELS, LINES, COLUMNS = 64, 90, 160
"""Size of the 3x3 convolution; large enough for runtimes to come near the peak."""
GPU_CHANNELS, GPU_LINES, GPU_COLUMNS = 256, 270, 480
"""The same on a GPU."""
COPY_BYTES = 64 << 20
"""Size of the copy: far more than any cache holds."""
PROBE_SECONDS = 0.4
"""How long each probe runs."""


@dataclass(frozen=True, slots=True)
class Ceiling:
    """This machine's peak speeds, measured in the same run."""

    fp32_gmac_per_second: float
    """3x3 convolution of 64 channels, fp32."""
    int8_gmac_per_second: float
    """The same in int8; on a GPU, where int8 twins do not run, the fp32 figure."""
    copy_gb_per_second: float
    """Bytes read and written by a large copy in this machine's own memory, in 10^9 a
    second, one thread."""

    def of(self, precision: str) -> float:
        """Return the arithmetic ceiling of a precision."""
        if precision == "int8":
            return self.int8_gmac_per_second
        return self.fp32_gmac_per_second


def probe_ceiling(*, device: str = "cpu") -> Ceiling:
    """Measure the ceilings of a device."""
    copied = np.ones(COPY_BYTES, np.uint8)
    target = np.empty_like(copied)

    def copy() -> None:
        np.copyto(target, copied)

    copy_seconds = _best_seconds(copy)
    if device == "cpu":
        fp32 = _convolution(fp32_probe(), device)
        int8 = _convolution(int8_probe(), device)
    else:
        fp32 = int8 = _convolution_on_gpu(device)
    return Ceiling(
        fp32_gmac_per_second=fp32,
        int8_gmac_per_second=int8,
        copy_gb_per_second=2 * COPY_BYTES / copy_seconds / 1e9,
    )


def fp32_probe() -> bytes:
    """Return a graph of one convolution that outputs only its mean."""
    weight = np.full((CHANNELS, CHANNELS, 3, 3), 0.01, np.float32)
    nodes = [
        helper.make_node(
            "Conv", ["x", "weight"], ["y"], kernel_shape=[3, 3], pads=[1] * 4
        ),
        helper.make_node("GlobalAveragePool", ["y"], ["z"]),
    ]
    return _probe(nodes, [numpy_helper.from_array(weight, "weight")])


def gpu_probe() -> bytes:
    """Return a large convolution of one value, so that little is sent to the GPU."""
    shape = np.array([1, GPU_CHANNELS, GPU_LINES, GPU_COLUMNS], np.int64)
    weight = np.full((GPU_CHANNELS, GPU_CHANNELS, 3, 3), 0.01, np.float32)
    nodes = [
        helper.make_node("Expand", ["x", "shape"], ["wide"]),
        helper.make_node(
            "Conv", ["wide", "weight"], ["y"], kernel_shape=[3, 3], pads=[1] * 4
        ),
        helper.make_node("GlobalAveragePool", ["y"], ["z"]),
    ]
    weights: dict[str, np.ndarray] = {"shape": shape, "weight": weight}
    tensors = [numpy_helper.from_array(v, n) for n, v in weights.items()]
    return _probe(nodes, tensors, shape=[1, 1, 1, 1])


def int8_probe() -> bytes:
    """Return the same graph with a quantised convolution between its scales."""
    values: dict[str, np.ndarray] = {
        "weight": np.full((CHANNELS, CHANNELS, 3, 3), 3, np.int8),
        "scale": np.array(1.0, np.float32),
        "zero": np.array(0, np.uint8),
        "weight_zero": np.array(0, np.int8),
    }
    scales = ["scale", "zero"]
    nodes = [
        helper.make_node("QuantizeLinear", ["x", *scales], ["x8"]),
        helper.make_node(
            "QLinearConv",
            ["x8", *scales, "weight", "scale", "weight_zero", *scales],
            ["y"],
            kernel_shape=[3, 3],
            pads=[1] * 4,
        ),
        helper.make_node("MaxPool", ["y"], ["p"], kernel_shape=[9, 9], strides=[9, 9]),
        helper.make_node("DequantizeLinear", ["p", *scales], ["z"]),
    ]
    return _probe(nodes, [numpy_helper.from_array(v, n) for n, v in values.items()])


def _probe(
    nodes: list[onnx.NodeProto],
    weights: list[onnx.TensorProto],
    *,
    shape: Sequence[int] = (1, CHANNELS, LINES, COLUMNS),
) -> bytes:
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)]
    outputs = [helper.make_tensor_value_info("z", TensorProto.FLOAT, [None] * 4)]
    graph = helper.make_graph(nodes, "probe", inputs, outputs, weights)
    opset = helper.make_opsetid("", 18)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=9)
    data: bytes = model.SerializeToString()
    return data


def _convolution(model: bytes, device: str) -> float:
    session: Session = open_session(model, runtime="onnxruntime", device=device)
    x = np.ones((1, CHANNELS, LINES, COLUMNS), np.float32)
    seconds = _best_seconds(lambda: session.run({"x": x}))
    session.close()
    return CHANNELS * CHANNELS * 9 * LINES * COLUMNS / seconds / 1e9


def _convolution_on_gpu(device: str) -> float:
    session = OrtSession(gpu_probe(), device=device)
    x = np.ones((1, 1, 1, 1), np.float32)
    seconds = _best_seconds(lambda: session.run({"x": x}))
    session.close()
    macs = GPU_CHANNELS**2 * 9 * GPU_LINES * GPU_COLUMNS
    return macs / seconds / 1e9


def _best_seconds(call: object) -> float:
    """Return the shortest time of a call, repeated for `PROBE_SECONDS`."""
    assert callable(call)
    call()
    best, end = float("inf"), time.perf_counter() + PROBE_SECONDS
    while time.perf_counter() < end:
        began = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - began)
    return best
