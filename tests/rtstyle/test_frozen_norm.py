"""Statistics that are learnt, frozen, and folded into the weights."""

import pytest
import torch

from rtstyle.networks import SwiftNet
from rtstyle.networks.normalisation import ConditionalInstanceNorm, FrozenNorm
from rtstyle.networks.swift import SwiftConfig, folded


def test_in_training_every_picture_is_normalised_by_itself() -> None:
    x = torch.randn(3, 4, 6, 5)
    frozen, plain = FrozenNorm(4), ConditionalInstanceNorm(4)
    torch.testing.assert_close(frozen(x), plain(x))


def test_the_averages_go_to_the_statistics_of_what_is_seen() -> None:
    torch.manual_seed(0)
    norm = FrozenNorm(2, num_styles=2)
    for _ in range(600):
        norm(3 * torch.randn(2, 2, 16, 16) + 5, torch.tensor([1, 1]))
    torch.testing.assert_close(
        norm.running_mean[1], torch.full((2,), 5.0), atol=0.2, rtol=0
    )
    torch.testing.assert_close(
        norm.running_var[1], torch.full((2,), 9.0), atol=1.0, rtol=0
    )
    assert (norm.running_mean[0] == 0).all(), "the other style saw nothing"
    x = torch.randn(1, 2, 8, 8)
    norm.freeze()
    wanted = (x - norm.running_mean[1][:, None, None]) / (
        norm.running_var[1][:, None, None] + norm.eps
    ).sqrt()
    torch.testing.assert_close(norm(x, torch.tensor([1])), wanted)


@pytest.mark.parametrize("separable", [False, True])
def test_folding_changes_nothing_but_the_number_of_nodes(separable: bool) -> None:
    torch.manual_seed(0)
    deep = None if separable else 16
    config = SwiftConfig(
        channels=16, blocks=2, deep_channels=deep, separable=separable, norm="frozen"
    )
    network = SwiftNet(config)
    for _ in range(5):
        network(torch.rand(2, 3, 32, 40))
    network.eval()
    before = {name: v.clone() for name, v in network.state_dict().items()}
    plain = folded(network)
    assert not any(isinstance(m, ConditionalInstanceNorm) for m in plain.modules())
    pixels = torch.rand(1, 3, 32, 40)
    with torch.no_grad():
        torch.testing.assert_close(plain(pixels), network(pixels), atol=1e-5, rtol=1e-5)
    assert all(torch.equal(v, before[n]) for n, v in network.state_dict().items())
