"""Decide which parameters of a network Muon updates, and which Adam."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from rtstyle_train.loop.muon import Muon


def make_optimizers(
    network: nn.Module,
    kind: str,
    learning_rate: float,
    *,
    capturable: bool = False,
    slower: Mapping[str, float] | None = None,
) -> list[torch.optim.Optimizer]:
    """Return Adam for all, or Muon for the inner convolutions and Adam for the rest.

    "Inner" are 3x3 kernels that are neither depthwise nor the first or last ones.

    Args:
        network: Whose parameters with gradients are learnt.
        kind: ``adam`` or ``muon``.
        learning_rate: The highest.
        capturable: Whether they take tensors as learning rate and may be part of a
            CUDA graph.
        slower: Shares of the learning rate for what Adam learns, by the beginning of
            parameters' names.
    """
    inner: list[nn.Parameter] = []
    rest: list[nn.Parameter] = []
    apart: dict[str, list[nn.Parameter]] = {name: [] for name in slower or {}}
    named = [(n, p) for n, p in network.named_parameters() if p.requires_grad]
    for name, param in named:
        is_inner = param.dim() == 4 and min(param.shape[:2]) > 12
        own = next((apart[begin] for begin in apart if name.startswith(begin)), rest)
        (inner if kind == "muon" and is_inner else own).append(param)
    optimizers: list[torch.optim.Optimizer] = []
    if rest:
        adam = torch.optim.Adam(
            rest, lr=learning_rate, betas=(0.9, 0.99), capturable=capturable
        )
        for begin, params in apart.items():
            share = (slower or {})[begin]
            adam.add_param_group({"params": params, "lr": share * learning_rate})
        optimizers.append(adam)
    if inner:
        optimizers.append(Muon(inner, lr=2.5 * learning_rate))
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["peak"] = group["lr"]
    return optimizers


def load_optimizer(optimizer: Any, tensors: dict[str, Tensor]) -> None:
    """Give an optimiser the state of a checkpoint, by ``parameter/entry``."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        key, _, entry = name.partition("/")
        state.setdefault(int(key), {})[entry] = value
    optimizer.load_state_dict(
        {"state": state, "param_groups": optimizer.state_dict()["param_groups"]}
    )
