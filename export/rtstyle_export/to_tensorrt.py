"""Build an engine into the cache (`rtstyle export STYLE.onnx --to tensorrt`)."""

from pathlib import Path

from rtstyle.runtime import resolve_device
from rtstyle.runtime.cuda.memory import Cuda
from rtstyle.runtime.device import cuda_index
from rtstyle.runtime.tensorrt.api import TensorRt, import_tensorrt
from rtstyle.runtime.tensorrt.build import (
    Report,
    build_engine,
    engine_key,
    report_on_stderr,
)
from rtstyle.runtime.tensorrt.engine_cache import Profile, cached_engine, engine_path
from rtstyle.runtime.tensorrt.session import numbers_for
from rtstyle.style_file import Style
from rtstyle.twins import with_precision


def export_engine(
    style: Style,
    *,
    device: str = "cuda:0",
    precision: str = "auto",
    profile: Profile | None = None,
    report: Report = report_on_stderr,
    trt: TensorRt | None = None,
    cuda: Cuda | None = None,
) -> Path:
    """Build the engine that ``--runtime tensorrt`` will find.

    Args:
        style: As loaded; its fp16 twin is used if `precision` asks for it, as in the
            runtime.
        device: ``cuda`` or ``cuda:N``.
        precision: ``fp32`` or ``fp16``; ``auto`` is fp32.
        profile: Sizes that the engine accepts; None is from 16x16 to 4K.
        report: Called with the progress.
        trt: The module ``tensorrt``; None imports it.
        cuda: The device's memory; None opens it.

    Returns:
        Path of the engine.

    Raises:
        MissingExtraError: TensorRT is not installed.
        RuntimeUnavailableError: no GPU, or TensorRT rejects the graph.
        UsageError: a precision or device that TensorRT does not support.
        StyleFileError: an fp16 twin was requested and the style has none.
    """
    device = resolve_device(device)
    numbers = numbers_for(device, precision)
    model = with_precision(style, precision, device=device).model
    module = trt or import_tensorrt()
    sizes = profile or Profile()
    key = engine_key(module, model, device=device, profile=sizes, precision=numbers)

    def build() -> bytes:
        return build_engine(
            module, model, profile=sizes, precision=numbers, report=report
        )

    # TensorRT builds on the current device
    selected = cuda or Cuda(device=cuda_index(device))
    try:
        cached_engine(key, build)
    finally:
        selected.close()
    return engine_path(key)
