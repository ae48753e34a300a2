"""Run training steps as CUDA graphs: one launch instead of a thousand."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

Run = Callable[[Mapping[str, Tensor]], dict[str, Tensor]]
"""Runs one step on its inputs and returns the detached terms of the loss."""


class CapturedStep:
    """Runs steps of a training on a separate stream, as graphs where possible.

    The first step of a kind runs directly, which also does one-time setup (optimizer
    state, algorithms); the second is captured; all later ones are replays. Steps are of
    one kind if their inputs' shapes and `phase` are equal. Nothing in a step may depend
    on Python numbers that change: pass those as tensors.
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
        """Run one step.

        Args:
            inputs: Small tensors on the CPU.
            phase: Phase of the training; see `PreparedMethod.begin`.

        Returns:
            The terms, on the device; each step of this kind overwrites them.
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
        """Wait until all steps so far are done."""
        self._stream.synchronize()

    def _capture(self, packed: Tensor, like: Mapping[str, Tensor]) -> "_Graph":
        graph = torch.cuda.CUDAGraph()
        static = packed.clone()
        self._stream.synchronize()
        with torch.cuda.graph(graph, stream=self._stream):
            terms = self._run(_unpack(static, like))
        return _Graph(graph, static, terms)


class _Graph:
    """A captured step with its input and output tensors."""

    def __init__(
        self, graph: torch.cuda.CUDAGraph, packed: Tensor, terms: dict[str, Tensor]
    ) -> None:
        self.graph, self.packed, self.terms = graph, packed, terms


def _pack(inputs: Mapping[str, Tensor]) -> Tensor:
    """Return all values in one float64 vector, which holds each of them exactly."""
    return torch.cat([value.flatten().double() for value in inputs.values()])


def _unpack(packed: Tensor, like: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the packed tensors in the shapes and types of `like`."""
    parts = torch.split(packed, [value.numel() for value in like.values()])
    return {
        name: part.view(value.shape).to(value.dtype)
        for (name, value), part in zip(like.items(), parts, strict=True)
    }
