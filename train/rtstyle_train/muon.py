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
            alike: dict[torch.Size, list[nn.Parameter]] = {}
            for param in group["params"]:
                if param.grad is not None:
                    alike.setdefault(param.shape, []).append(param)
            for params in alike.values():
                self._step_alike(params, group["lr"], group["momentum"])

    def _step_alike(
        self, params: list[nn.Parameter], lr: float | Tensor, momentum: float
    ) -> None:
        """Change parameters of one shape, their matrices in one batch."""
        ahead = []
        for param in params:
            assert param.grad is not None
            state = self.state[param]
            if not state:
                state["momentum"] = torch.zeros_like(param)
            state["momentum"].lerp_(param.grad, 1 - momentum)
            ahead.append(param.grad.lerp(state["momentum"], momentum).flatten(1))
        updates = orthogonalise(torch.stack(ahead))
        step = -lr * 0.2 * max(updates.shape[1:]) ** 0.5
        for param, update in zip(params, updates, strict=True):
            param.add_(update.view_as(param) * step)


def orthogonalise(matrix: Tensor, *, rounds: int = 5) -> Tensor:
    """Return a matrix with the singular vectors of `matrix` and values near 1.

    Args:
        matrix: Shape ``(rows, columns)``, or a batch of such, float.
        rounds: Newton-Schulz steps.

    Returns:
        Same shape; singular values within about 0.7..1.2.
    """
    a, b, c = COEFFICIENTS
    tall = matrix.shape[-2] > matrix.shape[-1]
    x = matrix.mT if tall else matrix
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(rounds):
        square = x @ x.mT
        x = a * x + (b * square + c * square @ square) @ x
    result: Tensor = x.mT if tall else x
    return result
