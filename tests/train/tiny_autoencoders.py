"""Encoders and decoders of a few channels, made from a seed."""

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

CHANNELS = {"1": 3, "2": 4, "3": 5}
NAMES = {1: ["11"], 2: ["11", "12", "21"], 3: ["11", "12", "21", "22", "31"]}


def write_autoencoders(path: Path) -> Path:
    """Write levels 1 to 3; level 1 has a ``conv0`` and an entry that is not read."""
    generator = torch.Generator().manual_seed(5)
    tensors: dict[str, Tensor] = {}

    def add(name: str, outputs: int, inputs: int, side: int = 3) -> None:
        weight = torch.randn(outputs, inputs, side, side, generator=generator)
        tensors[f"{name}.weight"] = weight * (2 / (inputs * side * side)) ** 0.5
        tensors[f"{name}.bias"] = torch.full((outputs,), 0.1)

    for level, names in NAMES.items():
        inputs = 3
        for name in names:
            add(f"encoder{level}.conv{name}", CHANNELS[name[0]], inputs)
            inputs = CHANNELS[name[0]]
        befores = [3, *(CHANNELS[name[0]] for name in names[:-1])]
        for name, outputs in reversed(list(zip(names, befores, strict=True))):
            add(f"decoder{level}.conv{name}", outputs, CHANNELS[name[0]])
    add("encoder1.conv0", 3, 3, 1)
    tensors["encoder1.conv11_aux.weight"] = torch.zeros(8, 3, 1, 1)
    save_file(tensors, path)
    return path
