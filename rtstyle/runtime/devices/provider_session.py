"""A style on a device whose driver may vanish: opened again, then on the CPU."""

import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from rtstyle.errors import RuntimeUnavailableError, UsageError
from rtstyle.runtime.devices.fp16 import require_fp16
from rtstyle.runtime.devices.names import kind_of
from rtstyle.runtime.devices.providers import PROVIDERS
from rtstyle.runtime.graphs.float_ends import with_float_ends
from rtstyle.runtime.onnxruntime import OrtSession
from rtstyle.runtime.protocol import Arrays
from rtstyle.smoothing.gate_graph import BEFORE, RESTART, gated_style, state_shapes
from rtstyle.style_file import FRAME_INPUT, FRAME_OUTPUT

log = logging.getLogger(__name__)

MOST_LOSSES: Final = 3
"""Times that a device is opened again; then the CPU goes on."""
FULL: Final = ("out of memory", "failed to allocate", "outofmemory")
"""What providers say of memory that is full, in lower case."""

Bytes = npt.NDArray[np.uint8]
OpenGraph = Callable[[bytes], OrtSession]


class ProviderSession:
    """A style in one of onnxruntime's other providers.

    When the device is lost (its driver restarts, a laptop wakes up), the frame that
    was on its way is run again: on the device, opened anew, or on the CPU.
    """

    runtime = "onnxruntime"

    def __init__(
        self, model: bytes, *, device: str, open_graph: OpenGraph | None = None
    ) -> None:
        """Load a style.

        Args:
            model: A serialised style graph in fp32 or fp16.
            device: Of a kind in `PROVIDERS`.
            open_graph: Loads a graph there; None does so in onnxruntime.

        Raises:
            RuntimeUnavailableError: The device is missing or refuses the graph.
        """
        self.device = device
        self._state: dict[str, Any] = {}
        self._gated: OrtSession | None = None
        self._model = model
        self._open = open_graph or partial(OrtSession, device=device)
        self._graph = self._open(model)
        self._shape: tuple[int, ...] = ()
        self._can_keep = bool(PROVIDERS[kind_of(device)].memory)
        self._losses = 0
        self._lock = threading.Lock()

    def run(self, inputs: Arrays) -> dict[str, npt.NDArray[Any]]:
        """Run the graph once; see `Session.run`.

        Raises:
            RuntimeUnavailableError: The CPU failed too.
        """
        with self._lock:
            while self.device != "cpu":
                try:
                    return self._graph.run(inputs)
                except RuntimeUnavailableError as error:
                    self._recover(error)
            return self._graph.run(inputs)

    def run_smoothed(self, frame: Bytes, *, restart: bool) -> Bytes | None:
        """Run the graph and the motion gate behind it; the gate's past stays there.

        Args:
            frame: RGB, ``(H, W, 3)``, uint8; frames come in order.
            restart: Whether to forget the frames before.

        Returns:
            The smoothed frame, or None when this device cannot; then it never can.
        """
        with self._lock:
            if self.device == "cpu" or not self._can_keep:
                return None
            try:
                return self._steadied(frame, restart=restart)
            except RuntimeUnavailableError as error:
                self._forget()
                if self._is_lost(frame):
                    self._recover(error)
                else:
                    log.info("%s; the gate runs on the CPU", error)
            except (ValueError, TypeError) as error:
                log.info(
                    "device %s: its memory cannot be bound (%s); frames are smoothed "
                    "on the CPU",
                    self.device,
                    " ".join(str(error).split())[:200],
                )
            self._forget()
            self._can_keep = False
            return None

    def close(self) -> None:
        """Let go of the graph and of the gate's past; may be called twice."""
        self._forget()
        self._graph.close()

    def stop(self) -> None:
        """End what runs at the next node, for good; from any thread."""
        self._graph.stop()

    def _steadied(self, frame: Bytes, *, restart: bool) -> Bytes:
        """Return the smoothed frame.

        Raises:
            RuntimeUnavailableError: The device failed.
            ValueError: The gate fits no such graph, or memory cannot be bound.
        """
        if self._gated is None:
            self._gated = self._open(gated_style(self._model))
        shapes = state_shapes(frame.shape[0], frame.shape[1])
        if self._shape != frame.shape:
            restart, self._shape = True, frame.shape
            self._state = {
                name: np.zeros(shape, np.float32) for name, shape in shapes.items()
            }
        made, self._state = self._gated.run_keeping(
            {FRAME_INPUT: frame, RESTART: np.array([restart], np.float32)},
            {name + BEFORE: value for name, value in self._state.items()},
            keep=tuple(shapes),
            memory=PROVIDERS[kind_of(self.device)].memory,
        )
        return np.asarray(made[FRAME_OUTPUT], np.uint8)

    def _is_lost(self, frame: Bytes) -> bool:
        """Return whether the device runs not even the plain graph any more."""
        try:
            self._graph.run({FRAME_INPUT: frame})
        except RuntimeUnavailableError:
            return True
        return False

    def _recover(self, error: RuntimeUnavailableError) -> None:
        """Open the device again, or go on with the CPU; say it once."""
        text, self._losses = str(error), self._losses + 1
        is_full = any(sign in text.lower() for sign in FULL)
        self._graph.close()
        if not is_full and self._losses <= MOST_LOSSES:
            try:
                self._graph = self._open(self._model)
            except RuntimeUnavailableError as gone:
                log.debug("device %s: %s", self.device, gone)
            else:
                if self._losses == 1:
                    log.warning(
                        "device %s was lost and is opened again; no frame is missing",
                        self.device,
                    )
                return
        why = "its memory is full" if is_full else "it was lost"
        log.warning(
            "device %s: %s; going on with the CPU, which gives the same picture%s",
            self.device,
            why,
            " (--height makes frames smaller)" if is_full else "",
        )
        self._graph, self.device = OrtSession(self._model, device="cpu"), "cpu"

    def _forget(self) -> None:
        """Free the gate's past before the graph that owns its memory."""
        self._state, self._shape = {}, ()
        if self._gated is not None:
            self._gated.close()
            self._gated = None


def open_on_provider(model: bytes, *, device: str, precision: str) -> ProviderSession:
    """Load a style onto a device of a kind in `PROVIDERS`.

    Args:
        model: A serialised style graph.
        device: ``webgpu:0`` for example.
        precision: ``auto``, ``fp32`` or ``fp16``; the graph is in it already.

    Raises:
        RuntimeUnavailableError: The device is missing, or refuses graph or precision.
        UsageError: ``int8`` or ``bf16``, or an int8 graph.
    """
    if precision in ("int8", "bf16"):
        raise UsageError(
            f"precision {precision}: expected fp32 or fp16 on device {device}, got "
            f"{precision}; leave --precision out"
        )
    if precision == "fp16":
        require_fp16(device)
    try:
        model = with_float_ends(model)
    except ValueError as error:  # as it is, it runs too, with detours over the CPU
        log.debug("device %s: %s", device, error)
    return ProviderSession(model, device=device)
