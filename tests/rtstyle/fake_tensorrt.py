"""A `tensorrt` and a CUDA library that honour their contracts on a CPU.

Engines are graphs that onnxruntime runs; device memory is this machine's. Whatever
the real ones refuse (uint8 beyond the ends, an input without shape or address, a plan
of another version) is refused here.
"""

import ctypes
import itertools
import threading
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx

from rtstyle.runtime.onnxruntime import OrtSession

HEADER = b"fake plan 10.16.0\n"


class FakeMonitor:
    def __init__(self) -> None:
        self.is_ready = True


class FakeProfile:
    def __init__(self) -> None:
        self.shapes: dict[str, tuple[Sequence[int], ...]] = {}

    def set_shape(self, name: str, *shapes: Sequence[int]) -> None:
        self.shapes[name] = shapes


class FakeConfig:
    def __init__(self) -> None:
        self.flags = {"tf32"}
        self.profile: FakeProfile | None = None
        self.progress_monitor: Any = None

    def set_flag(self, flag: str) -> None:
        self.flags.add(flag)

    def clear_flag(self, flag: str) -> None:
        self.flags.discard(flag)

    def add_optimization_profile(self, profile: FakeProfile) -> int:
        if "frame" not in profile.shapes:
            return -1
        self.profile = profile
        return 0


class FakeNetwork:
    def __init__(self) -> None:
        self.graph: bytes | None = None
        self.layers: list[SimpleNamespace] = []

    @property
    def num_layers(self) -> int:
        return len(self.layers)

    def get_layer(self, index: int) -> SimpleNamespace:
        return self.layers[index]


class FakeParser:
    def __init__(self, network: FakeNetwork, logger: object) -> None:
        self.network, self.errors = network, list[str]()

    @property
    def num_errors(self) -> int:
        return len(self.errors)

    def get_error(self, index: int) -> SimpleNamespace:
        return SimpleNamespace(desc=lambda: self.errors[index])

    def parse(self, data: bytes) -> bool:
        model = onnx.load_from_string(data)
        for value in (*model.graph.input, *model.graph.output):
            name = value.name
            if value.type.tensor_type.elem_type != onnx.TensorProto.UINT8:
                continue
            beside = [n for n in model.graph.node if name in (*n.input, *n.output)]
            if any(node.op_type != "Cast" for node in beside):
                self.errors.append(f"{name}: uint8 needs a Cast beside it")
        self.network.graph = data
        kinds = {"InstanceNormalization": "normalization"}
        self.network.layers = [
            SimpleNamespace(type=kinds.get(node.op_type, "other"), precision=None)
            for node in model.graph.node
        ]
        return not self.errors


class FakeBuilder:
    def __init__(self, trt: "FakeTrt") -> None:
        self.trt = trt

    def create_network(self, flags: int) -> FakeNetwork:
        return FakeNetwork()

    def create_builder_config(self) -> FakeConfig:
        return FakeConfig()

    def create_optimization_profile(self) -> FakeProfile:
        return FakeProfile()

    def build_serialized_network(
        self, network: FakeNetwork, config: FakeConfig
    ) -> bytearray | None:
        self.trt.num_builds += 1
        self.trt.last_config, self.trt.last_network = config, network
        if self.trt.is_out_of_memory or config.profile is None:
            return None
        if (monitor := config.progress_monitor) is not None:
            assert monitor.is_ready, "IProgressMonitor.__init__ was not called"
            monitor.phase_start("tactics", None, 2)
            assert all(monitor.step_complete("tactics", step) for step in range(2))
            monitor.phase_finish("tactics")
        assert network.graph is not None
        return bytearray(HEADER + network.graph)


class FakeContext:
    def __init__(self, graph: bytes) -> None:
        self.session = OrtSession(graph, device="cpu")
        self.shape: tuple[int, ...] = ()
        self.addresses: dict[str, int] = {}

    def set_input_shape(self, name: str, shape: Sequence[int]) -> bool:
        self.shape = tuple(shape)
        return name == "frame"

    def set_tensor_address(self, name: str, address: int) -> bool:
        self.addresses[name] = address
        return name in ("frame", "stylized") and address > 0

    def execute_async_v3(self, stream: int) -> bool:
        count = int(np.prod(self.shape))
        kind = ctypes.c_uint8 * count
        near = np.ctypeslib.as_array(kind.from_address(self.addresses["frame"]))
        far = np.ctypeslib.as_array(kind.from_address(self.addresses["stylized"]))
        made = self.session.run({"frame": near.reshape(self.shape)})["stylized"]
        far[:] = made.reshape(-1)
        return True


class FakeEngine:
    def __init__(self, graph: bytes) -> None:
        self.graph = graph

    def create_execution_context(self) -> FakeContext:
        return FakeContext(self.graph)


class FakeRuntime:
    def deserialize_cuda_engine(self, plan: bytes) -> FakeEngine | None:
        is_ours = plan.startswith(HEADER)
        return FakeEngine(plan.removeprefix(HEADER)) if is_ours else None


class FakeTrt:
    __version__ = "10.16.0"
    BuilderFlag = SimpleNamespace(
        FP16="fp16", OBEY_PRECISION_CONSTRAINTS="obey", TF32="tf32"
    )
    LayerType = SimpleNamespace(NORMALIZATION="normalization")
    IProgressMonitor = FakeMonitor
    float32 = "float32"

    def __init__(self) -> None:
        self.num_builds, self.is_out_of_memory = 0, False
        self.last_config: FakeConfig | None = None
        self.last_network: FakeNetwork | None = None

    def Logger(self, severity: object = None) -> object:  # noqa: N802
        return object()

    def Builder(self, logger: object) -> FakeBuilder:  # noqa: N802
        return FakeBuilder(self)

    def OnnxParser(self, network: FakeNetwork, logger: object) -> FakeParser:  # noqa: N802
        return FakeParser(network, logger)

    def Runtime(self, logger: object) -> FakeRuntime:  # noqa: N802
        return FakeRuntime()


class FakeCudaLibrary:
    """Counts copies and what is not freed; each thread has a device of its own."""

    def __init__(self) -> None:
        self.held: dict[int, Any] = {}
        self.copies = {1: 0, 2: 0}
        self.num_waits = 0
        self.streams = itertools.count(7)
        self.used: set[int] = set()
        """Devices that anything but the choice of one was called on."""
        self.is_full = False
        self._chosen = threading.local()

    @property
    def chosen(self) -> int:
        """Return the device that this thread has chosen."""
        return int(getattr(self._chosen, "device", 0))

    def _use(self) -> None:
        self.used.add(self.chosen)

    def cudaSetDevice(self, device: int) -> int:  # noqa: N802
        self._chosen.device = device
        return 0

    def cudaStreamCreate(self, handle: Any) -> int:  # noqa: N802
        self._use()
        address = next(self.streams)
        handle._obj.value = address
        self.held[address] = "stream"
        return 0

    def cudaMalloc(self, handle: Any, size: Any) -> int:  # noqa: N802
        self._use()
        if self.is_full:
            return 2
        buffer = ctypes.create_string_buffer(b"\xff" * size.value, size.value)
        handle._obj.value = ctypes.addressof(buffer)
        self.held[ctypes.addressof(buffer)] = buffer
        return 0

    cudaMallocHost = cudaMalloc  # noqa: N815

    def cudaFree(self, handle: Any) -> int:  # noqa: N802
        self._use()
        del self.held[handle.value]
        return 0

    cudaFreeHost = cudaStreamDestroy = cudaFree  # noqa: N815

    def cudaMemcpyAsync(  # noqa: N802
        self, target: Any, source: Any, size: Any, kind: int, stream: Any
    ) -> int:
        self._use()
        assert stream.value in self.held
        self.copies[kind] += 1
        ctypes.memmove(target.value, source.value, size.value)
        return 0

    def cudaMemsetAsync(  # noqa: N802
        self, target: Any, value: int, size: Any, stream: Any
    ) -> int:
        self._use()
        ctypes.memset(target.value, value, size.value)
        return 0

    def cudaStreamSynchronize(self, stream: Any) -> int:  # noqa: N802
        self._use()
        self.num_waits += 1
        return 0
