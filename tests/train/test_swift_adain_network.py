"""A swift net that a style encoder modulates, on weights from a seed."""

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from rtstyle.errors import WeightsFileError
from rtstyle.networks.swift import SwiftNet
from rtstyle.networks.swift_adain import (
    ModulatedNorm,
    Placement,
    SwiftAdain,
    SwiftAdainConfig,
    moments,
)
from rtstyle.networks.weights_file import (
    Weights,
    build_network,
    describe_network,
    load_weights,
    save_weights,
)


def small(placement: Placement = "instance", **settings: int) -> SwiftAdain:
    torch.manual_seed(0)
    config = SwiftAdainConfig(
        placement=placement,
        channels=16,
        blocks=2,
        deep_channels=16,
        encoder_channels=(4, 8),
        hidden=8,
        **settings,
    )
    return SwiftAdain(config).eval()


def pictures(count: int, height: int, width: int, *, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, 3, height, width, generator=generator)


def test_moments_are_means_and_deviations_of_each_channel() -> None:
    features = pictures(2, 5, 7)
    got = moments(features)
    for n in range(2):
        for c in range(3):
            x = features[n, c].double()
            assert got[n, c] == pytest.approx(float(x.mean()), abs=1e-6)
            wanted = float((x.var(correction=0) + 1e-4).sqrt())
            assert got[n, 3 + c] == pytest.approx(wanted, abs=1e-6)


def test_the_norm_is_the_equation_of_conditional_instance_norm() -> None:
    x, modulation = pictures(2, 5, 7), pictures(1, 2, 10)[0, 0].expand(2, -1).clone()
    modulation[1] += 1
    got = ModulatedNorm(3, offset=4)(x, modulation)
    for n in range(2):
        for c in range(3):
            one = x[n, c]
            normed = (one - one.mean()) / (one.var(correction=0) + 1e-5).sqrt()
            wanted = normed * modulation[n, 4 + c] + modulation[n, 7 + c]
            torch.testing.assert_close(got[n, c], wanted)


@pytest.mark.parametrize(("placement", "num_norms"), [("instance", 7), ("body", 5)])
def test_every_number_of_a_modulation_belongs_to_one_norm(
    placement: Placement, num_norms: int
) -> None:
    network = small(placement)
    spans = [(n.offset, n.offset + 2 * n.channels) for n in network.norms]
    assert len(spans) == num_norms
    assert spans[0][0] == 0 and spans[-1][1] == network.size
    assert all(a[1] == b[0] for a, b in zip(spans, spans[1:], strict=False))


def test_the_bundled_size_predicts_992_numbers_and_stays_small() -> None:
    network = SwiftAdain(SwiftAdainConfig())
    assert network.size == 992
    for part in (network.encoder, network.transfer):
        assert 4 * sum(p.numel() for p in part.parameters()) < 1_400_000


@pytest.mark.parametrize("placement", ["instance", "body"])
@pytest.mark.parametrize("padding", [0, 8])
def test_a_plain_net_with_a_paintings_modulation_makes_the_same_picture(
    placement: Placement, padding: int
) -> None:
    network = small(placement, padding=padding)
    pixels, paintings = pictures(2, 32, 48), pictures(2, 64, 72, seed=1)
    with torch.no_grad():
        wanted = network(pixels, paintings)
        modulation = network.encoder(paintings)
        for row in range(2):
            plain = network.fixed(modulation[row])
            assert type(plain) is SwiftNet and plain.config.norm == placement
            if not padding:
                torch.testing.assert_close(plain(pixels)[row], wanted[row])
            else:
                got = network.stylize(pixels, modulation[row : row + 1].expand(2, -1))
                torch.testing.assert_close(got[row], wanted[row])


def test_other_paintings_make_other_pictures() -> None:
    network, pixels = small(), pictures(1, 32, 48)
    dark, light = (torch.full((1, 3, 64, 72), level) for level in (0.1, 0.9))
    with torch.no_grad():
        assert (network(pixels, dark) - network(pixels, light)).abs().max() > 1e-3


def test_a_painting_may_have_any_size_and_any_neighbours() -> None:
    encoder = small().encoder
    one, other = pictures(1, 65, 97), pictures(1, 65, 97, seed=1)
    with torch.no_grad():
        alone = encoder(one)
        assert alone.shape == (1, small().size)
        torch.testing.assert_close(encoder(torch.cat([other, one]))[1:], alone)


def test_a_painting_of_one_colour_has_a_gradient() -> None:
    network = small()
    modulation = network.encoder(torch.full((1, 3, 64, 64), 0.5))
    modulation.sum().backward()
    for parameter in network.encoder.parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all()


def test_a_weights_file_gives_the_same_network_back(tmp_path: Path) -> None:
    network = small("body")
    network.neutral.copy_(torch.arange(network.size) / 7)
    description = json.loads(json.dumps(describe_network(network)))
    weights = Weights(network.state_dict(), description, {}, {})
    save_weights(tmp_path / "x.safetensors", weights)
    again = load_weights(tmp_path / "x.safetensors").build()
    assert isinstance(again, SwiftAdain) and again.config == network.config
    pixels, paintings = pictures(1, 32, 48), pictures(1, 64, 72, seed=1)
    with torch.no_grad():
        assert torch.equal(again(pixels, paintings), network(pixels, paintings))
    assert torch.equal(again.neutral, network.neutral)


@pytest.mark.parametrize(
    ("description", "message"),
    [
        ({"kind": "swift-adain"}, "encoder_channels"),
        ({"kind": "swift-adain", "encoder_channels": [4], "x": 1}, "'x'"),
        ({"kind": "adain"}, "widths"),
        ({"kind": "magic"}, "swift, swift-adain, adain or johnson, got 'magic'"),
    ],
)
def test_a_broken_description_is_refused(
    description: dict[str, object], message: str
) -> None:
    with pytest.raises(WeightsFileError, match=message):
        build_network(description)
