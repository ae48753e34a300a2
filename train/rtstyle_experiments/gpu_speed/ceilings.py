"""Measure a device's peak speed, and count the work of a network."""

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

BEST_OF = 10
"""Number of runs; the quickest counts."""


@dataclass(frozen=True, slots=True)
class Ceilings:
    """Peak speeds, measured in the same run as the networks."""

    copy_gb_per_second: float
    """Bytes read and written by a large copy on the device, in 10^9."""
    fp16_tflops: float
    """Speed of a large fp16 matrix product on random numbers, in 10^12 per second."""
    fp32_tflops: float
    """The same in fp32 without TF32."""
    upload_gb_per_second: float
    """Speed of a large copy from pinned memory."""
    download_gb_per_second: float
    """Speed of a large copy to pinned memory."""


@dataclass(frozen=True, slots=True)
class Work:
    """Work for one frame, counted on the network as defined in its paper."""

    gmac: float
    """Multiplications of all convolutions, in 10^9."""
    numbers: float
    """Values that the convolutions read and write, once per layer."""


def probe(device: str) -> Ceilings:
    """Measure the ceilings of a device; smaller probes on a CPU."""
    is_cuda = device != "cpu"
    side, count = (8192, 1 << 30) if is_cuda else (256, 1 << 22)
    source = torch.randint(256, (count,), dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    near = torch.zeros(count // 4, dtype=torch.uint8)
    near = near.pin_memory() if is_cuda else near
    far = source[: count // 4]

    def product(dtype: torch.dtype) -> float:
        a, b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
        seconds = best_seconds(lambda: torch.mm(a, b), is_cuda=is_cuda)
        return 2 * side**3 / seconds / 1e12

    def speed(to: Tensor, of: Tensor, *, times: int) -> float:
        seconds = best_seconds(lambda: to.copy_(of), is_cuda=is_cuda)
        return times * of.numel() / seconds / 1e9

    return Ceilings(
        copy_gb_per_second=speed(target, source, times=2),
        fp16_tflops=product(torch.float16),
        fp32_tflops=product(torch.float32),
        upload_gb_per_second=speed(far, near, times=1),
        download_gb_per_second=speed(near, far, times=1),
    )


def best_seconds(call: Callable[[], object], *, is_cuda: bool) -> float:
    """Return the shortest time of several runs, each synchronized."""
    best = float("inf")
    for _ in range(BEST_OF):
        began = time.perf_counter()
        call()
        if is_cuda:
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - began)
    return best


def work_of(network: nn.Module, *, height: int, width: int) -> Work:
    """Count the work of `network` for a frame of this size, without computing it."""
    facts: Any = getattr(network, "config", network)
    multiple, padding = int(facts.multiple), int(getattr(facts, "padding", 0))
    high, wide = (size + -size % multiple + 2 * padding for size in (height, width))
    empty = copy.deepcopy(network).to("meta")
    macs = numbers = 0.0

    def note(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal macs, numbers
        assert isinstance(layer, nn.Conv2d)
        macs += output.numel() * layer.weight[0].numel()
        numbers += output.numel() + inputs[0].numel()

    for layer in empty.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(note)
    empty(torch.empty(1, 3, high, wide, device="meta"))
    return Work(gmac=macs / 1e9, numbers=numbers)
