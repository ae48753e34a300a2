"""Run our networks in cells on the GPU, from bytes to bytes.

Each takes and returns RGB bytes ``(H, W, 3)`` like a style file's graph, which includes
scaling, padding, network, cropping and rounding.
"""

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rtstyle.networks import JohnsonNet, SwiftNet
from rtstyle.networks.johnson import JohnsonBlock
from rtstyle.networks.normalisation import ConditionalInstanceNorm
from rtstyle.networks.swift import ResidualBlock, ResizeHead, ShuffleHead
from rtstyle_experiments.gpu_speed.adain import VggAdain, has_weight, reflected
from rtstyle_experiments.gpu_speed.cells import (
    CellNorm,
    from_cells,
    relaid,
    to_cells,
    without_bias,
)


class BytesGraph(nn.Module):
    """Conversions from and to bytes, which all graphs share."""

    multiple = 4
    padding = 0

    def __init__(self) -> None:
        super().__init__()
        self.dtype = torch.float32

    def padded(self, frame: Tensor) -> Tensor:
        """Return ``(1, 3, H', W')``, 0..1, with edges repeated; see `FrameGraph`."""
        height, width, p, m = *frame.shape[:2], self.padding, self.multiple
        down = -height % m + p
        right = -width % m + p
        pixels = frame.permute(2, 0, 1)[None].to(self.dtype) * (1.0 / 255.0)
        if not (p or down or right):
            return pixels
        return F.pad(pixels, (p, right, p, down), mode="replicate")

    def rounded(self, levels: Tensor, frame: Tensor, *, cell: int) -> Tensor:
        """Return bytes of the size of `frame`.

        Args:
            levels: In cells, 0..255 plus 0.5, because a cast truncates.
            frame: RGB, ``(H, W, 3)``.
            cell: Width of the cells.
        """
        height, width, p = *frame.shape[:2], self.padding
        picture = from_cells(levels.clamp(0.0, 255.0).to(torch.uint8), cell)[0]
        lines = picture.permute(1, 2, 0)[p : p + height, p : p + width]
        return lines.contiguous()


class SwiftBytes(BytesGraph):
    """A swift net with every layer at 1/4 of the size or below."""

    def __init__(self, network: SwiftNet) -> None:
        """Copy the first style of a net that normalises everywhere."""
        super().__init__()
        config = network.config
        self.multiple, self.padding = max(config.multiple, 4), config.padding
        self.is_deep = config.deep_channels is not None
        self.stem1 = zero_padded(relaid(network.stem1, cell_in=4, cell_out=2))
        stem2 = relaid(without_bias(network.stem2), cell_in=2, cell_out=1)
        self.stem2 = zero_padded(stem2)
        self.stem2_norm = cell_norm(network.stem2_norm)
        if self.is_deep:
            self.down = without_bias(network.down)
            self.down_norm = cell_norm(network.down_norm)
            self.up = relaid(network.up, cell_in=1, cell_out=1)
            self.join = without_bias(network.join)
            self.join_norm = cell_norm(network.join_norm)
        self.blocks = nn.ModuleList(_SwiftBlock(block) for block in network.blocks)
        head = network.head
        self.project: nn.Conv2d | None = None
        self.has_skip = isinstance(head, ResizeHead)
        if isinstance(head, ShuffleHead):
            last = relaid(head.conv, cell_in=1, cell_out=1)
            order = torch.arange(48).view(3, 4, 4).permute(1, 2, 0)
        else:
            if isinstance(head, ResizeHead):
                project = relaid(head.project, cell_in=1, cell_out=2, upsample=2)
            else:
                project = zero_padded(relaid(head.up, cell_in=1, cell_out=1))
                in_cells = torch.arange(64).view(16, 2, 2).permute(1, 2, 0)
                reorder(project, in_cells.flatten())
            self.project = project
            last = relaid(head.conv, cell_in=2, cell_out=2)
            order = torch.arange(48).view(2, 2, 3, 2, 2).permute(0, 3, 1, 4, 2)
        self.last = zero_padded(in_levels(last, order.flatten()))

    def forward(self, frame: Tensor) -> Tensor:
        """Return the stylized frame, uint8, as large as `frame`."""
        half = F.relu(self.stem1(to_cells(self.padded(frame) - 0.5, 4)))
        quarter = F.relu(self.stem2_norm(self.stem2(half)))
        x = quarter
        if self.is_deep:
            x = F.relu(self.down_norm(self.down(x)))
        for block in self.blocks:
            x = block(x)
        if self.is_deep:
            x = F.interpolate(self.up(x), scale_factor=2.0, mode="nearest") + quarter
            x = F.relu(self.join_norm(self.join(x)))
        if self.project is not None:
            projected = self.project(x)
            x = F.relu(projected + half if self.has_skip else projected)
        return self.rounded(self.last(x), frame, cell=4)


class JohnsonBytes(BytesGraph):
    """Johnson's net with its full-size convolutions in cells of 4x4 and 2x2 pixels."""

    def __init__(self, network: JohnsonNet) -> None:
        """Copy the network."""
        super().__init__()
        n = network
        first, last = n.conv1.conv2d, n.deconv3.conv2d
        self.conv1 = relaid(without_bias(first), cell_in=4, cell_out=4)
        # the network multiplies by 255 first, which the norm undoes
        self.in1 = cell_norm(n.in1, eps=n.in1.eps / 255.0**2)
        self.conv2 = without_bias(n.conv2.conv2d)
        self.in2 = cell_norm(n.in2)
        self.conv3 = without_bias(n.conv3.conv2d)
        self.in3 = cell_norm(n.in3)
        blocks = (n.res1, n.res2, n.res3, n.res4, n.res5)
        self.blocks = nn.ModuleList(_JohnsonBlock(block) for block in blocks)
        up1, up2 = (without_bias(u.conv2d) for u in (n.deconv1, n.deconv2))
        self.deconv1 = relaid(up1, cell_in=1, cell_out=2, upsample=2)
        self.in4 = cell_norm(n.in4)
        self.deconv2 = relaid(up2, cell_in=1, cell_out=2, upsample=2)
        self.in5 = cell_norm(n.in5)
        self.deconv3 = relaid(last, cell_in=4, cell_out=4)
        assert self.deconv3.bias is not None
        self.deconv3.bias.data.add_(0.5)

    def forward(self, frame: Tensor) -> Tensor:
        """Return the stylized frame, uint8, as large as `frame`."""
        pixels = F.pad(self.padded(frame), (4,) * 4, mode="reflect")
        x = F.relu(self.in1(self.conv1(to_cells(pixels, 4))))
        x = F.relu(self.in2(reflected(self.conv2, from_cells(x, 4))))
        x = F.relu(self.in3(reflected(self.conv3, x)))
        for block in self.blocks:
            x = block(x)
        # one pixel reflected after a resize by 2 equals one repeated before it
        x = F.relu(self.in4(self.deconv1(F.pad(x, (1,) * 4, mode="replicate"))))
        x = F.pad(from_cells(x, 2), (1,) * 4, mode="replicate")
        x = from_cells(F.relu(self.in5(self.deconv2(x))), 2)
        levels = self.deconv3(to_cells(F.pad(x, (4,) * 4, mode="reflect"), 4))
        return self.rounded(levels, frame, cell=4)


class AdainBytes(BytesGraph):
    """AdaIN with its first and last convolution in cells of 2x2 pixels."""

    multiple = 8

    def __init__(self, network: VggAdain) -> None:
        """Copy the network."""
        super().__init__()
        network = copy.deepcopy(network)
        first, last = network.encoder[0], network.decoder[-1]
        assert isinstance(first, nn.Conv2d) and isinstance(last, nn.Conv2d)
        self.first = relaid(wider(first, inputs=4), cell_in=2, cell_out=2)
        self.encoder = network.encoder[1:]
        self.norm = CellNorm(network.style_std, network.style_mean, eps=network.eps)
        self.decoder = network.decoder[:-1]
        self.last = in_levels(
            relaid(wider(last, outputs=4), cell_in=2, cell_out=2), torch.arange(16)
        )

    def forward(self, frame: Tensor) -> Tensor:
        """Return the stylized frame, uint8, as large as `frame`."""
        pixels = F.pad(self.padded(frame), (2,) * 4, mode="reflect")
        cells = to_cells(F.pad(pixels, (0, 0, 0, 0, 0, 1)), 2)
        x = from_cells(F.relu(self.first(cells)), 2)
        for layer in self.encoder:
            x = F.relu(reflected(layer, x)) if has_weight(layer) else layer(x)
        x = self.norm(x)
        for layer in self.decoder:
            x = F.relu(reflected(layer, x)) if has_weight(layer) else layer(x)
        levels = self.last(to_cells(F.pad(x, (2,) * 4, mode="reflect"), 2))
        n, _, h, w = levels.shape
        colours = levels.permute(0, 2, 3, 1).reshape(n, h, w, 4, 4)[..., :3]
        rgb = colours.reshape(n, h, w, 12).permute(0, 3, 1, 2)
        return self.rounded(rgb, frame, cell=2)


class _SwiftBlock(nn.Module):
    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        assert isinstance(block, ResidualBlock)
        conv1, conv2 = block.conv1, block.conv2
        assert isinstance(conv1, nn.Conv2d) and isinstance(conv2, nn.Conv2d)
        self.conv1, self.conv2 = without_bias(conv1), without_bias(conv2)
        self.norm1, self.norm2 = cell_norm(block.norm1), cell_norm(block.norm2)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(self.conv1(x)))
        changed: Tensor = self.norm2(self.conv2(y))
        return x + changed


class _JohnsonBlock(nn.Module):
    def __init__(self, block: JohnsonBlock) -> None:
        super().__init__()
        self.conv1 = without_bias(block.conv1.conv2d)
        self.conv2 = without_bias(block.conv2.conv2d)
        self.in1, self.in2 = cell_norm(block.in1), cell_norm(block.in2)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.in1(reflected(self.conv1, x)))
        changed: Tensor = self.in2(reflected(self.conv2, y))
        return x + changed


def bytes_graph(network: nn.Module) -> BytesGraph:
    """Return the fitting graph, in evaluation mode.

    Raises:
        TypeError: it is not one of our networks.
    """
    if isinstance(network, SwiftNet):
        return SwiftBytes(network).eval()
    if isinstance(network, JohnsonNet):
        return JohnsonBytes(network).eval()
    if isinstance(network, VggAdain):
        return AdainBytes(network).eval()
    raise TypeError(f"network: expected one of ours, got {type(network).__name__}")


def cell_norm(norm: nn.Module, *, eps: float | None = None) -> CellNorm:
    """Return the first style of an instance norm as a norm on cells."""
    assert isinstance(norm, ConditionalInstanceNorm | nn.InstanceNorm2d)
    scale, shift = (t.reshape(-1, t.shape[-1])[0] for t in (norm.weight, norm.bias))
    return CellNorm(scale, shift, eps=norm.eps if eps is None else eps)


def zero_padded(conv: nn.Conv2d) -> nn.Conv2d:
    """Make a convolution pad its input with zeros, in place; return it."""
    conv.padding = (conv.kernel_size[0] // 2, conv.kernel_size[1] // 2)
    return conv


def in_levels(conv: nn.Conv2d, order: Tensor) -> nn.Conv2d:
    """Make a last convolution output 0..255 plus 0.5, with channels in `order`.

    Args:
        conv: Outputs RGB minus 0.5, 0..1; changed in place.
        order: Index of the channel for each place.
    """
    reorder(conv, order)
    assert conv.bias is not None
    conv.weight.data.mul_(255.0)
    conv.bias.data.mul_(255.0).add_(128.0)
    return conv


def reorder(conv: nn.Conv2d, order: Tensor) -> None:
    """Put the outputs of a convolution in `order`, in place."""
    assert conv.bias is not None
    conv.weight.data.copy_(conv.weight[order])
    conv.bias.data.copy_(conv.bias[order])


def wider(
    conv: nn.Conv2d, *, inputs: int | None = None, outputs: int | None = None
) -> nn.Conv2d:
    """Return a copy with additional channels, which are zero or unused."""
    more = nn.Conv2d(
        inputs or conv.in_channels, outputs or conv.out_channels, conv.kernel_size[0]
    )
    assert more.bias is not None and conv.bias is not None
    with torch.no_grad():
        more.weight.zero_()
        more.bias.zero_()
        more.weight[: conv.out_channels, : conv.in_channels] = conv.weight
        more.bias[: conv.out_channels] = conv.bias
    return more
