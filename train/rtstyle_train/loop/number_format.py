"""Which number format a processor is quick in: measured, not assumed."""

import time
from functools import cache

import torch
import torch.nn.functional as F

ROUNDS = 3
"""Runs of each format, of which the quickest counts."""


@cache
def is_bfloat16_quick() -> bool:
    """Return whether a convolution takes less time in bfloat16 than in float32 here.

    On a processor without instructions for it bfloat16 takes about ten times as long;
    on a GPU that trains it is always quick.
    """
    if torch.cuda.is_available():
        return True
    return _seconds(torch.bfloat16) < _seconds(torch.float32)


def _seconds(number_format: torch.dtype) -> float:
    x = torch.ones(1, 64, 96, 96, dtype=number_format)
    x = x.contiguous(memory_format=torch.channels_last)
    weight = torch.ones(64, 64, 3, 3, dtype=number_format)
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        F.conv2d(x, weight)
        times.append(time.perf_counter() - began)
    return min(times)
