"""Run a style in TensorRT: one upload, one run and one download per frame."""

import logging
import threading
from typing import Any

import numpy as np
import numpy.typing as npt

from rtstyle.errors import RuntimeUnavailableError, UsageError
from rtstyle.runtime.cuda.memory import Cuda
from rtstyle.runtime.protocol import Arrays
from rtstyle.runtime.tensorrt.api import Context, TensorRt, import_tensorrt
from rtstyle.runtime.tensorrt.build import build_engine, engine_key, report_on_stderr
from rtstyle.runtime.tensorrt.engine_cache import (
    Profile,
    cached_engine,
    read_engine,
)
from rtstyle.style_file import FRAME_INPUT, FRAME_OUTPUT

log = logging.getLogger(__name__)


class TensorRtSession:
    """A style's engine on one GPU, from the cache or newly built."""

    runtime = "tensorrt"

    def __init__(
        self,
        model: bytes,
        *,
        device: str = "cuda:0",
        precision: str = "auto",
        profile: Profile | None = None,
        trt: TensorRt | None = None,
        cuda: Cuda | None = None,
    ) -> None:
        """Load or build the engine.

        Args:
            model: A serialised fp32 style graph.
            device: ``cuda:N``.
            precision: ``fp32`` or ``fp16``; ``auto`` is fp32.
            profile: Sizes that the engine accepts; None is from 16x16 to 4K.
            trt: The module ``tensorrt``; None imports it.
            cuda: The device's memory; None opens it.

        Raises:
            MissingExtraError: TensorRT is not installed.
            RuntimeUnavailableError: no GPU, or TensorRT rejects the graph.
            UsageError: a precision or device that it does not support.
        """
        self._trt = trt or import_tensorrt()
        self.device, self.profile = device, profile or Profile()
        numbers = numbers_for(device, precision)
        # must come first: TensorRT builds and loads on the current device
        self._cuda = cuda or Cuda(device=int(device.partition(":")[2] or 0))
        try:
            self._context = self._load(self._plan(model, numbers))
        except BaseException:
            self._cuda.close()
            raise
        self._size = 0
        self._lock = threading.Lock()

    def run(self, inputs: Arrays) -> dict[str, npt.NDArray[Any]]:
        """Run the graph once; see `Session.run`.

        Raises:
            UsageError: the frame's size is outside the engine's profile.
            RuntimeUnavailableError: the GPU failed.
        """
        frame = inputs[FRAME_INPUT]
        height, width = frame.shape[:2]
        if not self.profile.holds(height, width):
            raise UsageError(
                f"runtime tensorrt: expected a frame from {_text(self.profile.least)} "
                f"to {_text(self.profile.most)}, got {width}x{height}"
            )
        with self._lock:
            self._hold(frame.nbytes)
            return {FRAME_OUTPUT: self._through(frame)}

    def close(self) -> None:
        """Release the engine; may be called twice."""
        self._cuda.close()

    def _plan(self, model: bytes, precision: str) -> bytes:
        key = engine_key(
            self._trt,
            model,
            device=self.device,
            profile=self.profile,
            precision=precision,
        )

        def build() -> bytes:
            log.info("tensorrt: building an engine for %s; this takes minutes", key.gpu)
            return build_engine(
                self._trt,
                model,
                profile=self.profile,
                precision=precision,
                report=report_on_stderr,
            )

        return cached_engine(key, build)

    def _load(self, plan: bytes) -> Context:
        engine = self._trt.Runtime(self._trt.Logger()).deserialize_cuda_engine(plan)
        context = None if engine is None else engine.create_execution_context()
        if context is None:
            raise RuntimeUnavailableError(
                f"runtime tensorrt: the engine does not load on {self.device}; "
                "is its memory full?"
            )
        return context

    def _hold(self, num_bytes: int) -> None:
        """Allocate buffers of at least this size, unless they exist."""
        if num_bytes <= self._size:
            return
        self._size = 0  # until all of them are allocated
        self._cuda.release()
        self._near = self._cuda.pinned_buffer(num_bytes)
        self._far_in = self._cuda.device_buffer(num_bytes)
        self._far_out = self._cuda.device_buffer(num_bytes)
        self._size = num_bytes

    def _through(self, frame: npt.NDArray[np.generic]) -> npt.NDArray[np.uint8]:
        count = frame.nbytes
        self._near[:count] = frame.reshape(-1)
        self._cuda.upload(self._far_in, self._near, count)
        context = self._context
        is_started = (
            context.set_input_shape(FRAME_INPUT, frame.shape)
            and context.set_tensor_address(FRAME_INPUT, self._far_in)
            and context.set_tensor_address(FRAME_OUTPUT, self._far_out)
            and context.execute_async_v3(self._cuda.stream)
        )
        if not is_started:
            raise RuntimeUnavailableError(
                f"runtime tensorrt: {self.device} did not take the frame; "
                "use --runtime onnxruntime"
            )
        self._cuda.download(self._near, self._far_out, count)
        self._cuda.synchronize()
        return self._near[:count].reshape(frame.shape).copy()


def has_engine(
    model: bytes, *, device: str, precision: str, trt: TensorRt | None = None
) -> bool:
    """Return whether `TensorRtSession` would find its engine built.

    Raises:
        MissingExtraError: TensorRT is not installed.
        RuntimeUnavailableError: no GPU.
        UsageError: a precision or device that it does not support.
    """
    module = trt or import_tensorrt()
    numbers = numbers_for(device, precision)
    key = engine_key(module, model, device=device, profile=Profile(), precision=numbers)
    return read_engine(key) is not None


def numbers_for(device: str, precision: str) -> str:
    """Return ``fp32`` or ``fp16`` for the requested precision.

    Raises:
        UsageError: a precision or device that TensorRT does not support.
    """
    if not device.startswith("cuda"):
        raise UsageError(
            f"runtime tensorrt: expected device cuda:N, got {device}; "
            "use --device cuda, or --runtime onnxruntime"
        )
    if precision not in ("auto", "fp32", "fp16"):
        raise UsageError(f"precision {precision}: expected fp32 or fp16 for TensorRT")
    return "fp16" if precision == "fp16" else "fp32"


def _text(size: tuple[int, int]) -> str:
    return f"{size[1]}x{size[0]}"
