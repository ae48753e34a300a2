"""Time replays of a CUDA graph and copies, separately and overlapped."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

cuda: Any = torch.cuda
"""Untyped, since its calls have no types in some versions."""

Step = Callable[[Tensor], Tensor]
"""Maps a frame on the device to a stylized one there, uint8 ``(H, W, 3)``."""
SLOTS = 3
"""Number of frames in progress at once when copies and network overlap."""
LEAST, MOST = 20, 300
"""Fewest and most frames to time, whatever the time allows."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Times of one network for frames of one size, batch 1."""

    device_ms_p50: float
    """The network including conversions, bytes to bytes on the device, median."""
    device_ms_p99: float
    """The same, of the slowest frames."""
    device_fps: float
    """Frames per second of such runs back to back."""
    upload_ms: float
    """One frame from pinned memory to the device, median."""
    download_ms: float
    """One frame back, median."""
    latency_ms_p50: float
    """Upload, network, download, one frame at a time, by the host's clock."""
    latency_ms_p99: float
    """The same, of the slowest frames."""
    serial_fps: float
    """Frames per second one after another, copies included."""
    overlapped_fps: float
    """Frames per second while other frames are being copied."""

    @property
    def copy_share(self) -> float:
        """Return upload and download as a share of all three, 0..1."""
        copies = self.upload_ms + self.download_ms
        return copies / (copies + self.device_ms_p50)


class Rig(Protocol):
    """A device with one network loaded for frames of one size."""

    def stylized(self) -> Tensor:
        """Return what the network makes of the frame, on the CPU."""
        ...

    def timing(self, *, seconds: float) -> Timing:
        """Measure for about this long."""
        ...


class CpuRig:
    """The same measurement without a GPU, for trying it out; nothing overlaps."""

    def __init__(self, step: Step, frame: Tensor) -> None:
        """Take the network and the frame to time."""
        self._step, self._frame = step, frame

    def stylized(self) -> Tensor:
        """Return what the network makes of the frame."""
        return self._step(self._frame)

    def timing(self, *, seconds: float) -> Timing:
        """Measure for about this long."""
        self.stylized()
        runs = timed(self.stylized, seconds=seconds / 2)
        copies = timed(self._frame.clone, seconds=seconds / 4)

        def whole() -> Tensor:
            return self._step(self._frame.clone()).clone()

        both = timed(whole, seconds=seconds / 4)
        return summary(
            runs, copies, copies, both, overlapped_fps=float(1.0 / np.mean(both))
        )


class CudaRig:
    """A CUDA graph with its own buffers for each slot, and three streams."""

    def __init__(self, step: Step, frame: Tensor, *, slots: int = SLOTS) -> None:
        """Warm up and capture.

        Args:
            step: The network.
            frame: RGB, ``(H, W, 3)``, uint8, on the CPU.
            slots: Number of frames that may be in progress.
        """
        self._up, self._run, self._down = (cuda.Stream() for _ in range(3))
        self._near = [frame.pin_memory() for _ in range(slots)]
        self._far = [frame.cuda() for _ in range(slots)]
        self._back = [torch.zeros_like(frame).pin_memory() for _ in range(slots)]
        self._graphs, self._made = [], []
        cuda.synchronize()  # these streams do not wait for the default one
        with cuda.stream(self._run):
            for _ in range(3):
                step(self._far[0])
        cuda.synchronize()
        for far in self._far:
            graph = cuda.CUDAGraph()
            with cuda.graph(graph, stream=self._run):
                self._made.append(step(far))
            self._graphs.append(graph)
        cuda.synchronize()

    def stylized(self) -> Tensor:
        """Return what the network makes of the frame, on the CPU."""
        self._serial()
        return self._back[0].clone()

    def timing(self, *, seconds: float) -> Timing:
        """Measure for about this long."""
        runs = self._on_device(self._graphs[0].replay, seconds=seconds / 3)
        up = self._on_device(self._upload, seconds=seconds / 12)
        down = self._on_device(self._download, seconds=seconds / 12)
        both = timed(self._serial, seconds=seconds / 4)
        fps = self._overlapped(seconds=seconds / 4, each=float(np.median(both)))
        return summary(runs, up, down, both, overlapped_fps=fps)

    def _upload(self, slot: int = 0) -> None:
        self._far[slot].copy_(self._near[slot], non_blocking=True)

    def _download(self, slot: int = 0) -> None:
        self._back[slot].copy_(self._made[slot], non_blocking=True)

    def _serial(self) -> None:
        with cuda.stream(self._run):
            self._upload()
            self._graphs[0].replay()
            self._download()
        self._run.synchronize()

    def _on_device(self, call: Callable[[], None], *, seconds: float) -> list[float]:
        """Return the seconds between events around successive calls."""
        with cuda.stream(self._run):
            call()
            self._run.synchronize()
            began = time.perf_counter()
            call()
            self._run.synchronize()
            count = repeats(seconds, time.perf_counter() - began)
            events = [cuda.Event(enable_timing=True) for _ in range(count + 1)]
            events[0].record()
            for event in events[1:]:
                call()
                event.record()
        self._run.synchronize()
        return [a.elapsed_time(b) / 1e3 for a, b in pairwise(events)]

    def _overlapped(self, *, seconds: float, each: float) -> float:
        """Return frames per second with frames cycling through the slots.

        Raises:
            RuntimeError: a slot's frame differs from one that ran alone.
        """
        expected = self.stylized()
        for back in self._back:
            back.zero_()
        slots = len(self._graphs)
        sent, ran, fetched = ([cuda.Event() for _ in range(slots)] for _ in range(3))
        count = repeats(seconds, each)
        cuda.synchronize()
        began = time.perf_counter()
        for index in range(count):
            slot = index % slots
            fetched[slot].synchronize()  # the reader has this frame now
            with cuda.stream(self._up):
                self._upload(slot)
                sent[slot].record()
            with cuda.stream(self._run):
                self._run.wait_event(sent[slot])
                self._graphs[slot].replay()
                ran[slot].record()
            with cuda.stream(self._down):
                self._down.wait_event(ran[slot])
                self._download(slot)
                fetched[slot].record()
        cuda.synchronize()
        took = time.perf_counter() - began
        if not all(torch.equal(back, expected) for back in self._back):
            raise RuntimeError("overlapped frames: expected those of single runs")
        return count / took


def timed(call: Callable[[], object], *, seconds: float) -> list[float]:
    """Return how long each of several calls took by the host's clock, in seconds."""
    began = time.perf_counter()
    call()
    marks = [time.perf_counter()]
    for _ in range(repeats(seconds, marks[0] - began)):
        call()
        marks.append(time.perf_counter())
    return [b - a for a, b in pairwise(marks)]


def repeats(seconds: float, each: float) -> int:
    """Return how many runs of `each` seconds fit into about `seconds`."""
    return min(MOST, max(LEAST, int(seconds / max(each, 1e-6))))


def summary(
    runs: list[float],
    up: list[float],
    down: list[float],
    both: list[float],
    *,
    overlapped_fps: float,
) -> Timing:
    """Return the figures of measured seconds."""
    p50, p99 = np.percentile(runs, [50, 99]) * 1e3
    whole_p50, whole_p99 = np.percentile(both, [50, 99]) * 1e3
    return Timing(
        device_ms_p50=float(p50),
        device_ms_p99=float(p99),
        device_fps=float(1.0 / np.mean(runs)),
        upload_ms=float(np.median(up) * 1e3),
        download_ms=float(np.median(down) * 1e3),
        latency_ms_p50=float(whole_p50),
        latency_ms_p99=float(whole_p99),
        serial_fps=float(1.0 / np.mean(both)),
        overlapped_fps=float(overlapped_fps),
    )
