"""onnxruntime, with the settings that measured best (README, "Speed")."""

import ctypes
import logging
import sys
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rtstyle.errors import RuntimeUnavailableError, UsageError
from rtstyle.process.signals import call_at_stop
from rtstyle.runtime.device import cuda_index, is_cuda, physical_cores
from rtstyle.runtime.devices.names import kind_of
from rtstyle.runtime.devices.providers import PROVIDERS, attach
from rtstyle.runtime.protocol import Arrays
from rtstyle.telemetry import import_onnxruntime

log = logging.getLogger(__name__)

NO_ADAPTER = "No supported adapters"
"""What WebGPU says where it finds no GPU."""


@dataclass(frozen=True, slots=True)
class Buffer:
    """Memory of a session's device that holds one tensor."""

    address: int
    """Where it begins."""
    shape: tuple[int, ...]
    """Of the tensor."""
    element: type[np.generic]
    """Type of its numbers."""


class OrtSession:
    """A graph in onnxruntime: on the CPU, a CUDA device, or another provider's."""

    runtime = "onnxruntime"

    def __init__(
        self,
        model: bytes,
        *,
        device: str,
        threads: int | None = None,
        precision: str = "auto",
        is_lean: bool = False,
        cuda_graph_size: tuple[int, int] | None = None,
    ) -> None:
        """Load a graph.

        Args:
            model: A serialised ONNX model without external data.
            device: ``cpu``, ``cuda:N``, or of a kind in `devices.providers.PROVIDERS`.
            threads: Threads inside one node; None means one for each physical core.
            precision: Anything but ``bf16``; the graph is in that precision already.
            is_lean: Give memory back after each run, for graphs that share a device.
            cuda_graph_size: Height and width of all frames, if the launches of a run
                are to be recorded once and replayed; None does without.

        Raises:
            RuntimeUnavailableError: the device is not there or does not run a node,
                or onnxruntime refuses the graph.
            UsageError: ``bf16``.
        """
        onnxruntime = import_onnxruntime()

        if precision == "bf16":
            raise UsageError(
                "precision bf16: expected fp32, int8 or fp16 for onnxruntime, got "
                "bf16; use --runtime openvino"
            )
        self.device = device
        if is_cuda(device):
            require_cuda(device)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # errors are raised
        options.intra_op_num_threads = threads or physical_cores()
        # spinning threads gain 3 % when the machine is quiet, lose half when it is not
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._uses_cuda_graph = cuda_graph_size is not None
        if cuda_graph_size is not None:
            # sizes that are known fold away what would be computed on the CPU
            for name, length in zip("HW", cuda_graph_size, strict=True):
                options.add_free_dimension_override_by_name(name, length)
        is_other = kind_of(device) in PROVIDERS
        providers: list[Any] | None
        if is_other:  # a plug-in's device stands in the options alone
            providers = attach(options, device) or None
        else:
            providers = providers_for(
                device, is_lean=is_lean, uses_cuda_graph=self._uses_cuda_graph
            )
        try:
            # by itself it would go on with the CPU, with a word on stdout
            self._session: Any = onnxruntime.InferenceSession(
                model, options, providers=providers, enable_fallback=not is_other
            )
        except Exception as error:  # its own classes, none of them public
            text = " ".join(str(error).split())
            if NO_ADAPTER in text:
                raise RuntimeUnavailableError(
                    f"device {device}: expected a GPU with a driver, got none "
                    f"({NO_ADAPTER}); install the GPU's driver, or use --device cpu"
                ) from error
            raise RuntimeUnavailableError(
                f"runtime onnxruntime: device {device} did not take the graph "
                f"({text[:300]})"
            ) from error
        got = self._session.get_providers()[0]
        if is_cuda(device) and got != "CUDAExecutionProvider":
            raise RuntimeUnavailableError(
                f"device {device}: onnxruntime fell back to {got}; "
                "run rtstyle doctor to see what is missing"
            )
        self._run_options = lean_run(device) if is_lean else _run_options({})
        _open_sessions.add(self)
        self._outputs = [output.name for output in self._session.get_outputs()]

    def run(self, inputs: Arrays) -> dict[str, npt.NDArray[Any]]:
        """Run the graph once; see `Session.run`.

        Raises:
            RuntimeUnavailableError: onnxruntime failed, out of memory for example.
        """
        try:
            results = self._session.run(self._outputs, dict(inputs), self._run_options)
        except Exception as error:  # its own classes, none of them public
            raise self._failed(error) from error
        return dict(zip(self._outputs, results, strict=True))

    def bound(self, inputs: Mapping[str, Buffer], outputs: Mapping[str, Buffer]) -> Any:
        """Return a binding of memory that lies on this session's device."""
        where = (
            "cuda" if is_cuda(self.device) else self.device,
            cuda_index(self.device),
        )
        binding = self._session.io_binding()
        for name, b in inputs.items():
            binding.bind_input(name, *where, b.element, b.shape, b.address)
        for name, b in outputs.items():
            binding.bind_output(name, *where, b.element, b.shape, b.address)
        return binding

    def run_bound(self, binding: Any, *, graph_id: int = 1) -> None:
        """Run the graph once on what is bound, and wait for it.

        Args:
            binding: From `bound`.
            graph_id: Which CUDA graph this binding is recorded as, if they are used.
        """
        options = None
        if self._uses_cuda_graph:
            options = _run_options({"gpu_graph_id": str(graph_id)})
        self._session.run_with_iobinding(binding, options)
        binding.synchronize_outputs()

    def run_keeping(
        self,
        inputs: Arrays,
        state: Mapping[str, Any],
        *,
        keep: Sequence[str],
        memory: str,
    ) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
        """Run the graph once; some of its outputs stay on the device.

        Args:
            inputs: Arrays by name; not changed.
            state: Further inputs by name: arrays, or what this returned as kept.
            keep: Outputs that stay there.
            memory: As onnxruntime calls the device's memory: ``webgpu``, ``cuda``.

        Returns:
            The other outputs as new arrays, and what was kept; both by name.

        Raises:
            RuntimeUnavailableError: It failed.
            ValueError: Memory of this kind cannot be bound.
        """
        binding = self._session.io_binding()
        for name, value in {**inputs, **state}.items():
            if isinstance(value, np.ndarray):
                binding.bind_cpu_input(name, np.ascontiguousarray(value))
            else:
                binding.bind_ortvalue_input(name, value)
        for name in self._outputs:
            binding.bind_output(name, memory if name in keep else "cpu")
        try:
            self._session.run_with_iobinding(binding, self._run_options)
        except Exception as error:  # as in `run`
            raise self._failed(error) from error
        found = dict(zip(self._outputs, binding.get_outputs(), strict=True))
        kept = {name: found.pop(name) for name in keep}
        return {name: value.numpy() for name, value in found.items()}, kept

    def stop(self) -> None:
        """End what runs at the next node, for good; from any thread."""
        self._run_options.terminate = True

    def close(self) -> None:
        """Let go of the graph; may be called twice."""
        self._session = None

    def _failed(self, error: Exception) -> RuntimeUnavailableError:
        # uncut: `CudaSession` looks in it for what says that memory is full
        text = " ".join(str(error).split())
        return RuntimeUnavailableError(
            f"runtime onnxruntime: device {self.device} did not run the graph ({text})"
        )


_open_sessions: "weakref.WeakSet[OrtSession]" = weakref.WeakSet()


def stop_sessions() -> None:
    """End whatever runs in any session: a signal waits for no graph."""
    for session in list(_open_sessions):
        session.stop()


call_at_stop(stop_sessions)


def providers_for(
    device: str, *, is_lean: bool = False, uses_cuda_graph: bool = False
) -> list[Any]:
    """Return the execution providers to ask for, in order; see `OrtSession`."""
    if device == "cpu":
        return ["CPUExecutionProvider"]
    # with TF32, its default, a picture would depend on the GPU's generation
    settings: dict[str, Any] = {
        "device_id": cuda_index(device),
        "use_tf32": "0",
    }
    if is_lean:
        settings["arena_extend_strategy"] = "kSameAsRequested"
    if uses_cuda_graph:
        settings["enable_cuda_graph"] = "1"
    return [("CUDAExecutionProvider", settings), "CPUExecutionProvider"]


def lean_run(device: str) -> Any:
    """Return the options of a run behind which the memory that it took is free."""
    where = f"{'gpu' if is_cuda(device) else device}:{cuda_index(device)}"
    return _run_options({"memory.enable_memory_arena_shrinkage": where})


def cuda_fault(device: str = "cuda:0") -> str | None:
    """Return why `device` cannot run a node, or None when it just did.

    onnxruntime lists CUDA as available on machines without a GPU, so a session with
    one node is made and run.
    """
    onnxruntime = import_onnxruntime()

    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        return "this onnxruntime was built without CUDA"
    if not has_nvidia_driver():
        return "no NVIDIA driver is installed"
    if hasattr(onnxruntime, "preload_dlls"):
        _silently(onnxruntime.preload_dlls)
    try:
        session = onnxruntime.InferenceSession(
            one_node_model(), _quiet_options(), providers=providers_for(device)[:1]
        )
        if session.get_providers()[0] != "CUDAExecutionProvider":
            return "onnxruntime could not load its CUDA provider"
        value = np.ones((1,), np.float32)
        result = session.run(None, {"x": value})[0]
    except (
        Exception
    ) as error:  # onnxruntime raises its own classes, none of them public
        return " ".join(str(error).split())[:300]
    return None if result[0] == 2.0 else "a node on the GPU gave a wrong result"


def has_nvidia_driver() -> bool:
    """Return whether the driver's library can be loaded; costs nothing without one."""
    name = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def require_cuda(device: str) -> None:
    """Raise `RuntimeUnavailableError` when `device` does not run a node."""
    if fault := cuda_fault(device):
        raise RuntimeUnavailableError(
            f"device {device}: {fault}; use --device cpu, or install the driver and "
            "pip install 'rtstyle[cuda]', then run rtstyle doctor"
        )


def one_node_model() -> bytes:
    """Return a model that adds its input to itself."""
    from onnx import TensorProto, helper

    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    total = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "x"], ["y"])], "probe", [value], [total]
    )
    opset = helper.make_opsetid("", 17)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=9)
    data: bytes = model.SerializeToString()
    return data


def _run_options(entries: Mapping[str, str]) -> Any:
    onnxruntime = import_onnxruntime()

    options = onnxruntime.RunOptions()
    for key, value in entries.items():
        options.add_run_config_entry(key, value)
    return options


def _quiet_options() -> Any:
    onnxruntime = import_onnxruntime()

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    return options


def _silently(call: Any) -> None:
    """Call something that prints about what it cannot load, without the prints."""
    import contextlib
    import io

    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(Exception):
        call()
