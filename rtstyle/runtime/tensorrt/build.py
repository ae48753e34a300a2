"""Build a TensorRT engine from a style graph, with progress on stderr."""

import hashlib
import logging
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from rtstyle.errors import RuntimeUnavailableError
from rtstyle.runtime.device import cuda_index
from rtstyle.runtime.graphs.float_ends import with_float_ends
from rtstyle.runtime.tensorrt.api import Network, TensorRt
from rtstyle.runtime.tensorrt.engine_cache import EngineKey, Profile
from rtstyle.style_file import FRAME_INPUT

log = logging.getLogger(__name__)

Report = Callable[[str, int, int], None]
"""Called with the phase, the steps done and the total steps."""


def build_engine(
    trt: TensorRt,
    model: bytes,
    *,
    profile: Profile,
    precision: str,
    report: Report | None = None,
) -> bytes:
    """Build and return a serialised engine; takes minutes.

    Args:
        trt: The module.
        model: A serialised fp32 style graph.
        profile: Sizes that the engine accepts.
        precision: ``fp32`` or ``fp16``; the statistics of instance norm stay fp32.
        report: Called with the progress.

    Raises:
        RuntimeUnavailableError: TensorRT rejects the graph or cannot build it.
    """
    try:
        graph = with_float_ends(model)
    except ValueError as error:
        raise RuntimeUnavailableError(f"runtime tensorrt: {error}") from error
    logger = trt.Logger()
    builder = trt.Builder(logger)
    network = builder.create_network(0)
    parser = trt.OnnxParser(network, logger)
    if not parser.parse(graph):
        faults = [parser.get_error(index).desc() for index in range(parser.num_errors)]
        raise RuntimeUnavailableError(
            f"runtime tensorrt: the graph was refused ({'; '.join(faults)})"
        )
    config = builder.create_builder_config()
    sizes = builder.create_optimization_profile()
    shapes = [(*size, 3) for size in (profile.least, profile.best, profile.most)]
    sizes.set_shape(FRAME_INPUT, *shapes)
    if config.add_optimization_profile(sizes) < 0:
        raise RuntimeUnavailableError(
            f"runtime tensorrt: the sizes {shapes} were refused for this graph"
        )
    config.clear_flag(trt.BuilderFlag.TF32)  # set by default; fp32 must stay fp32
    if precision == "fp16":
        _allow_fp16(trt, network, config)
    if report is not None:
        config.progress_monitor = progress_monitor(trt, report)
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise RuntimeUnavailableError(
            "runtime tensorrt: the engine could not be built (its own messages say "
            "why); use --runtime onnxruntime"
        )
    return bytes(plan)


def progress_monitor(trt: TensorRt, report: Report) -> Any:
    """Return a progress monitor for TensorRT that calls `report`."""
    base: Any = trt.IProgressMonitor

    class Monitor(base):  # type: ignore[misc]  # the base is only known at run time
        def __init__(self) -> None:
            base.__init__(self)
            self.totals: dict[str, int] = {}

        def phase_start(self, name: str, parent: str | None, num_steps: int) -> None:
            self.totals[name] = num_steps
            report(name, 0, num_steps)

        def step_complete(self, name: str, step: int) -> bool:
            report(name, step + 1, self.totals.get(name, 0))
            return True  # False would stop the build

        def phase_finish(self, name: str) -> None:
            total = self.totals.pop(name, 0)
            report(name, total, total)

    return Monitor()


def engine_key(
    trt: TensorRt, model: bytes, *, device: str, profile: Profile, precision: str
) -> EngineKey:
    """Return the cache key of an engine for this machine.

    Raises:
        RuntimeUnavailableError: there is no NVIDIA GPU.
    """
    gpu, driver = describe_gpu(device)
    return EngineKey(
        gpu=gpu,
        driver=driver,
        tensorrt=trt.__version__,
        onnx_sha256=hashlib.sha256(model).hexdigest(),
        profile=profile,
        precision=precision,
    )


def describe_gpu(device: str) -> tuple[str, str]:
    """Return the name with compute capability, and the driver, of ``cuda:N``.

    Raises:
        RuntimeUnavailableError: nvidia-smi is missing or lists no such GPU.
    """
    fields = "--query-gpu=name,compute_cap,driver_version"
    command = [
        "nvidia-smi",
        fields,
        "--format=csv,noheader",
        f"--id={cuda_index(device)}",
    ]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=20, check=True
        )
        name, capability, driver = done.stdout.strip().split(", ")
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise RuntimeUnavailableError(
            f"runtime tensorrt: expected an NVIDIA GPU {device}, nvidia-smi found none "
            f"({type(error).__name__}); use --device cpu --runtime onnxruntime"
        ) from error
    return f"{name} {capability}", driver


def report_on_stderr(phase: str, done: int, total: int) -> None:
    """Overwrite the last line of progress with a new one."""
    text = f"tensorrt: {phase} {done}/{total}"
    sys.stderr.write(f"\r{text[:100]:100}")
    sys.stderr.flush()


def _allow_fp16(trt: TensorRt, network: Network, config: Any) -> None:
    config.set_flag(trt.BuilderFlag.FP16)
    config.set_flag(trt.BuilderFlag.OBEY_PRECISION_CONSTRAINTS)
    for index in range(network.num_layers):
        layer = network.get_layer(index)
        if layer.type == trt.LayerType.NORMALIZATION:
            layer.precision = trt.float32
