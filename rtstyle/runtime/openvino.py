"""OpenVINO on the CPU: bf16 and int8 where the processor has them."""

import io
import logging
import threading
from typing import Any

import numpy as np
import numpy.typing as npt

from rtstyle.errors import RuntimeUnavailableError, UsageError, missing_extra
from rtstyle.runtime.device import physical_cores
from rtstyle.runtime.protocol import Arrays
from rtstyle.telemetry import import_openvino

log = logging.getLogger(__name__)

HINTS = {"fp32": "f32", "int8": "f32", "bf16": "bf16"}
"""What OpenVINO may compute in, by our precision; int8 is in the graph itself."""


class OpenVinoSession:
    """A graph in OpenVINO; every thread that calls it has its own request."""

    runtime = "openvino"
    device = "cpu"

    def __init__(
        self,
        model: bytes,
        *,
        device: str = "cpu",
        threads: int | None = None,
        precision: str = "auto",
    ) -> None:
        """Compile a graph.

        Args:
            model: A serialised ONNX model without external data.
            device: ``cpu``.
            threads: As for `OrtSession`; 1 lets every core take a frame of its own.
            precision: ``fp32``, ``int8`` or ``bf16``; ``auto`` leaves the numbers as
                the graph has them, so that a picture does not depend on the machine.

        Raises:
            MissingExtraError: OpenVINO is not installed.
            UsageError: a precision that it does not have on a CPU.
            RuntimeUnavailableError: another device, or OpenVINO refuses the graph.
        """
        try:
            openvino = import_openvino()
        except ImportError as error:
            raise missing_extra("--runtime openvino", "openvino", "openvino") from error
        if device != "cpu":
            raise RuntimeUnavailableError(
                f"runtime openvino: expected device cpu, got {device}; "
                "use --device cpu, or --runtime onnxruntime for a GPU"
            )
        core = openvino.Core()
        self.precision = precision_for(
            precision, core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        )
        try:
            self._compiled: Any = core.compile_model(
                core.read_model(io.BytesIO(model)),
                "CPU",
                settings(self.precision, threads=threads),
            )
        except RuntimeError as error:
            text = " ".join(str(error).split())[:300]
            raise RuntimeUnavailableError(f"runtime openvino: {text}") from error
        self._outputs = [port.get_any_name() for port in self._compiled.outputs]
        self._local = threading.local()

    def run(self, inputs: Arrays) -> dict[str, npt.NDArray[Any]]:
        """Run the graph once; see `Session.run`."""
        if not hasattr(self._local, "request"):
            self._local.request = self._compiled.create_infer_request()
        results = self._local.request.infer(dict(inputs))
        return {
            name: np.array(results[index])  # the request will write there again
            for index, name in enumerate(self._outputs)
        }

    def close(self) -> None:
        """Let go of the graph; may be called twice."""
        self._compiled, self._local = None, threading.local()


def precision_for(precision: str, capabilities: list[str]) -> str:
    """Return the precision to run in, for what was asked and what there is.

    Raises:
        UsageError: it cannot be had on this processor.
    """
    if precision == "auto":
        return "fp32"
    if precision not in HINTS or (precision == "bf16" and "BF16" not in capabilities):
        raise UsageError(
            f"precision {precision}: expected one that OpenVINO has on this processor "
            f"({', '.join(capabilities)}), got none; use --precision fp32"
        )
    return precision


def settings(precision: str, *, threads: int | None) -> dict[str, Any]:
    """Return OpenVINO's properties: one frame on all cores, or one on each."""
    cores = physical_cores()
    return {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": HINTS[precision],
        "INFERENCE_NUM_THREADS": cores if threads in (None, 1) else threads,
        "NUM_STREAMS": cores if threads == 1 else 1,
        # pinned threads of several requests end up on one core
        "ENABLE_CPU_PINNING": False,
    }
