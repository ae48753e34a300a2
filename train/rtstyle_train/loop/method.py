"""What a training method is to the trainer."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn


class Method(Protocol):
    """A training method: computes the terms of one step's loss."""

    def losses(
        self, network: nn.Module, *, step: int, rank: int, device: torch.device
    ) -> dict[str, Tensor]:
        """Return the weighted terms, to be summed; the same for the same step."""
        ...


@runtime_checkable
class PreparedMethod(Method, Protocol):
    """A method that computes a step from a few small tensors.

    On a GPU such steps are captured (`captured_step`) and replayed.
    """

    def begin(self, network: nn.Module, step: int) -> int:
        """Prepare `network` for a step; return the phase of the training."""
        ...

    def inputs(self, *, step: int, rank: int) -> dict[str, Tensor]:
        """Draw a step's inputs, on the CPU; the same for the same step."""
        ...

    def terms(
        self, network: nn.Module, inputs: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """Return the weighted terms, which depend only on the values in `inputs`."""
        ...
