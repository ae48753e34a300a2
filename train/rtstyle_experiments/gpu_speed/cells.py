"""Compute convolutions on cells of pixels: the same sums in shapes that suit a GPU.

A picture of ``C`` channels is also one of ``f * f * C`` channels at 1/f of the size,
where each pixel is a cell of ``f x f`` pixels. Channels are in the order (line, column,
colour), so that cells of a frame's bytes are contiguous runs. A convolution of 3
channels at full size, or one after a resize, becomes one of many channels at low
resolution: matrix units need at least 8 channels, better 64, and nothing is resized in
memory.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def to_cells(x: Tensor, factor: int) -> Tensor:
    """Return ``(N, C, H, W)`` as cells ``(N, f * f * C, H / f, W / f)``."""
    n, c, h, w = x.shape
    f = factor
    rows = x.permute(0, 2, 3, 1).reshape(n, h // f, f, w // f, f * c)
    cells = rows.permute(0, 1, 3, 2, 4).reshape(n, h // f, w // f, f * f * c)
    return cells.permute(0, 3, 1, 2)


def from_cells(cells: Tensor, factor: int) -> Tensor:
    """Return what `to_cells` took, ``(N, C, H, W)``, channels last in memory."""
    n, c, h, w = cells.shape
    f = factor
    runs = cells.permute(0, 2, 3, 1).reshape(n, h, w, f, c // f)
    x = runs.permute(0, 1, 3, 2, 4).reshape(n, h * f, w * f, c // (f * f))
    return x.permute(0, 3, 1, 2)


def relaid(
    conv: nn.Conv2d, *, cell_in: int, cell_out: int, upsample: int = 1
) -> nn.Conv2d:
    """Return the convolution on cells that equals `conv` on pixels.

    Args:
        conv: Square kernel of odd width k, treated as padded by ``k // 2``; stride s.
            Not changed.
        cell_in: Cell width of the input, before it is resized.
        cell_out: Cell width of the output.
        upsample: Factor of the nearest resize between the input and `conv`.

    Returns:
        A convolution of stride 1 without padding, with a kernel of odd width; it reads
        ``kernel // 2`` cells around the picture, which the caller adds.

    Raises:
        ValueError: input and output cells do not cover the same area.
    """
    stride, (width, _) = int(conv.stride[0]), conv.kernel_size
    if cell_in * upsample != stride * cell_out:
        raise ValueError(
            f"cells: expected {cell_in} x {upsample} = {stride} x {cell_out} pixels"
        )
    taps = [
        (
            out,
            kernel,
            *divmod((stride * out + kernel - width // 2) // upsample, cell_in),
        )
        for out in range(cell_out)
        for kernel in range(width)
    ]
    reach = max(abs(cell) for _, _, cell, _ in taps)
    outputs, inputs = conv.out_channels, conv.in_channels
    weight = conv.weight.new_zeros(
        cell_out, cell_out, outputs, cell_in, cell_in, inputs, *[2 * reach + 1] * 2
    )
    old = conv.weight.detach()
    for oy, ky, cy, iy in taps:
        for ox, kx, cx, ix in taps:
            weight[oy, ox, :, iy, ix, :, cy + reach, cx + reach] += old[:, :, ky, kx]
    return _conv(weight.flatten(3, 5).flatten(0, 2), conv.bias, repeats=cell_out**2)


def without_bias(conv: nn.Conv2d) -> nn.Conv2d:
    """Return a copy without bias, which a following instance norm would remove."""
    copy = nn.Conv2d(
        conv.in_channels,
        conv.out_channels,
        (conv.kernel_size[0], conv.kernel_size[1]),
        stride=(conv.stride[0], conv.stride[1]),
        padding=conv.padding,  # type: ignore[arg-type]  # a pair, from a Conv2d
        bias=False,
    )
    copy.weight.data.copy_(conv.weight)
    return copy


class CellNorm(nn.Module):
    """Instance norm of one picture in cells, with statistics in fp32.

    Its parameters stay in fp32 when the network is converted to fp16; the output has
    the type of the input.
    """

    def __init__(self, weight: Tensor, bias: Tensor, *, eps: float = 1e-5) -> None:
        """Take scale and shift, ``(C,)`` each."""
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(weight.detach().float().clone())
        self.bias = nn.Parameter(bias.detach().float().clone())

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(1, f * f * C, h, w)`` normalised over cells and their pixels."""
        _, c, h, w = x.shape
        rows = x.permute(0, 2, 3, 1).reshape(-1, len(self.weight))
        # batch norm over the rows of one picture is instance norm
        normed = F.batch_norm(
            rows, None, None, self.weight, self.bias, training=True, eps=self.eps
        )
        return normed.reshape(1, h, w, c).permute(0, 3, 1, 2)


def in_precision(module: nn.Module, dtype: torch.dtype) -> nn.Module:
    """Convert all but the norms to `dtype`, channels last, in place; return it."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            part.to(dtype).to(memory_format=torch.channels_last)
    return module


def _conv(weight: Tensor, bias: Tensor | None, *, repeats: int) -> nn.Conv2d:
    outputs, inputs, width = weight.shape[:3]
    conv = nn.Conv2d(inputs, outputs, width, bias=bias is not None)
    conv.weight.data.copy_(weight)
    if bias is not None and conv.bias is not None:
        conv.bias.data.copy_(bias.detach().repeat(repeats))
    return conv
