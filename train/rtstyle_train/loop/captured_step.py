"""Training steps as CUDA graphs: one launch instead of a thousand."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

Run = Callable[[Mapping[str, Tensor]], dict[str, Tensor]]
"""Makes one step from its inputs and returns the terms of the loss, detached."""


class CapturedStep:
    """Runs steps of a training on a stream of their own, as graphs where it can.

    The first step of a kind runs as it is, which also sets up what is set up once
    (optimizer state, algorithms); the second is captured; all that follow are replays.
    Steps are of one kind when their inputs' shapes and `phase` are equal. Nothing in a
    step may depend on numbers that Python sees: they go in as tensors.
    """

    def __init__(self, run: Run, device: torch.device) -> None:
        self._run, self._device = run, device
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._stream.wait_stream(torch.cuda.current_stream(device))
        self._seen: set[object] = set()
        self._graphs: dict[object, _Graph] = {}

    def __call__(
        self, inputs: Mapping[str, Tensor], *, phase: int
    ) -> dict[str, Tensor]:
        """Make one step.

        Args:
            inputs: Small tensors on the CPU.
            phase: Of the training; see `PreparedMethod.begin`.

        Returns:
            The terms, on the device, written anew by each step of this kind.
        """
        packed, kind = (
            _pack(inputs),
            (phase, *((n, t.shape) for n, t in inputs.items())),
        )
        with torch.cuda.stream(self._stream):
            there = packed.pin_memory().to(self._device, non_blocking=True)
            if graph := self._graphs.get(kind):
                graph.packed.copy_(there)
                graph.graph.replay()
                return graph.terms
            if kind not in self._seen:
                self._seen.add(kind)
                return self._run(_unpack(there, inputs))
            graph = self._graphs[kind] = self._capture(there, inputs)
            graph.graph.replay()
            return graph.terms

    def wait(self) -> None:
        """Return when all steps so far are done."""
        self._stream.synchronize()

    def _capture(self, packed: Tensor, like: Mapping[str, Tensor]) -> "_Graph":
        graph = torch.cuda.CUDAGraph()
        static = packed.clone()
        self._stream.synchronize()
        with torch.cuda.graph(graph, stream=self._stream):
            terms = self._run(_unpack(static, like))
        return _Graph(graph, static, terms)


class _Graph:
    """A captured step with the tensors that it reads and writes."""

    def __init__(
        self, graph: torch.cuda.CUDAGraph, packed: Tensor, terms: dict[str, Tensor]
    ) -> None:
        self.graph, self.packed, self.terms = graph, packed, terms


def _pack(inputs: Mapping[str, Tensor]) -> Tensor:
    """Return all numbers in one vector, float64, which holds every one exactly."""
    return torch.cat([value.flatten().double() for value in inputs.values()])


def _unpack(packed: Tensor, like: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return what was packed, in the shapes and types of `like`."""
    parts = torch.split(packed, [value.numel() for value in like.values()])
    return {
        name: part.view(value.shape).to(value.dtype)
        for (name, value), part in zip(like.items(), parts, strict=True)
    }
