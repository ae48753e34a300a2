"""onnxruntime on a GPU: bound buffers, one upload and one download a frame."""

import logging
import threading
from typing import Any

import numpy as np
import numpy.typing as npt

from rtstyle.errors import RuntimeUnavailableError
from rtstyle.runtime.cuda_memory import Cuda
from rtstyle.runtime.onnxruntime import OrtSession
from rtstyle.runtime.protocol import Arrays
from rtstyle.style_file import FRAME_INPUT, FRAME_OUTPUT

log = logging.getLogger(__name__)

OUT_OF_MEMORY = ("failed to allocate memory", "out of memory", "cudamalloc failed")
"""What onnxruntime and CUDA say, in lower case."""


class CudaSession:
    """A style on one GPU; frames pass through pinned memory.

    When the GPU's memory is full, frames go to the CPU from then on: the same picture,
    later.
    """

    runtime = "onnxruntime"

    def __init__(
        self,
        model: bytes,
        *,
        device: str,
        session: OrtSession,
        cuda: Cuda | None = None,
    ) -> None:
        """Take a session over.

        Args:
            model: A serialised style graph, for the CPU when memory is full.
            device: ``cuda:N``.
            session: The graph, loaded there.
            cuda: The device's memory; None opens it.

        Raises:
            RuntimeUnavailableError: CUDA's own library is not there.
        """
        self.device = device
        self._model = model
        self._ort = session
        self._cuda = cuda or Cuda(device=int(device.partition(":")[2] or 0))
        self._shape: tuple[int, ...] = ()
        self._lock = threading.Lock()

    def run(self, inputs: Arrays) -> dict[str, npt.NDArray[Any]]:
        """Run the graph once; see `Session.run`.

        Raises:
            RuntimeUnavailableError: the GPU failed for another reason than memory.
        """
        if self.device == "cpu" or set(inputs) != {FRAME_INPUT}:
            return self._ort.run(inputs)
        with self._lock:
            if self.device == "cpu":  # another thread went there while this one waited
                return self._ort.run(inputs)
            try:
                return {FRAME_OUTPUT: self._through(inputs[FRAME_INPUT])}
            except Exception as error:  # onnxruntime's own classes, none of them public
                text = " ".join(str(error).split())
                if not any(sign in text.lower() for sign in OUT_OF_MEMORY):
                    raise RuntimeUnavailableError(
                        f"device {self.device}: {text[:300]}"
                    ) from error
            self._to_cpu()
            return self._ort.run(inputs)

    def close(self) -> None:
        """Let go of the graph and all buffers; may be called twice."""
        self._ort.close()
        self._cuda.close()

    def _through(self, frame: npt.NDArray[np.generic]) -> npt.NDArray[np.uint8]:
        if frame.shape != self._shape:
            self._bind(frame.shape, frame.nbytes)
        self._near[:] = frame.reshape(-1)
        self._cuda.upload(self._far_in, self._near, frame.nbytes)
        self._cuda.synchronize()  # onnxruntime has a stream of its own
        self._ort.run_bound(self._binding)
        self._cuda.download(self._near, self._far_out, frame.nbytes)
        self._cuda.synchronize()
        return self._near.reshape(frame.shape).copy()

    def _bind(self, shape: tuple[int, ...], num_bytes: int) -> None:
        """Have buffers of this size at fixed addresses."""
        self._shape = ()  # until all of them are there
        self._cuda.release()
        self._near = self._cuda.pinned_buffer(num_bytes)
        self._far_in = self._cuda.device_buffer(num_bytes)
        self._far_out = self._cuda.device_buffer(num_bytes)
        self._binding = self._ort.bound(
            {FRAME_INPUT: self._far_in}, {FRAME_OUTPUT: self._far_out}, shape=shape
        )
        self._shape = shape

    def _to_cpu(self) -> None:
        log.warning(
            "device %s: its memory is full; going on with the CPU, which is slower and "
            "gives the same picture (--height makes frames smaller)",
            self.device,
        )
        self._ort.close()
        self._cuda.release()
        self._ort = OrtSession(self._model, device="cpu")
        self.device = "cpu"
