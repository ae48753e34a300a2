"""ReCoNet's losses: equal to the slow formula, zero where the paper says zero."""

import pytest
import torch
from torch import Tensor, nn

from rtstyle_train.data.motion import luminance, warp
from rtstyle_train.data.synthetic_motion import make_pair
from rtstyle_train.losses.temporal import (
    FeatureTap,
    feature_consistency,
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


def test_feature_consistency_equals_the_formula_written_out() -> None:
    cur, prev = drawn(2, 5, 3, 4), drawn(2, 5, 3, 4, seed=1)
    flow, mask = flow_of(12, 8), (drawn(2, 1, 12, 8, seed=2) > 0.3).double()
    small_flow = torch.zeros(2, 2, 3, 4, dtype=torch.float64)
    small_mask = torch.zeros(2, 1, 3, 4, dtype=torch.float64)
    for y in range(3):
        for x in range(4):
            cell = (..., slice(4 * y, 4 * y + 4), slice(2 * x, 2 * x + 2))
            small_flow[:, 0, y, x] = flow[cell][:, 0].mean((1, 2)) * 4 / 8
            small_flow[:, 1, y, x] = flow[cell][:, 1].mean((1, 2)) * 3 / 12
            small_mask[:, 0, y, x] = mask[cell][:, 0].mean((1, 2))
    expected = (small_mask * (cur - warp(prev, small_flow)) ** 2).mean() / prev.var()
    loss = feature_consistency(cur, prev, flow_cur_to_prev=flow, mask=mask)
    torch.testing.assert_close(loss, expected)


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


def test_both_losses_are_zero_where_everything_is_occluded() -> None:
    cur, prev, flow = drawn(2, 3, 6, 8), drawn(2, 3, 6, 8, seed=1), flow_of(6, 8)
    nothing = torch.zeros(2, 1, 6, 8, dtype=torch.float64)
    output = output_consistency(
        cur, prev, flow_cur_to_prev=flow, mask=nothing, luminance_change=nothing
    )
    features = feature_consistency(cur, prev, flow_cur_to_prev=flow, mask=nothing)
    assert float(output) == 0.0 and float(features) == 0.0


def test_feature_consistency_does_not_depend_on_the_scale_of_features() -> None:
    cur, prev = drawn(2, 5, 6, 8), drawn(2, 5, 6, 8, seed=1)
    flow, mask = flow_of(6, 8), torch.ones(2, 1, 6, 8, dtype=torch.float64)
    once = feature_consistency(cur, prev, flow_cur_to_prev=flow, mask=mask)
    tenfold = feature_consistency(10 * cur, 10 * prev, flow_cur_to_prev=flow, mask=mask)
    torch.testing.assert_close(once, tenfold)


def test_gradients_of_both_losses_are_right() -> None:
    cur = drawn(2, 3, 4, 6).requires_grad_()
    prev = drawn(2, 3, 4, 6, seed=1).requires_grad_()
    flow, mask = flow_of(4, 6), (drawn(2, 1, 4, 6, seed=2) > 0.3).double()

    def output(a: Tensor, b: Tensor) -> Tensor:
        return output_consistency(
            a, b, flow_cur_to_prev=flow, mask=mask, luminance_change=mask * 0.02
        )

    def features(a: Tensor, b: Tensor) -> Tensor:
        return feature_consistency(a, b, flow_cur_to_prev=flow, mask=mask)

    assert torch.autograd.gradcheck(output, (cur, prev))
    assert torch.autograd.gradcheck(features, (cur, prev))


def test_terms_reach_the_network_through_output_and_features() -> None:
    torch.manual_seed(0)
    encoder, decoder = nn.Conv2d(3, 4, 3, 4, 1), nn.Conv2d(4, 48, 1)
    network = nn.Sequential(encoder, decoder, nn.PixelShuffle(4))
    pair = make_pair(torch.rand(2, 3, 16, 24), torch.Generator().manual_seed(0))
    tap = FeatureTap(encoder)
    terms = temporal_terms(
        network, pair, output_weight=1.0, feature_weight=1.0, tap=tap
    )
    assert terms.keys() == {"temporal_output", "temporal_feature"}
    total = torch.stack(list(terms.values())).sum()
    total.backward()  # type: ignore[no-untyped-call]
    for layer in (encoder, decoder):
        assert layer.weight.grad is not None
        assert float(layer.weight.grad.abs().sum()) > 0
    with pytest.raises(RuntimeError, match="expected a forward pass"):
        tap.take()


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
