"""Which runtime and device a style runs on, chosen by name or by measuring."""

import logging
import os
from collections.abc import Mapping
from functools import partial
from importlib.util import find_spec

from rtstyle.choices import RUNTIMES
from rtstyle.errors import UsageError
from rtstyle.runtime.measure import Opener, fastest
from rtstyle.runtime.onnxruntime import OrtSession, cuda_fault
from rtstyle.runtime.openvino import OpenVinoSession
from rtstyle.runtime.protocol import Arrays, Session
from rtstyle.runtime.switching import SwitchingSession

log = logging.getLogger(__name__)

VARIABLE = "RTSTYLE_RUNTIME"
"""Environment variable that says what ``auto`` means, instead of a measurement."""


def open_session(
    model: bytes,
    *,
    runtime: str = "auto",
    device: str = "auto",
    threads: int | None = None,
    precision: str = "auto",
    is_live: bool = False,
    extra_inputs: Arrays | None = None,
) -> Session:
    """Load a graph where it is asked for; choose only what is left to ``auto``.

    Args:
        model: A serialised ONNX model.
        runtime: One of `RUNTIMES`.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        threads: CPU threads inside one node; None means all physical cores.
        precision: One of `rtstyle.choices.PRECISIONS`: what a runtime may compute
            in; the graph itself is fp32 or int8 already.
        is_live: Whether frames go on in onnxruntime while an engine is being built.
        extra_inputs: What the graph takes beside the frame, to measure it with.

    Raises:
        UsageError: no such runtime or device.
        RuntimeUnavailableError: what was asked for by name does not run here.
        MissingExtraError: its package is not installed.
    """
    if runtime == "auto":
        runtime = os.environ.get(VARIABLE, runtime)
    if runtime not in RUNTIMES:
        raise UsageError(
            f"runtime: expected one of {', '.join(RUNTIMES)}, got {runtime!r}"
        )
    chosen = resolve_device(device)
    openers = openers_for(model, device=chosen, threads=threads, precision=precision)
    if runtime == "tensorrt" and is_live:
        return engine_or_meanwhile(model, openers, device=chosen, precision=precision)
    if runtime != "auto":
        return openers[runtime]()
    candidates = auto_candidates(chosen, precision)
    if len(candidates) == 1:
        return openers[candidates[0]]()
    facts = f"{chosen} {threads} {precision}"
    tried = {name: openers[name] for name in candidates}
    return fastest(tried, model=model, facts=facts, extra_inputs=extra_inputs)[1]


def openers_for(
    model: bytes, *, device: str, threads: int | None, precision: str
) -> dict[str, Opener]:
    """Return what opens a session, for every runtime by name."""

    def onnxruntime() -> Session:
        if device == "cpu":
            return OrtSession(
                model, device=device, threads=threads, precision=precision
            )
        from rtstyle.runtime.cuda.session import open_on_gpu

        return open_on_gpu(model, device=device, precision=precision)

    def tensorrt() -> Session:
        from rtstyle.runtime.tensorrt.session import TensorRtSession

        return TensorRtSession(model, device=device, precision=precision)

    return {
        "onnxruntime": onnxruntime,
        "openvino": partial(
            OpenVinoSession, model, device=device, threads=threads, precision=precision
        ),
        "tensorrt": tensorrt,
    }


def engine_or_meanwhile(
    model: bytes, openers: Mapping[str, Opener], *, device: str, precision: str
) -> Session:
    """Return TensorRT if its engine is there, else what paints until it is.

    Raises:
        MissingExtraError: TensorRT is not installed.
        RuntimeUnavailableError: there is no GPU for it.
    """
    from rtstyle.runtime.tensorrt.session import has_engine

    if has_engine(model, device=device, precision=precision):
        return openers["tensorrt"]()
    log.info("tensorrt: onnxruntime goes on until the engine is built")
    return SwitchingSession(openers["onnxruntime"](), openers["tensorrt"])


def auto_candidates(device: str, precision: str) -> list[str]:
    """Return the runtimes that ``auto`` may choose, the one to prefer first."""
    if precision == "bf16":
        return ["openvino"]
    if device == "cpu" and precision != "fp16" and find_spec("openvino") is not None:
        return ["onnxruntime", "openvino"]
    return ["onnxruntime"]


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
