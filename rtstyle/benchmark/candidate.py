"""List what to measure: a graph, in a precision, on a runtime and device."""

from dataclasses import dataclass
from importlib import resources

from rtstyle.gallery.find import load_style
from rtstyle.style_file import Style
from rtstyle.twins import with_precision

BASELINE = "johnson"
"""Name of the baseline that everything is compared with."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One row of a benchmark, before it is measured."""

    name: str
    """Name of the style, or `BASELINE`."""
    precision: str
    """``fp32``, ``int8``, ``bf16`` or ``fp16``."""
    runtime: str
    """``onnxruntime``, ``openvino`` or ``tensorrt``."""
    model: bytes
    """The graph that runs."""
    counted: bytes
    """The graph used to count arithmetic: the fp32 one, unless a twin was named."""


def baseline(runtime: str) -> Candidate:
    """Return the network of Johnson et al. 2016, with placeholder weights."""
    model = resources.files("rtstyle.benchmark").joinpath("johnson.onnx").read_bytes()
    return Candidate(BASELINE, "fp32", runtime, model, model)


def candidates_of(style_name: str, *, precision: str, runtime: str) -> list[Candidate]:
    """Return the candidates of one style.

    Args:
        style_name: Passed to `load_style`.
        precision: One of `rtstyle.choices.PRECISIONS`; ``auto`` is the style as it is
            and, if it has a twin, int8.
        runtime: A runtime that works here.
    """
    style = load_style(style_name)
    variant = with_precision(style, precision)
    graphs = {precision: variant.model}
    if precision == "auto":
        graphs = {_precision_of(s): s.model for s in (style, variant)}
    return [
        Candidate(
            name=style.name,
            precision=kind,
            runtime=runtime,
            model=model,
            counted=style.model,
        )
        for kind, model in graphs.items()
    ]


def _precision_of(style: Style) -> str:
    return str(style.card.get("precision", "fp32"))
