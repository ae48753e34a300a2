"""What is measured: a graph, in a precision, on a runtime and device."""

from dataclasses import dataclass
from importlib import resources

from rtstyle.gallery import load_style
from rtstyle.precision import twin_path, with_precision

BASELINE = "johnson"
"""Name of the baseline that everything is held against."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One row of a benchmark, before it is measured."""

    name: str
    """Of the style, or `BASELINE`."""
    precision: str
    """``fp32``, ``int8``, ``bf16`` or ``fp16``."""
    runtime: str
    """``onnxruntime``, ``openvino`` or ``tensorrt``."""
    model: bytes
    """The graph that runs."""
    counted: bytes
    """The fp32 graph whose arithmetic is counted."""


def baseline(runtime: str) -> Subject:
    """Return the network of Johnson et al. 2016 without its weights' values."""
    model = resources.files("rtstyle.benchmark").joinpath("johnson.onnx").read_bytes()
    return Subject(BASELINE, "fp32", runtime, model, model)


def subjects_of(style_name: str, *, precision: str, runtime: str) -> list[Subject]:
    """Return what is measured of one style.

    Args:
        style_name: For `load_style`.
        precision: One of `rtstyle.precision.PRECISIONS`; ``auto`` is fp32 and, if the
            style has a twin, int8.
        runtime: One that can be had here.
    """
    style = load_style(style_name)
    wanted = [precision]
    if precision == "auto":
        wanted = ["fp32", "int8"] if twin_path(style, "int8") else ["fp32"]
    return [
        Subject(
            name=style.name,
            precision=kind,
            runtime=runtime,
            model=with_precision(style, kind).model,
            counted=style.model,
        )
        for kind in wanted
    ]
