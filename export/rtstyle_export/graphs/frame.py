"""The graph around a transform net: raw frame in, raw frame out."""

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rtstyle.networks import SwiftNet
from rtstyle.networks.swift import folded
from rtstyle.networks.transform_net import TransformNet


class FrameGraph(nn.Module):
    """Scale, pad, stylize, crop, round: all that no caller should have to repeat."""

    def __init__(self, network: TransformNet) -> None:
        """Wrap a network that holds one style."""
        super().__init__()
        self.network = network
        self.multiple, self.padding = network.multiple, network.padding

    def forward(self, frame: Tensor) -> Tensor:
        """Return the stylized frame.

        Args:
            frame: RGB, shape ``(H, W, 3)``, uint8.

        Returns:
            RGB, shape ``(H, W, 3)``, uint8, rounded.
        """
        height, width = frame.shape[0], frame.shape[1]
        stylized = self.network(self.padded(frame))[0].permute(1, 2, 0)
        # a cast truncates: 0.5 makes it round
        levels = (stylized * 255.0 + 0.5).clamp(0.0, 255.0).to(torch.uint8)
        return self.cropped(levels, height, width)

    def cropped(self, levels: Tensor, height: int, width: int) -> Tensor:
        """Return the picture without what `padded` added; ``(H', W', 3)`` in."""
        p = self.padding
        return levels[p : p + height, p : p + width]

    def padded(self, frame: Tensor) -> Tensor:
        """Return the frame as RGB ``(1, 3, H', W')`` in 0..1, edges repeated."""
        height, width = frame.shape[0], frame.shape[1]
        m, p = self.multiple, self.padding
        down = (height + m - 1) // m * m - height + p
        right = (width + m - 1) // m * m - width + p
        pixels = frame.permute(2, 0, 1)[None].to(torch.float32) * (1.0 / 255.0)
        return F.pad(pixels, (p, right, p, down), mode="replicate")


class SwiftFrameGraph(FrameGraph):
    """The same for a swift net, with its pixel shuffle done on bytes.

    Rounding and casting happen before the picture is put together, and the head's
    channels are put in the order (line, column, colour), so that what is moved are
    whole runs of bytes.
    """

    def __init__(self, network: SwiftNet) -> None:
        is_frozen = network.config.norm == "frozen"
        network = folded(network) if is_frozen else copy.deepcopy(network)
        super().__init__(network)
        self.factor = network.head.factor
        cell = self.factor * self.factor
        order = torch.arange(3 * cell).view(3, cell).T.flatten()
        with torch.no_grad():
            conv = network.head.conv
            assert conv.bias is not None
            conv.weight.copy_(conv.weight[order] * 255.0)
            # the network adds 0.5 after this; 127 + 0.5 makes its middle 127.5, and
            # 0.5 more lets the cast round
            conv.bias.copy_(conv.bias[order] * 255.0 + 127.5)

    def forward(self, frame: Tensor) -> Tensor:
        """Return the stylized frame; see `FrameGraph.forward`."""
        height, width = frame.shape[0], frame.shape[1]
        assert isinstance(self.network, SwiftNet)
        cells = self.network.cells(self.padded(frame))
        rows = cells.permute(0, 2, 3, 1)[0].clamp(0.0, 255.0).to(torch.uint8)
        f = self.factor
        lines, columns = rows.shape[0], rows.shape[1]
        runs = rows.reshape(lines, columns, f, f * 3).permute(0, 2, 1, 3)
        picture = runs.reshape(lines * f, columns * f, 3)
        return self.cropped(picture, height, width)


def frame_graph(network: TransformNet) -> FrameGraph:
    """Return the fitting graph around `network`, in evaluation mode."""
    if isinstance(network, SwiftNet):
        return SwiftFrameGraph(network).eval()
    return FrameGraph(copy.deepcopy(network)).eval()
