"""Choose the runtime and device of a style, by name or by measuring."""

import logging
import os
from collections.abc import Callable, Mapping
from functools import partial
from importlib.util import find_spec

from rtstyle.choices import RUNTIMES
from rtstyle.errors import UsageError
from rtstyle.runtime.devices.auto import candidates, quickest, resolve_gpu
from rtstyle.runtime.devices.names import kind_of, parse_device
from rtstyle.runtime.devices.providers import PROVIDERS
from rtstyle.runtime.measure import Opener, fastest
from rtstyle.runtime.onnxruntime import OrtSession
from rtstyle.runtime.openvino import OpenVinoSession
from rtstyle.runtime.protocol import Arrays, Session
from rtstyle.runtime.switching import SwitchingSession

log = logging.getLogger(__name__)

VARIABLE = "RTSTYLE_RUNTIME"
"""Environment variable that sets the runtime for ``auto`` instead of measuring."""


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
    """Load a graph on the given runtime and device; choose those given as ``auto``.

    Args:
        model: A serialised ONNX model.
        runtime: One of `RUNTIMES`.
        device: What `--device` takes; see `devices.names`.
        threads: CPU threads inside one node; None means all physical cores.
        precision: One of `rtstyle.choices.PRECISIONS`: what the runtime may compute
            in; the graph itself is already fp32 or int8.
        is_live: Whether frames run in onnxruntime while an engine is being built.
        extra_inputs: What the graph takes beside the frame, to measure it with.

    Raises:
        UsageError: no such runtime or device.
        RuntimeUnavailableError: a runtime or device given by name does not work here.
        MissingExtraError: its package is not installed.
    """
    if runtime == "auto":
        is_openvino = kind_of(device) == "openvino"
        runtime = "openvino" if is_openvino else os.environ.get(VARIABLE, runtime)
    if runtime not in RUNTIMES:
        raise UsageError(
            f"runtime: expected one of {', '.join(RUNTIMES)}, got {runtime!r}"
        )
    device = resolve_device(device)
    openers = openers_for(model, device=device, threads=threads, precision=precision)
    if runtime == "tensorrt" and is_live:
        return engine_or_meanwhile(model, openers, device=device, precision=precision)
    if runtime != "auto":
        return openers[runtime]()
    candidates = auto_candidates(device, precision)
    if len(candidates) == 1:
        return openers[candidates[0]]()
    facts = f"{device} {threads} {precision}"
    tried = {name: openers[name] for name in candidates}
    return fastest(tried, model=model, facts=facts, extra_inputs=extra_inputs)[1]


def openers_for(
    model: bytes, *, device: str, threads: int | None, precision: str
) -> dict[str, Opener]:
    """Return, by name of the runtime, the functions that open a session."""

    def onnxruntime() -> Session:
        if device == "cpu":
            return OrtSession(
                model, device=device, threads=threads, precision=precision
            )
        if kind_of(device) == "openvino":
            raise UsageError(
                f"device {device}: expected --runtime auto or openvino, got onnxruntime"
            )
        if kind_of(device) in PROVIDERS:
            from rtstyle.runtime.devices.provider_session import open_on_provider

            return open_on_provider(model, device=device, precision=precision)
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
    """Return TensorRT if its engine exists, else onnxruntime until it is built.

    Raises:
        MissingExtraError: TensorRT is not installed.
        RuntimeUnavailableError: there is no GPU.
    """
    from rtstyle.runtime.tensorrt.session import has_engine

    if has_engine(model, device=device, precision=precision):
        return openers["tensorrt"]()
    log.info("tensorrt: onnxruntime runs until the engine is built")
    return SwitchingSession(openers["onnxruntime"](), openers["tensorrt"])


def auto_candidates(device: str, precision: str) -> list[str]:
    """Return the runtimes that ``auto`` may choose, the preferred one first."""
    if precision == "bf16":
        return ["openvino"]
    if device == "cpu" and precision != "fp16" and find_spec("openvino") is not None:
        return ["onnxruntime", "openvino"]
    return ["onnxruntime"]


def resolve_device(
    device: str,
    *,
    model: bytes | None = None,
    cpu_model: Callable[[], bytes] | None = None,
    architecture: str = "",
) -> str:
    """Return one device's name for what the user wrote; ``gpu`` and ``auto`` are none.

    Args:
        device: What `--device` takes.
        model: What ``auto`` measures with, a serialised style graph in fp32; without
            one it is the first GPU, or the CPU.
        cpu_model: Gives what the CPU runs instead, its int8 twin for example.
        architecture: Text that is equal for all graphs that take as long as `model`.

    Raises:
        UsageError: There is no such kind of device.
        RuntimeUnavailableError: There are not so many GPUs.
    """
    named = parse_device(device)
    if kind_of(named) == "gpu":
        return resolve_gpu(named)
    if named != "auto":
        return named
    names = candidates()
    if model is None:
        return names[min(1, len(names) - 1)]

    def open_on(name: str) -> Session:
        if name == "cpu" and cpu_model is not None:
            return open_session(cpu_model(), device=name)
        return open_session(model, device=name)

    return quickest(names, open_on, architecture=architecture)
