"""Muon for convolutions: momentum whose matrix is made orthogonal."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

COEFFICIENTS = (3.4445, -4.7750, 2.0315)


class Muon(torch.optim.Optimizer):
    """Step along the orthogonalised momentum of every convolution kernel.

    torch's own Muon takes matrices only; this one reads a kernel
    ``(out, in, kh, kw)`` as a matrix ``(out, in * kh * kw)``.

    Source:
        Jordan et al. 2024, "Muon"; five Newton-Schulz steps, Nesterov momentum; step
        scaled by ``0.2 * sqrt(max(rows, columns))`` (Liu et al. 2025, equation 4).
    """

    def __init__(
        self, params: Iterable[nn.Parameter], *, lr: float, momentum: float = 0.95
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Change every parameter that has a gradient."""
        for group in self.param_groups:
            for param in group["params"]:
                if param.grad is None:
                    continue
                state = self.state[param]
                if not state:
                    state["momentum"] = torch.zeros_like(param)
                state["momentum"].lerp_(param.grad, 1 - group["momentum"])
                ahead = param.grad.lerp(state["momentum"], group["momentum"])
                update = orthogonalise(ahead.flatten(1))
                scale = 0.2 * max(update.shape) ** 0.5
                param.add_(update.view_as(param), alpha=-group["lr"] * scale)


def orthogonalise(matrix: Tensor, *, rounds: int = 5) -> Tensor:
    """Return a matrix with the singular vectors of `matrix` and values near 1.

    Args:
        matrix: Shape ``(rows, columns)``, float.
        rounds: Newton-Schulz steps.

    Returns:
        Same shape; singular values within about 0.7..1.2.
    """
    a, b, c = COEFFICIENTS
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(rounds):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    result: Tensor = x.T if tall else x
    return result
