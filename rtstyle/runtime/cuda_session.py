"""onnxruntime on a GPU: bound buffers, one upload and one download a frame."""

import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from rtstyle.errors import RuntimeUnavailableError
from rtstyle.runtime.cuda_memory import Cuda
from rtstyle.runtime.onnxruntime import OrtSession
from rtstyle.runtime.protocol import Arrays, Session
from rtstyle.runtime.tiles import Tiled
from rtstyle.style_file import FRAME_INPUT, FRAME_OUTPUT

log = logging.getLogger(__name__)

OUT_OF_MEMORY = ("failed to allocate memory", "out of memory", "cudamalloc failed")
"""What onnxruntime and CUDA say, in lower case."""


class CudaSession:
    """A style on one GPU; frames pass through pinned memory.

    When the GPU's memory is full, frames go through it in tiles from then on, ever
    smaller ones, and on the CPU if even those do not fit: the same picture, later.
    """

    runtime = "onnxruntime"

    def __init__(
        self,
        model: bytes,
        *,
        device: str,
        session: OrtSession,
        cuda: Cuda | None = None,
        open_part: Callable[[bytes], Session] | None = None,
    ) -> None:
        """Take a session over.

        Args:
            model: A serialised style graph, for tiles or the CPU when memory is full.
            device: ``cuda:N``.
            session: The graph, loaded there.
            cuda: The device's memory; None opens it.
            open_part: Loads what runs on tiles; None does so on the same device.

        Raises:
            RuntimeUnavailableError: CUDA's own library is not there.
        """
        self.device = device
        self._model = model
        self._ort = session
        self._cuda = cuda or Cuda(device=int(device.partition(":")[2] or 0))
        self._open_part = open_part or partial(OrtSession, device=device, is_lean=True)
        self._tiled: Tiled | None = None
        self._core = 0
        self._is_told = False
        self._shape: tuple[int, ...] = ()
        self._lock = threading.Lock()

    def run(self, inputs: Arrays) -> dict[str, npt.NDArray[Any]]:
        """Run the graph once; see `Session.run`.

        Raises:
            RuntimeUnavailableError: the GPU failed for another reason than memory.
        """
        if set(inputs) != {FRAME_INPUT}:
            return self._ort.run(inputs)
        frame = np.asarray(inputs[FRAME_INPUT], np.uint8)
        with self._lock:
            while self.device != "cpu":
                try:
                    return {FRAME_OUTPUT: self._painted(frame)}
                except Exception as error:  # onnxruntime's own classes, none public
                    text = " ".join(str(error).split())
                    if not any(sign in text.lower() for sign in OUT_OF_MEMORY):
                        raise RuntimeUnavailableError(
                            f"device {self.device}: {text[:300]}"
                        ) from error
                self._retreat(frame)
        return self._ort.run(inputs)

    def close(self) -> None:
        """Let go of the graph and all buffers; may be called twice."""
        self._ort.close()
        if self._tiled is not None:
            self._tiled.close()
        self._cuda.close()

    def _painted(self, frame: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        if self._tiled is None:
            return self._through(frame)
        made = self._tiled.run(frame, core=self._core)
        if not self._is_told:
            log.warning(
                "device %s: its memory is full; frames go through it in tiles of %d "
                "pixels from now on: the same picture, later (--height makes frames "
                "smaller)",
                self.device,
                self._core,
            )
            self._is_told = True
        return made

    def _retreat(self, frame: npt.NDArray[np.uint8]) -> None:
        """Go on with tiles, with smaller ones, or with the CPU."""
        if self._tiled is None:
            self._ort.close()
            self._shape = ()
            self._cuda.release()
            try:
                self._tiled = Tiled(self._model, self._open_part)
            except ValueError as error:
                log.debug("device %s: no tiles (%s)", self.device, error)
                return self._to_cpu()
        self._tiled.close()
        smaller = [
            core
            for core in self._tiled.cores(frame.shape)
            if not self._core or core < self._core
        ]
        if not smaller:
            return self._to_cpu()
        self._core = smaller[0]
        return None

    def _through(self, frame: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
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
        self._ort = OrtSession(self._model, device="cpu")
        self._tiled, self.device = None, "cpu"
