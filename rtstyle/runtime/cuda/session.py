"""Run onnxruntime on a GPU with bound buffers, one upload and download per frame."""

import logging
import os
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from rtstyle.errors import RuntimeUnavailableError
from rtstyle.runtime.cuda.bound_graph import BoundGraph
from rtstyle.runtime.cuda.memory import Cuda
from rtstyle.runtime.cuda.tiles import Tiled
from rtstyle.runtime.device import cuda_index
from rtstyle.runtime.graphs.float_ends import with_float_ends
from rtstyle.runtime.onnxruntime import OrtSession
from rtstyle.runtime.protocol import Arrays, Session
from rtstyle.smoothing.gate_graph import gated_style
from rtstyle.style_file import FRAME_INPUT, FRAME_OUTPUT

log = logging.getLogger(__name__)

Bytes = npt.NDArray[np.uint8]

CUDA_GRAPH = "RTSTYLE_CUDA_GRAPH"
"""Environment variable; 1 records the kernel launches of a frame and replays them."""
OUT_OF_MEMORY = ("failed to allocate memory", "out of memory", "cudamalloc failed")
"""Parts of onnxruntime's and CUDA's messages, in lower case."""


class NoGate(Exception):
    """The gate cannot be added to this graph; its picture is smoothed on the CPU."""


class OpenGraph(Protocol):
    """Loads a graph onto the device of a `CudaSession`."""

    def __call__(
        self, model: bytes, *, cuda_graph_size: tuple[int, int] | None
    ) -> OrtSession:
        """Return a session; see `OrtSession`."""
        ...


class CudaSession:
    """A style on one GPU; frames go through pinned memory.

    When the GPU's memory is full, frames are processed in tiles from then on, in
    smaller and smaller ones, and on the CPU if even those do not fit. The picture stays
    the same but takes longer.
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
        open_graph: OpenGraph | None = None,
        uses_cuda_graph: bool = False,
    ) -> None:
        """Take over a session.

        Args:
            model: A serialised style graph, for tiles or the CPU when memory is full.
            device: ``cuda:N``.
            session: The graph, loaded there.
            cuda: The device's memory; None opens it.
            open_part: Loads the graphs for tiles; None does so on the same device.
            open_graph: Loads graphs for frames of one size, or the gated graph; None
                does so on the same device.
            uses_cuda_graph: Whether to record the launches of a frame once per size and
                replay them; takes a session for each size.

        Raises:
            RuntimeUnavailableError: CUDA's runtime library is missing.
        """
        self.device = device
        self._model = model
        self._ort = session
        self._cuda = cuda or Cuda(device=cuda_index(device))
        self._open_part = open_part or partial(OrtSession, device=device, is_lean=True)
        self._open_graph = open_graph or partial(OrtSession, device=device)
        self._uses_cuda_graph = uses_cuda_graph
        self._special: OrtSession | None = None
        self._bound: BoundGraph | None = None
        self._bound_to: tuple[object, ...] = ()
        self._has_gate = True
        self._tiled: Tiled | None = None
        self._core = 0
        self._is_told = False
        self._lock = threading.Lock()

    def run(self, inputs: Arrays) -> dict[str, npt.NDArray[Any]]:
        """Run the graph once; see `Session.run`.

        Raises:
            RuntimeUnavailableError: the GPU failed for a reason other than memory.
        """
        if set(inputs) != {FRAME_INPUT}:
            return self._ort.run(inputs)
        frame = np.asarray(inputs[FRAME_INPUT], np.uint8)
        with self._lock:
            while self.device != "cpu":
                try:
                    return {FRAME_OUTPUT: self._painted(frame)}
                except Exception as error:  # onnxruntime's classes are not public
                    self._check(error)
                self._retreat(frame)
        return self._ort.run(inputs)

    def run_smoothed(self, frame: Bytes, *, restart: bool) -> Bytes | None:
        """Run the graph and then the motion gate, both on the GPU.

        Args:
            frame: RGB, ``(H, W, 3)``, uint8; frames come in order.
            restart: Whether to forget the frames before.

        Returns:
            The smoothed frame, or None if this device cannot, now or later.

        Raises:
            RuntimeUnavailableError: the GPU failed for a reason other than memory.
        """
        with self._lock:
            if not self._has_gate or self._tiled is not None or self.device == "cpu":
                return None
            try:
                before = self._bound
                graph = self._hold(frame.shape, is_gated=True)
                is_new = graph is not before  # then its state is zeros, not a frame's
                return graph.run(frame, restart=restart or is_new)
            except NoGate as error:
                log.debug("device %s: no gate (%s)", self.device, error)
            except Exception as error:  # as above
                self._check(error)
            self._has_gate = False
            self._let_go()
            return None

    def close(self) -> None:
        """Release the graph and all buffers; may be called twice."""
        self._ort.close()
        if self._special is not None:
            self._special.close()
        if self._tiled is not None:
            self._tiled.close()
        self._cuda.close()

    def _check(self, error: Exception) -> None:
        """Raise `RuntimeUnavailableError` unless the error is that memory is full."""
        text = " ".join(str(error).split())
        if not any(sign in text.lower() for sign in OUT_OF_MEMORY):
            raise RuntimeUnavailableError(
                f"device {self.device}: {text[:300]}"
            ) from error

    def _painted(self, frame: Bytes) -> Bytes:
        if self._tiled is None:
            return self._hold(frame.shape, is_gated=False).run(frame)
        stylized = self._tiled.run(frame, core=self._core)
        if not self._is_told:
            log.warning(
                "device %s: its memory is full; frames go through it in tiles of %d "
                "pixels from now on: the same picture, more slowly (--height makes "
                "frames smaller)",
                self.device,
                self._core,
            )
            self._is_told = True
        return stylized

    def _retreat(self, frame: Bytes) -> None:
        """Fall back to tiles, to smaller tiles, or to the CPU."""
        if self._tiled is None:
            self._ort.close()
            self._let_go()
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

    def _hold(self, shape: tuple[int, ...], *, is_gated: bool) -> BoundGraph:
        """Return the graph bound for frames of this shape; bind it if necessary."""
        key = (*shape, is_gated)
        if self._bound is None or self._bound_to != key:
            self._let_go()
            size = (shape[0], shape[1]) if self._uses_cuda_graph else None
            session = self._ort
            if is_gated or size is not None:
                model = self._gated() if is_gated else self._model
                session = self._special = self._opened(model, size)
            self._bound = BoundGraph(session, self._cuda, shape, is_gated=is_gated)
            self._bound_to = key
        return self._bound

    def _gated(self) -> bytes:
        try:
            return gated_style(self._model)
        except ValueError as error:
            raise NoGate(str(error)) from error

    def _opened(self, model: bytes, size: tuple[int, int] | None) -> OrtSession:
        try:
            return self._open_graph(model, cuda_graph_size=size)
        except RuntimeUnavailableError as error:
            if size is None:
                raise
            log.warning("%s; going on without CUDA graphs", error)
            self._uses_cuda_graph = False
            return self._open_graph(model, cuda_graph_size=None)

    def _let_go(self) -> None:
        """Free what was bound; the next frame binds it again."""
        self._bound = None
        if self._special is not None:
            self._special.close()
            self._special = None
        self._cuda.release()

    def _to_cpu(self) -> None:
        log.warning(
            "device %s: its memory is full; going on with the CPU, which is slower and "
            "gives the same picture (--height makes frames smaller)",
            self.device,
        )
        self._ort = OrtSession(self._model, device="cpu")
        self._tiled, self.device = None, "cpu"


def open_on_gpu(model: bytes, *, device: str, precision: str) -> CudaSession:
    """Load a style onto a GPU; CUDA graphs are used if `CUDA_GRAPH` is set.

    Raises:
        RuntimeUnavailableError: the device is missing or rejects the graph.
    """
    try:
        model = with_float_ends(model)
    except ValueError as error:  # works unchanged, with some nodes on the CPU
        log.debug("device %s: %s", device, error)
    session = OrtSession(model, device=device, precision=precision)
    uses_cuda_graph = os.environ.get(CUDA_GRAPH, "0") not in ("", "0")
    return CudaSession(
        model, device=device, session=session, uses_cuda_graph=uses_cuda_graph
    )
