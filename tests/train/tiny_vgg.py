"""Loss networks of a few channels, made from a seed."""

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from rtstyle_train.loss_networks import VggFeatures

CONVS = ("1_1", "1_2", "2_1", "2_2", "3_1", "3_2", "4_1", "4_2", "5_1")


def tiny_convs(*, channels: int = 4, bias: float = 0.0) -> dict[str, nn.Conv2d]:
    generator = torch.Generator().manual_seed(7)
    convs = {}
    inputs = 3
    for name in CONVS:
        conv = nn.Conv2d(inputs, channels, 3)
        weight = torch.randn(conv.weight.shape, generator=generator)
        conv.weight = nn.Parameter(weight * (2.0 / (9 * inputs)) ** 0.5)
        conv.bias = nn.Parameter(torch.full((channels,), bias))
        convs[f"conv{name}"] = conv
        inputs = channels
    return convs


def tiny_vgg() -> VggFeatures:
    return VggFeatures(tiny_convs(), reflect=True)


def write_tiny_vgg(path: Path) -> Path:
    tensors = {
        f"{name}.{kind}": value.detach().contiguous()
        for name, conv in tiny_convs(bias=0.1).items()
        for kind, value in conv.named_parameters()
    }
    save_file(tensors, path)
    return path
