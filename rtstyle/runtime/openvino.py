"""OpenVINO: bf16 and int8 on CPUs that have them, and GPUs and NPUs of Intel."""

import io
import logging
import threading
from collections.abc import Sequence
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
            device: ``cpu``, or ``openvino:NAME`` with OpenVINO's name of one.
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
        core = openvino.Core()
        name = device_name(device, core.available_devices)
        self.device = device
        self.precision = precision_for(
            precision, core.get_property(name, "OPTIMIZATION_CAPABILITIES")
        )
        is_cpu = name == "CPU"
        try:
            self._compiled: Any = core.compile_model(
                core.read_model(io.BytesIO(model)),
                name,
                settings(self.precision, threads=threads, is_cpu=is_cpu),
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


def device_name(device: str, available: Sequence[str]) -> str:
    """Return OpenVINO's name of a device.

    Args:
        device: ``cpu`` or ``openvino:NAME``.
        available: What OpenVINO finds.

    Raises:
        RuntimeUnavailableError: It is another runtime's, or not there.
    """
    kind, _, named = device.partition(":")
    if device != "cpu" and kind != "openvino":
        raise RuntimeUnavailableError(
            f"runtime openvino: expected device cpu or openvino:NAME, got {device}; "
            "use --device cpu, or --runtime onnxruntime for this one"
        )
    name = named or "CPU"
    if not {name, f"{name}.0"} & set(available):
        raise RuntimeUnavailableError(
            f"device {device}: expected one of {', '.join(available)}, got {name}; "
            "install Intel's driver for it, or use --device cpu"
        )
    return name


def openvino_devices() -> list[str]:
    """Return OpenVINO's names of what it runs on; none where it is not installed."""
    try:
        found: list[str] = import_openvino().Core().available_devices
    except ImportError:
        return []
    return found


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


def settings(
    precision: str, *, threads: int | None, is_cpu: bool = True
) -> dict[str, Any]:
    """Return OpenVINO's properties: one frame on all cores, or one on each."""
    cores = physical_cores()
    hints = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": HINTS[precision],
    }
    if not is_cpu:
        return hints
    return hints | {
        "INFERENCE_NUM_THREADS": cores if threads in (None, 1) else threads,
        "NUM_STREAMS": cores if threads == 1 else 1,
        # pinned threads of several requests end up on one core
        "ENABLE_CPU_PINNING": False,
    }
