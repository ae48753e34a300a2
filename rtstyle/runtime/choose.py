"""Which runtime and device a style runs on, chosen by name or by looking."""

import logging

from rtstyle.errors import RuntimeUnavailableError, UsageError
from rtstyle.runtime.onnxruntime import OrtSession, cuda_fault
from rtstyle.runtime.protocol import Session

log = logging.getLogger(__name__)

RUNTIMES = ("auto", "onnxruntime", "tensorrt", "openvino")
"""What `--runtime` takes."""


def open_session(
    model: bytes,
    *,
    runtime: str = "auto",
    device: str = "auto",
    threads: int | None = None,
    precision: str = "auto",
) -> Session:
    """Load a graph where it is asked for; choose only what is left to ``auto``.

    Args:
        model: A serialised ONNX model.
        runtime: One of `RUNTIMES`.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        threads: CPU threads inside one node; None means all physical cores.
        precision: One of `rtstyle.precision.PRECISIONS`: what a runtime may compute
            in; the graph itself is fp32 or int8 already.

    Raises:
        UsageError: no such runtime or device.
        RuntimeUnavailableError: what was asked for by name does not run here.
    """
    if runtime not in RUNTIMES:
        raise UsageError(
            f"runtime: expected one of {', '.join(RUNTIMES)}, got {runtime!r}"
        )
    chosen = resolve_device(device)
    if runtime in ("auto", "onnxruntime"):
        return OrtSession(model, device=chosen, threads=threads)
    raise RuntimeUnavailableError(
        f"runtime {runtime}: this version runs onnxruntime only; "
        "use --runtime onnxruntime"
    )


def resolve_device(device: str) -> str:
    """Return ``cpu`` or ``cuda:N`` for what the user wrote.

    Raises:
        UsageError: it is neither.
    """
    if device == "cpu":
        return device
    if device == "auto":
        fault = cuda_fault()
        log.debug("no CUDA: %s", fault)
        return "cpu" if fault else "cuda:0"
    name, _, number = device.partition(":")
    if name == "cuda" and (number or "0").isdigit():
        return f"cuda:{number or '0'}"
    raise UsageError(f"device: expected auto, cpu, cuda or cuda:N, got {device!r}")
