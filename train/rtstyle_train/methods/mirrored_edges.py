"""Keep a network from detecting where its picture ends."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def mirrored_edges(network: nn.Module) -> Iterator[None]:
    """Pad convolutions with mirrored features instead of zeros at the edges.

    From zeros a network can tell where its picture ends, up to its receptive field
    away: 80 pixels in `slim` and `small`.

    Args:
        network: Changed within the block and restored afterwards.
    """
    convs = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    before = [conv.padding_mode for conv in convs]
    for conv in convs:
        conv.padding_mode = "reflect"
    try:
        yield
    finally:
        for conv, mode in zip(convs, before, strict=True):
            conv.padding_mode = mode
