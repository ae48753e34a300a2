"""Run the motion gate on the network's device: the state stays on the GPU."""

from typing import Protocol, runtime_checkable

import numpy as np

from rtstyle.runtime.protocol import Arrays, Session
from rtstyle.smoothing.gate import GateSmoother
from rtstyle.smoothing.scene_cut import SceneCutDetector
from rtstyle.style_file import FRAME_INPUT, FRAME_OUTPUT
from rtstyle_streams.frame import Pixels


@runtime_checkable
class SmoothingSession(Protocol):
    """A session that can smooth its own output, such as `CudaSession`."""

    def run(self, inputs: Arrays) -> dict[str, np.ndarray]:
        """Run the graph once; see `Session.run`."""
        ...

    def run_smoothed(self, frame: Pixels, *, restart: bool) -> Pixels | None:
        """Return the smoothed frame; None if it cannot, now or later."""
        ...


class GateOnDevice:
    """Runs a network and then the gate; frames come in order, from one thread.

    Scene cuts are detected on the CPU, from a small luma picture; only the flag to
    forget the past goes to the device. If the device cannot run the gate (its memory is
    full), `GateSmoother` does the same on the CPU.
    """

    def __init__(self, session: SmoothingSession) -> None:
        """Smooth the output of `session`."""
        self._session = session
        self._detector = SceneCutDetector()
        self._shape: tuple[int, ...] = ()
        self._here: GateSmoother | None = None

    def __call__(self, content: Pixels) -> Pixels:
        """Return the stylized and smoothed frame.

        Args:
            content: RGB, ``(H, W, 3)``, uint8; what the network sees.

        Returns:
            Same shape; within 2 of 255 of `GateSmoother`.
        """
        if self._here is None:
            is_cut = self._detector(content)
            restart = is_cut or content.shape != self._shape
            smoothed = self._session.run_smoothed(content, restart=restart)
            if smoothed is not None:
                self._shape = content.shape
                return smoothed
            self._here = GateSmoother()
        fresh = self._session.run({FRAME_INPUT: content})[FRAME_OUTPUT]
        return self._here(content, np.asarray(fresh, np.uint8))

    def reset(self) -> None:
        """Forget all frames."""
        self._shape = ()
        self._detector.reset()
        if self._here is not None:
            self._here.reset()


def gate_on_device(sessions: list[Session], *, workers: int) -> GateOnDevice | None:
    """Return the gate for a single session that has one, else None.

    Args:
        sessions: All sessions that run for a frame; the pictures of several are mixed
            before smoothing, which then runs on the CPU.
        workers: Number of threads that run frames; several do not keep the order.
    """
    if len(sessions) != 1 or workers != 1:
        return None
    session = sessions[0]
    return GateOnDevice(session) if isinstance(session, SmoothingSession) else None
