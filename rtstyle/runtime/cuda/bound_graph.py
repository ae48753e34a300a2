"""Bind a graph's frame, picture and state to fixed addresses on a device."""

import numpy as np
import numpy.typing as npt

from rtstyle.runtime.cuda.memory import Cuda
from rtstyle.runtime.onnxruntime import Buffer, OrtSession
from rtstyle.smoothing.gate_graph import BEFORE, RESTART, state_shapes
from rtstyle.style_file import FRAME_INPUT, FRAME_OUTPUT

ALIGNMENT = 256
"""In bytes; what follows the frame begins at a multiple of this."""

Bytes = npt.NDArray[np.uint8]


class BoundGraph:
    """One upload, one run and one download for each frame of one size.

    A gated graph has two copies of its state on the device: it reads one and writes the
    other. They swap with every frame, so the state is never copied.
    """

    def __init__(
        self,
        session: OrtSession,
        cuda: Cuda,
        shape: tuple[int, ...],
        *,
        is_gated: bool = False,
    ) -> None:
        """Allocate memory and bind it.

        Args:
            session: A style graph, or one from `with_gate`, on the device.
            cuda: The device's memory; its `release` frees what is allocated here.
            shape: Shape of the frames, ``(H, W, 3)``.
            is_gated: Whether the graph is from `with_gate`.

        Raises:
            RuntimeUnavailableError: the device's memory is full.
        """
        self._session, self._cuda, self._shape = session, cuda, shape
        self._count = int(np.prod(shape))
        self._flag = -(-self._count // ALIGNMENT) * ALIGNMENT
        self._size = self._flag + np.dtype(np.float32).itemsize
        self._near = cuda.pinned_buffer(self._size)
        self._far_in = cuda.device_buffer(self._size)
        self._far_out = cuda.device_buffer(self._count)
        inputs = {FRAME_INPUT: Buffer(self._far_in, shape, np.uint8)}
        outputs = {FRAME_OUTPUT: Buffer(self._far_out, shape, np.uint8)}
        self._turn = 0
        if not is_gated:
            self._bindings = [session.bound(inputs, outputs)]
            return
        inputs[RESTART] = Buffer(self._far_in + self._flag, (1,), np.float32)
        first, second = self._states(), self._states()
        self._bindings = [
            session.bound(
                inputs | {name + BEFORE: state for name, state in old.items()},
                outputs | new,
            )
            for old, new in ((first, second), (second, first))
        ]

    def run(self, frame: Bytes, *, restart: bool = False) -> Bytes:
        """Return the graph's output for a frame of the bound shape, as a new array.

        Args:
            frame: RGB, ``(H, W, 3)``, uint8; not changed.
            restart: Whether a gated graph forgets the frames before.
        """
        self._near[: self._count] = frame.reshape(-1)
        self._near[self._flag :] = np.array([restart], np.float32).view(np.uint8)
        self._cuda.upload(self._far_in, self._near, self._size)
        self._cuda.synchronize()  # onnxruntime uses another stream
        self._session.run_bound(self._bindings[self._turn], graph_id=self._turn + 1)
        self._turn = (self._turn + 1) % len(self._bindings)
        self._cuda.download(self._near, self._far_out, self._count)
        self._cuda.synchronize()
        return self._near[: self._count].reshape(self._shape).copy()

    def _states(self) -> dict[str, Buffer]:
        """Return zeros on the device; a NaN in old memory would never go away."""
        states = {}
        for name, shape in state_shapes(*self._shape[:2]).items():
            num_bytes = int(np.prod(shape)) * np.dtype(np.float32).itemsize
            address = self._cuda.device_buffer(num_bytes)
            self._cuda.clear(address, num_bytes)
            states[name] = Buffer(address, shape, np.float32)
        return states
