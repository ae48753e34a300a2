"""Type the parts of TensorRT's Python bindings in use, which have no stubs."""

from collections.abc import Sequence
from types import ModuleType
from typing import Any, Protocol, cast

from rtstyle.errors import missing_extra

Shape = Sequence[int]


class Profile(Protocol):
    """``trt.IOptimizationProfile``."""

    def set_shape(self, name: str, least: Shape, best: Shape, most: Shape) -> None:
        """Set the sizes that an input may have."""
        ...


class Config(Protocol):
    """``trt.IBuilderConfig``."""

    progress_monitor: Any

    def set_flag(self, flag: Any) -> None:
        """Set a flag."""
        ...

    def clear_flag(self, flag: Any) -> None:
        """Clear a flag."""
        ...

    def add_optimization_profile(self, profile: Profile) -> int:
        """Add a profile and return its index; -1 if it is not valid."""
        ...


class Layer(Protocol):
    """``trt.ILayer``."""

    type: Any
    precision: Any


class Network(Protocol):
    """``trt.INetworkDefinition``."""

    num_layers: int

    def get_layer(self, index: int) -> Layer:
        """Return a layer."""
        ...


class Builder(Protocol):
    """``trt.Builder``."""

    def create_network(self, flags: int) -> Network:
        """Return an empty network."""
        ...

    def create_builder_config(self) -> Config:
        """Return settings."""
        ...

    def create_optimization_profile(self) -> Profile:
        """Return an empty profile."""
        ...

    def build_serialized_network(self, network: Network, config: Config) -> Any:
        """Return the plan as a buffer, or None."""
        ...


class ParserError(Protocol):
    """``trt.ParserError``."""

    def desc(self) -> str:
        """Return the description of the error."""
        ...


class Parser(Protocol):
    """``trt.OnnxParser``."""

    num_errors: int

    def parse(self, model: bytes) -> bool:
        """Read a graph into the network; False if that fails."""
        ...

    def get_error(self, index: int) -> ParserError:
        """Return one of the errors."""
        ...


class Context(Protocol):
    """``trt.IExecutionContext``."""

    def set_input_shape(self, name: str, shape: Shape) -> bool:
        """Set the shape of the next input."""
        ...

    def set_tensor_address(self, name: str, address: int) -> bool:
        """Set the device address of an input or output."""
        ...

    def execute_async_v3(self, stream: int) -> bool:
        """Start a run on a stream; synchronize the stream to wait for it."""
        ...


class Engine(Protocol):
    """``trt.ICudaEngine``."""

    def create_execution_context(self) -> Context | None:
        """Return a context that runs the engine; None if memory is short."""
        ...


class Runtime(Protocol):
    """``trt.Runtime``."""

    def deserialize_cuda_engine(self, plan: bytes) -> Engine | None:
        """Return the engine; None if the plan does not fit this GPU or version."""
        ...


class TensorRt(Protocol):
    """The module ``tensorrt``."""

    __version__: str
    BuilderFlag: Any
    LayerType: Any
    IProgressMonitor: type
    float32: Any

    def Logger(self, severity: Any = ...) -> Any:  # noqa: N802
        """Return a logger."""
        ...

    def Builder(self, logger: Any) -> Builder:  # noqa: N802
        """Return a builder."""
        ...

    def OnnxParser(self, network: Network, logger: Any) -> Parser:  # noqa: N802
        """Return a parser."""
        ...

    def Runtime(self, logger: Any) -> Runtime:  # noqa: N802
        """Return a runtime."""
        ...


def import_tensorrt() -> TensorRt:
    """Return the module ``tensorrt``.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import tensorrt
    except ImportError as error:
        raise missing_extra("--runtime tensorrt", "tensorrt", "tensorrt") from error
    module: ModuleType = tensorrt
    return cast(TensorRt, module)
