"""Networks do not see where their picture ends while they learn."""

import torch
import torch.nn.functional as F

from rtstyle.networks import SwiftNet
from rtstyle.networks.swift import SwiftConfig
from rtstyle.networks.weights_file import build_network, describe_network
from rtstyle_train.methods.mirrored_edges import mirrored_edges


def test_with_mirrored_edges_a_network_does_not_see_where_its_picture_ends() -> None:
    for head in ("subpixel", "resize"):
        torch.manual_seed(0)
        base = SwiftConfig(channels=16, blocks=2, deep_channels=16, norm="none")
        network = build_network(describe_network(SwiftNet(base)) | {"head": head})
        wall = torch.full((1, 3, 64, 64), 0.7)
        with torch.no_grad():
            before = network(wall)
            with mirrored_edges(network):
                within = network(wall)
            after = network(wall)
        cells = F.pixel_unshuffle(within, 8)  # all alike, edge or not
        torch.testing.assert_close(cells, cells[..., :1, :1].expand_as(cells))
        cells = F.pixel_unshuffle(before, 8)
        assert (cells - cells[..., 4:5, 4:5]).abs().max() > 1e-3
        assert torch.equal(before, after)
