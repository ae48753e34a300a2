"""Teachers and students: a VGG-19, and a narrow one that is to see the same."""

from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from rtstyle_train.errors import ConfigError, TrainError
from rtstyle_train.loss_networks import (
    CONVS_PER_STAGE,
    VggFeatures,
    load_loss_network,
)

LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
"""At which a student is to see what its teacher sees."""
WIDTHS = (16, 32, 64, 128, 128)
"""Channels of a student's stages: a quarter of VGG-19's, and less in the last."""

SPREAD = 0.25
"""Standard deviation of pixels, 0..1, about."""


class Student(nn.Module):
    """A narrow VGG-19 and maps of 1x1 from its features to those of a wide one.

    Source:
        Wang et al. 2020, "Collaborative Distillation for Ultra-Resolution Universal
        Style Transfer", section 3.2: linear maps between unequal widths.
    """

    def __init__(
        self, *, wide: dict[str, int], conv0: nn.Conv2d, widths: Sequence[int] = WIDTHS
    ) -> None:
        """Make one of random weights.

        Args:
            wide: The teacher's channels by layer; the deepest ends the student.
            conv0: The teacher's input scaling, which is kept.
            widths: Channels of each stage.
        """
        super().__init__()
        convs = {"conv0": conv0}
        inputs, last = 3, max(wide)
        for name, width in _names(last, widths):
            convs[name] = conv = nn.Conv2d(inputs, width, 3)
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
            inputs = width
        with torch.no_grad():  # what comes in then varies by about 1
            convs["conv1_1"].weight /= SPREAD * conv0.weight.abs().max()
        self.vgg = VggFeatures(convs, reflect=True).requires_grad_(True)
        conv0.requires_grad_(False)
        stages = {name: widths[int(name[len("relu")]) - 1] for name in wide}
        self.maps = nn.ModuleDict(
            {name: nn.Conv2d(stages[name], wide[name], 1) for name in wide}
        )

    def forward(self, pixels: Tensor) -> dict[str, Tensor]:
        """Return by layer what the teacher is held to see, ``(N, C, h, w)``.

        Args:
            pixels: RGB, shape ``(N, 3, H, W)``, 0..1.
        """
        seen = self.vgg(pixels, self.maps)
        return {name: layer(seen[name]) for name, layer in self.maps.items()}


class Teacher(nn.Module):
    """The wide features of a VGG-19, of two files where none has all of them."""

    def __init__(self, vgg: VggFeatures, deep: "Mapped | None" = None) -> None:
        super().__init__()
        self.vgg, self.deep = vgg, deep
        known = {name.replace("conv", "relu") for name in vgg.convs}
        self.layers = [name for name in LAYERS if name in known]
        self.deep_layers = [n for n in LAYERS if deep and n not in known]

    @torch.no_grad()
    def forward(self, pixels: Tensor) -> dict[str, Tensor]:
        """Return the features by layer, ``(N, C, h, w)``.

        Args:
            pixels: RGB, shape ``(N, 3, H, W)``, 0..1.
        """
        found: dict[str, Tensor] = self.vgg(pixels, self.layers)
        if self.deep is not None:
            found = found | self.deep(pixels, self.deep_layers)
        return found

    @property
    def widths(self) -> dict[str, int]:
        """Return the channels of each layer."""
        seen = self(torch.zeros(1, 3, 64, 64))
        return {name: features.shape[1] for name, features in seen.items()}


class Mapped(nn.Module):
    """A narrow loss network from a file that holds maps to wide features, too."""

    def __init__(self, path: Path) -> None:
        """Read both.

        Raises:
            TrainError: the file holds none.
        """
        super().__init__()
        self.vgg = load_loss_network("vgg19", weights=path)
        tensors = load_file(path)
        self.maps = nn.ModuleDict()
        for layer in LAYERS:
            name = layer.replace("relu", "conv") + "_to_vgg"
            if f"{name}.weight" in tensors:
                weight = tensors[f"{name}.weight"].float()
                conv = nn.Conv2d(weight.shape[1], weight.shape[0], 1)
                conv.weight = nn.Parameter(weight)
                conv.bias = nn.Parameter(tensors[f"{name}.bias"].float())
                self.maps[layer] = conv
        if not self.maps:
            raise TrainError(
                f"{path}: expected maps such as conv4_1_to_vgg.weight, got none; give "
                "a network that was distilled"
            )

    def forward(
        self, pixels: Tensor, layers: Sequence[str] = LAYERS
    ) -> dict[str, Tensor]:
        """Return the wide features of `layers`, ``(N, C, h, w)``."""
        missing = [name for name in layers if name not in self.maps]
        if missing:
            raise ConfigError(f"deep teacher: has no {missing[0]}")
        seen = self.vgg(pixels, layers)
        return {name: self.maps[name](seen[name]) for name in layers}


def write_loss_network(path: Path, student: Student) -> None:
    """Write what `load_loss_network` reads: the normalised layout with its maps.

    In float16, but for the input scaling, whose numbers are large.
    """
    tensors = {
        f"{name}.{kind}": value
        for name, conv in student.vgg.convs.items()
        for kind, value in conv.state_dict().items()
    }
    for layer, conv in student.maps.items():
        name = layer.replace("relu", "conv") + "_to_vgg"
        tensors |= {f"{name}.{kind}": v for kind, v in conv.state_dict().items()}
    half = {
        name: value if name.startswith("conv0.") else value.half()
        for name, value in tensors.items()
    }
    save_file({n: v.detach().contiguous() for n, v in half.items()}, path)


def scaling_of(vgg: VggFeatures) -> nn.Conv2d:
    """Return a loss network's input scaling as a 1x1 convolution of its own."""
    conv = nn.Conv2d(3, 3, 1)
    assert conv.bias is not None
    with torch.no_grad():
        if "conv0" in vgg.convs:
            conv.load_state_dict(vgg.convs["conv0"].state_dict())
        else:
            scale = 1.0 / vgg.std.flatten()
            conv.weight.copy_(torch.diag(scale)[:, :, None, None])
            conv.bias.copy_(-vgg.mean.flatten() * scale)
    return conv


def _names(last: str, widths: Sequence[int]) -> list[tuple[str, int]]:
    """Return the convolutions up to the one before `last`, and their widths."""
    found = []
    for stage, count in enumerate(CONVS_PER_STAGE["vgg19"], start=1):
        for number in range(1, count + 1):
            name = f"conv{stage}_{number}"
            found.append((name, widths[stage - 1]))
            if name == last.replace("relu", "conv"):
                return found
    raise ConfigError(f"layers: expected one of VGG-19, got {last}")
