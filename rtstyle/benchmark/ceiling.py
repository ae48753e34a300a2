"""What this machine can do at best: a short convolution and a short copy."""

import time
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from rtstyle.runtime import Session, open_session

CHANNELS, LINES, COLUMNS = 64, 90, 160
"""Of the probed 3x3 convolution: a size at which runtimes come near the peak."""
COPY_BYTES = 64 << 20
"""Far more than any cache holds."""
PROBE_SECONDS = 0.4
"""Time that each probe takes."""


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The best that was seen of this machine, in the same run."""

    fp32_gmac_per_second: float
    """3x3 convolution of 64 channels, fp32."""
    int8_gmac_per_second: float
    """The same in int8."""
    copy_gb_per_second: float
    """Bytes read and written by a large copy, in 10^9 a second, one thread."""

    def of(self, precision: str) -> float:
        """Return the arithmetic ceiling that a precision is held against."""
        if precision == "int8":
            return self.int8_gmac_per_second
        return self.fp32_gmac_per_second


def probe_ceiling(*, device: str = "cpu") -> Ceiling:
    """Measure the ceilings of a device."""
    copied = np.ones(COPY_BYTES, np.uint8)
    target = np.empty_like(copied)

    def copy() -> None:
        np.copyto(target, copied)

    return Ceiling(
        fp32_gmac_per_second=_convolution(fp32_probe(), device),
        int8_gmac_per_second=_convolution(int8_probe(), device),
        copy_gb_per_second=2 * COPY_BYTES / _best_seconds(copy) / 1e9,
    )


def fp32_probe() -> bytes:
    """Return a graph that is one convolution; only a mean of it leaves the graph."""
    weight = np.full((CHANNELS, CHANNELS, 3, 3), 0.01, np.float32)
    nodes = [
        helper.make_node(
            "Conv", ["x", "weight"], ["y"], kernel_shape=[3, 3], pads=[1] * 4
        ),
        helper.make_node("GlobalAveragePool", ["y"], ["z"]),
    ]
    return _probe(nodes, [numpy_helper.from_array(weight, "weight")])


def int8_probe() -> bytes:
    """Return the same as a quantised convolution, between its scales."""
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


def _probe(nodes: list[onnx.NodeProto], weights: list[onnx.TensorProto]) -> bytes:
    shape = [1, CHANNELS, LINES, COLUMNS]
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


def _best_seconds(call: object) -> float:
    """Return the shortest time of a call that is repeated for `PROBE_SECONDS`."""
    assert callable(call)
    call()
    best, end = float("inf"), time.perf_counter() + PROBE_SECONDS
    while time.perf_counter() < end:
        began = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - began)
    return best
