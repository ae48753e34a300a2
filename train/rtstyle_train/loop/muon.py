"""Implement Muon for convolutions: steps along orthogonalised momentum."""

from collections.abc import Iterable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

COEFFICIENTS = (3.4445, -4.7750, 2.0315)


class Muon(torch.optim.Optimizer):
    """Steps along the orthogonalised momentum of every convolution kernel.

    torch's own Muon takes only matrices; this one treats a kernel
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
        """Update every parameter that has a gradient."""
        for group in self.param_groups:
            params = [param for param in group["params"] if param.grad is not None]
            if not params:
                continue
            ahead = [self._ahead(param, group["momentum"]) for param in params]
            updates = orthogonalise_all(ahead)
            for param, update in zip(params, updates, strict=True):
                step = -group["lr"] * 0.2 * max(update.shape) ** 0.5
                param.add_(update.reshape(param.shape) * step)

    def _ahead(self, param: nn.Parameter, momentum: float) -> Tensor:
        """Return the Nesterov momentum of a kernel as a matrix."""
        assert param.grad is not None
        state = self.state[param]
        if not state:
            state["momentum"] = torch.zeros_like(param)
        state["momentum"].lerp_(param.grad, 1 - momentum)
        return param.grad.lerp(state["momentum"], momentum).flatten(1)


def orthogonalise_all(matrices: Sequence[Tensor]) -> list[Tensor]:
    """Return `orthogonalise` of each matrix, computed in one batch.

    Zero padding stays zero in every round and does not change the rest, so all are
    padded to one shape: on a GPU the number of products determines the time.
    """
    lying = [m.T if m.shape[0] > m.shape[1] else m for m in matrices]
    rows, columns = (max(m.shape[dim] for m in lying) for dim in (0, 1))
    batch = torch.stack(
        [F.pad(m, (0, columns - m.shape[1], 0, rows - m.shape[0])) for m in lying]
    )
    results = [
        padded[: m.shape[0], : m.shape[1]]
        for padded, m in zip(orthogonalise(batch), lying, strict=True)
    ]
    return [
        result if result.shape == m.shape else result.T
        for result, m in zip(results, matrices, strict=True)
    ]


def orthogonalise(matrix: Tensor, *, rounds: int = 5) -> Tensor:
    """Return a matrix with the singular vectors of `matrix` and values near 1.

    Args:
        matrix: Shape ``(rows, columns)``, or a batch of matrices, float.
        rounds: Number of Newton-Schulz steps.

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
