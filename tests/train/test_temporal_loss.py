"""ReCoNet's losses: equal to the slow formula, zero where the paper says zero."""

import pytest
import torch
from torch import Tensor, nn

from rtstyle_train.data.motion import luminance, warp
from rtstyle_train.data.synthetic_motion import make_pair
from rtstyle_train.losses.temporal import (
    output_consistency,
    temporal_terms,
)


def drawn(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(*shape, generator=generator, dtype=torch.float64)


def flow_of(height: int, width: int, seed: int = 9) -> Tensor:
    """A fractional flow that stays off the kinks of bilinear sampling."""
    return (drawn(2, 2, height, width, seed=seed) - 0.5) * 3


def test_output_consistency_equals_the_formula_written_out() -> None:
    cur, prev = drawn(2, 3, 6, 8), drawn(2, 3, 6, 8, seed=1)
    flow, mask = flow_of(6, 8), (drawn(2, 1, 6, 8, seed=2) > 0.3).double()
    change = drawn(2, 1, 6, 8, seed=3) * 0.1
    moved = warp(prev, flow)
    total = 0.0
    for n in range(2):
        for y in range(6):
            for x in range(8):
                for c in range(3):
                    gap = cur[n, c, y, x] - moved[n, c, y, x] - change[n, 0, y, x]
                    total += float(mask[n, 0, y, x] * gap**2)
    loss = output_consistency(
        cur, prev, flow_cur_to_prev=flow, mask=mask, luminance_change=change
    )
    assert float(loss) == pytest.approx(total / (2 * 3 * 6 * 8))


def test_output_consistency_is_zero_for_a_network_that_changes_nothing() -> None:
    prev = drawn(2, 3, 12, 16)
    flow, change = flow_of(12, 16), torch.full((2, 1, 12, 16), 0.05).double()
    cur = warp(prev, flow) + change
    loss = output_consistency(
        cur,
        prev,
        flow_cur_to_prev=flow,
        mask=torch.ones_like(change),
        luminance_change=luminance(cur - warp(prev, flow)),
    )
    assert float(loss) == pytest.approx(0.0, abs=1e-20)


def test_the_loss_is_zero_where_everything_is_occluded() -> None:
    cur, prev, flow = drawn(2, 3, 6, 8), drawn(2, 3, 6, 8, seed=1), flow_of(6, 8)
    nothing = torch.zeros(2, 1, 6, 8, dtype=torch.float64)
    output = output_consistency(
        cur, prev, flow_cur_to_prev=flow, mask=nothing, luminance_change=nothing
    )
    assert float(output) == 0.0


def test_the_gradient_is_right() -> None:
    cur = drawn(2, 3, 4, 6).requires_grad_()
    prev = drawn(2, 3, 4, 6, seed=1).requires_grad_()
    flow, mask = flow_of(4, 6), (drawn(2, 1, 4, 6, seed=2) > 0.3).double()

    def output(a: Tensor, b: Tensor) -> Tensor:
        return output_consistency(
            a, b, flow_cur_to_prev=flow, mask=mask, luminance_change=mask * 0.02
        )

    assert torch.autograd.gradcheck(output, (cur, prev))


def test_terms_reach_the_whole_network() -> None:
    torch.manual_seed(0)
    encoder, decoder = nn.Conv2d(3, 4, 3, 4, 1), nn.Conv2d(4, 48, 1)
    network = nn.Sequential(encoder, decoder, nn.PixelShuffle(4))
    pair = make_pair(torch.rand(2, 3, 16, 24), torch.Generator().manual_seed(0))
    terms = temporal_terms(network, pair, output_weight=1.0)
    assert terms.keys() == {"temporal_output"}
    total = torch.stack(list(terms.values())).sum()
    total.backward()  # type: ignore[no-untyped-call]
    for layer in (encoder, decoder):
        assert layer.weight.grad is not None
        assert float(layer.weight.grad.abs().sum()) > 0


def test_a_network_trained_on_the_terms_flickers_less() -> None:
    torch.manual_seed(0)
    network = nn.Conv2d(3, 3, 3, padding=1)
    with torch.no_grad():
        network.weight.mul_(8)
    generator = torch.Generator().manual_seed(0)
    photos = torch.rand(4, 3, 16, 16)
    optimizer = torch.optim.Adam(network.parameters(), 0.02)

    def total() -> Tensor:
        pair = make_pair(photos, generator)
        return temporal_terms(network, pair, output_weight=1.0)["temporal_output"]

    def mean_of_many() -> float:
        return sum(float(total().detach()) for _ in range(20)) / 20

    before = mean_of_many()
    for _ in range(50):
        optimizer.zero_grad()
        total().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    assert mean_of_many() < before / 2
