"""The transform nets: sizes, styles, and checkpoints of others."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from rtstyle.networks import SWIFT_SIZES, JohnsonNet, SwiftNet
from rtstyle.networks.swift import SwiftConfig, start_without_grid
from rtstyle.networks.weights_file import (
    Weights,
    build_network,
    describe_network,
    load_weights,
    save_weights,
)

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.mark.parametrize("size", SWIFT_SIZES)
@pytest.mark.parametrize("norm", ["instance", "body", "frozen", "none"])
@pytest.mark.parametrize("head", ["shuffle", "resize", "subpixel"])
def test_swift_keeps_the_size_and_its_input(size: str, norm: str, head: str) -> None:
    base = describe_network(SwiftNet(SWIFT_SIZES[size]))
    network = build_network(base | {"norm": norm, "head": head}).eval()
    pixels = torch.rand(2, 3, 40, 56)
    before = pixels.clone()
    with torch.no_grad():
        assert network(pixels).shape == (2, 3, 40, 56)
    assert torch.equal(pixels, before)


@pytest.mark.parametrize(
    ("size", "thousands"),
    [("tiny", 33), ("small-flat", 93), ("small", 344), ("base", 333)],
)
def test_the_family_has_the_parameters_of_its_design(size: str, thousands: int) -> None:
    config = SWIFT_SIZES[size]
    plain = SwiftNet(
        SwiftConfig(
            channels=config.channels,
            blocks=config.blocks,
            deep_channels=config.deep_channels,
            separable=config.separable,
            norm="none",
            head="shuffle",
        )
    )
    assert round(sum(p.numel() for p in plain.parameters()) / 1000) == pytest.approx(
        thousands, abs=1.5
    )


def test_styles_share_convolutions_and_differ_in_scale_and_shift() -> None:
    config = SwiftConfig(channels=16, blocks=1, deep_channels=16, num_styles=3)
    network = SwiftNet(config).eval()
    with torch.no_grad():
        for name, param in network.named_parameters():
            if "norm" in name:
                param.copy_(torch.randn_like(param))
    pixels = torch.rand(3, 3, 24, 32)
    with torch.no_grad():
        together = network(pixels, torch.tensor([0, 1, 2]))
        for row in range(3):
            alone = network.select_style(row)(pixels[row : row + 1])
            torch.testing.assert_close(together[row : row + 1], alone)
        assert not torch.allclose(network(pixels, torch.tensor([1, 1, 1])), together)


def test_instance_norm_ignores_the_contrast_of_what_it_normalises() -> None:
    network = SwiftNet(SwiftConfig(channels=16, blocks=1)).eval()
    x = torch.randn(1, 16, 8, 8)
    norm = network.get_submodule("blocks.0.norm1")
    with torch.no_grad():
        torch.testing.assert_close(norm(x), norm(3 * x + 5), atol=1e-3, rtol=1e-3)


def test_the_head_starts_without_a_grid() -> None:
    conv = torch.nn.Conv2d(4, 12, 3)
    start_without_grid(conv, 2)
    assert torch.equal(conv.weight[0], conv.weight[3])
    assert not torch.equal(conv.weight[3], conv.weight[4])


def test_johnson_refuses_what_is_not_johnson() -> None:
    with pytest.raises(ValueError, match=r"expected a tensor conv1\.conv2d\.weight"):
        JohnsonNet.from_state_dict({"a": torch.zeros(3)})
    tensors = JohnsonNet(width=4).state_dict()
    tensors.pop("in1.weight")
    with pytest.raises(ValueError, match="Missing key"):
        JohnsonNet.from_state_dict(tensors)


def test_old_checkpoints_keep_their_running_statistics_to_themselves() -> None:
    tensors = JohnsonNet(width=4).state_dict()
    old = tensors | {
        "in1.running_mean": torch.ones(4),
        "in1.running_var": torch.ones(4),
    }
    loaded = JohnsonNet.from_state_dict(old)
    torch.testing.assert_close(loaded.state_dict()["in1.weight"], tensors["in1.weight"])


@pytest.mark.shared
@pytest.mark.parametrize("peer", ["johnson_mosaic", "johnson_width8_candy"])
def test_peers_networks_paint_what_they_always_painted(peer: str, shared: Path) -> None:
    network = JohnsonNet.from_state_dict(
        load_file(shared / "data" / "peers" / f"{peer}.safetensors")
    )
    photo = cv2.imread(str(shared / "data" / "photos" / "eval" / "astronaut.jpg"))
    assert photo is not None
    small = cv2.resize(photo, (64, 48), interpolation=cv2.INTER_AREA)[..., ::-1].copy()
    pixels = torch.from_numpy(small).permute(2, 0, 1)[None].float() / 255
    with torch.no_grad():
        painted = network(pixels)[0].permute(1, 2, 0).clamp(0, 1).numpy() * 255
    golden = cv2.imread(str(GOLDEN / f"{peer}.png"))
    assert golden is not None
    assert np.abs(painted.round() - golden[..., ::-1]).max() <= 2


def test_weights_survive_the_trip_to_disk(tmp_path: Path) -> None:
    network = SwiftNet(SwiftConfig(channels=16, blocks=1))
    path = tmp_path / "x.safetensors"
    weights = Weights(
        dict(network.state_dict()), describe_network(network), {"seed": 1}, {"steps": 2}
    )
    save_weights(path, weights)
    loaded = load_weights(path)
    assert loaded.recipe == {"seed": 1} and loaded.trained == {"steps": 2}
    pixels = torch.rand(1, 3, 16, 16)
    with torch.no_grad():
        assert torch.equal(loaded.build()(pixels), network.eval()(pixels))
    assert [p.name for p in tmp_path.iterdir()] == ["x.safetensors"]
