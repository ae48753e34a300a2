"""`rtstyle export STYLE.onnx --to tensorrt`: an engine in the cache, made ahead."""

from pathlib import Path

from rtstyle.runtime.engine_cache import Profile, cached_engine, engine_folder
from rtstyle.runtime.tensorrt_api import TensorRt, import_tensorrt
from rtstyle.runtime.tensorrt_build import (
    Report,
    build_engine,
    engine_key,
    report_on_stderr,
)
from rtstyle.style_file import Style


def export_engine(
    style: Style,
    *,
    device: str = "cuda:0",
    precision: str = "fp32",
    profile: Profile | None = None,
    report: Report = report_on_stderr,
    trt: TensorRt | None = None,
) -> Path:
    """Build the engine that ``--runtime tensorrt`` will find.

    Args:
        style: An fp32 style.
        device: ``cuda:N``.
        precision: ``fp32`` or ``fp16``.
        profile: Sizes that the engine takes; None is from 16x16 to 4K.
        report: Told about progress.
        trt: The module ``tensorrt``; None imports it.

    Returns:
        Where the engine is kept.

    Raises:
        MissingExtraError: TensorRT is not installed.
        RuntimeUnavailableError: no GPU, or TensorRT refuses the graph.
    """
    module = trt or import_tensorrt()
    sizes = profile or Profile()
    key = engine_key(
        module, style.model, device=device, profile=sizes, precision=precision
    )

    def build() -> bytes:
        return build_engine(
            module, style.model, profile=sizes, precision=precision, report=report
        )

    cached_engine(key, build)
    return engine_folder() / key.file_name
