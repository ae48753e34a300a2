"""VGG-16 and VGG-19 as measuring instruments: features of named ReLU layers."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from rtstyle_train.errors import ConfigError, TrainError

CONVS_PER_STAGE = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class VggFeatures(nn.Module):
    """The convolutions of a VGG up to the deepest layer that is asked for.

    Frozen: its weights get no gradient. Layers are named ``relu1_1`` ... ``relu5_4``.
    """

    def __init__(self, convs: dict[str, nn.Conv2d], *, reflect: bool) -> None:
        super().__init__()
        self.convs = nn.ModuleDict(convs)
        self.widen: dict[str, Tensor] = {}
        """Upper triangles for `losses.gram.style_loss`, for narrow networks."""
        self.reflect = reflect
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.zeros(1, 3, 1, 1))
        self.register_buffer("std", torch.ones(1, 3, 1, 1))
        self.requires_grad_(False)

    def forward(self, pixels: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        """Return the features of `layers`.

        Args:
            pixels: RGB, shape ``(N, 3, H, W)``, 0..1.
            layers: Names such as ``relu3_1``.

        Returns:
            One tensor ``(N, C, h, w)`` for each layer, in the network's own type.

        Raises:
            ConfigError: the network has no such layer.
        """
        wanted = set(layers)
        self.check(wanted)
        weight = next(iter(self.convs.values())).weight
        assert isinstance(weight, Tensor)
        x = ((pixels - self.mean) / self.std).to(weight.dtype)
        x = x.contiguous(memory_format=torch.channels_last)
        found: dict[str, Tensor] = {}
        for name, layer in self.convs.items():
            if name == "conv0":
                x = layer(x)
                continue
            if name.endswith("_1") and name != "conv1_1":
                x = F.max_pool2d(x, 2)
            x = F.relu(self._padded(layer, x))
            relu = name.replace("conv", "relu")
            if relu in wanted:
                found[relu] = x
                if len(found) == len(wanted):
                    break
        return found

    def check(self, layers: Iterable[str]) -> None:
        """Raise `ConfigError` when a layer is not there."""
        known = [name.replace("conv", "relu") for name in self.convs if name != "conv0"]
        for layer in layers:
            if layer not in known:
                raise ConfigError(
                    f"loss network: expected layers among {', '.join(known)}, "
                    f"got {layer!r}"
                )

    def _padded(self, layer: nn.Module, x: Tensor) -> Tensor:
        padded = reflect_by_one(x) if self.reflect else F.pad(x, (1, 1, 1, 1))
        features: Tensor = layer(padded)
        return features


class _ReflectByOne(torch.autograd.Function):
    """Padding whose backward pass adds four lines instead of every pixel.

    torch's own gathers gradients by atomic additions, which in bfloat16 took most of a
    training step on a GPU, and it leaves channels_last.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        # lines of (W + 2) pixels of C numbers: channels_last, filled once
        wide = x.new_empty(n, h + 2, w + 2, c).permute(0, 3, 1, 2)
        wide[:, :, 1:-1, 1:-1] = x
        wide[:, :, 1:-1, 0], wide[:, :, 1:-1, -1] = x[..., 1], x[..., -2]
        wide[:, :, 0], wide[:, :, -1] = wide[:, :, 2], wide[:, :, -3]
        return wide

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        wide = grads[0]
        grad = wide[:, :, 1:-1, 1:-1].clone()
        for line, outer in ((1, 0), (-2, -1)):
            grad[:, :, line] += wide[:, :, outer, 1:-1]
            grad[..., line] += wide[:, :, 1:-1, outer]
            for column, beside in ((1, 0), (-2, -1)):
                grad[:, :, line, column] += wide[:, :, outer, beside]
        return grad


def reflect_by_one(x: Tensor) -> Tensor:
    """Return `x` with its second line and column repeated outside the first.

    Args:
        x: Shape ``(N, C, H, W)``, at least 2 pixels to a side.

    Returns:
        Shape ``(N, C, H + 2, W + 2)``, as ``F.pad(x, (1, 1, 1, 1), mode="reflect")``.
    """
    padded: Tensor = _ReflectByOne.apply(x)
    return padded


def load_loss_network(
    name: Literal["vgg16", "vgg19"] = "vgg16", *, weights: Path | None = None
) -> VggFeatures:
    """Load a loss network.

    Args:
        name: Which VGG; a local file that reaches beyond relu3_3 says so itself.
        weights: A local safetensors file, in torchvision's layout
            (``features.0.weight``) or in the normalised one (``conv1_1.weight``,
            with ``conv0`` as the input scaling). None downloads torchvision's.

    Raises:
        TrainError: the file is missing or of no known layout, or the download failed.
    """
    if weights is None:
        return _from_torchvision(_download(name), name)
    try:
        tensors = load_file(weights)
    except (OSError, SafetensorError) as error:
        raise TrainError(
            f"{weights}: expected a safetensors file with VGG weights, got {error}"
        ) from error
    if "conv1_1.weight" in tensors:
        return _from_normalised(tensors)
    if "features.0.weight" in tensors:
        return _from_torchvision(tensors, _kind_of(tensors) or name)
    raise TrainError(
        f"{weights}: expected keys features.0.weight or conv1_1.weight, "
        f"got {', '.join(sorted(tensors)[:3])}"
    )


def _kind_of(tensors: dict[str, Tensor]) -> str | None:
    """Return which VGG a file in torchvision's layout holds.

    None where it ends before the two differ: with the third convolution of stage 3.
    """
    if "features.17.weight" in tensors:  # the first of stage 4
        return "vgg16"
    return "vgg19" if "features.16.weight" in tensors else None


def _download(name: str) -> dict[str, Tensor]:
    import torchvision

    try:
        network = torchvision.models.get_model(name, weights="IMAGENET1K_V1")
    except (OSError, RuntimeError) as error:
        raise TrainError(
            f"{name}: the weights could not be downloaded ({error}); "
            "give a local file with --loss-weights FILE.safetensors"
        ) from error
    tensors: dict[str, Tensor] = network.state_dict()
    return tensors


def _conv(weight: Tensor, bias: Tensor) -> nn.Conv2d:
    layer = nn.Conv2d(weight.shape[1], weight.shape[0], weight.shape[2])
    layer.weight = nn.Parameter(weight.float())
    layer.bias = nn.Parameter(bias.float())
    return layer


def _from_torchvision(tensors: dict[str, Tensor], name: str) -> VggFeatures:
    convs: dict[str, nn.Conv2d] = {}
    index = 0
    for stage, count in enumerate(CONVS_PER_STAGE[name], start=1):
        for number in range(1, count + 1):
            key = f"features.{index}"
            if f"{key}.weight" in tensors:
                convs[f"conv{stage}_{number}"] = _conv(
                    tensors[f"{key}.weight"], tensors[f"{key}.bias"]
                )
            index += 2
        index += 1
    network = VggFeatures(convs, reflect=False)
    network.mean = torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1)
    network.std = torch.tensor(IMAGENET_STD).view(1, 3, 1, 1)
    return network


def _from_normalised(tensors: dict[str, Tensor]) -> VggFeatures:
    names = sorted(
        key.removesuffix(".weight")
        for key in tensors
        if key.endswith(".weight") and not key.endswith("_to_vgg.weight")
    )
    convs = {n: _conv(tensors[f"{n}.weight"], tensors[f"{n}.bias"]) for n in names}
    network = VggFeatures(convs, reflect=True)
    for name in names:
        wide = tensors.get(f"{name}_to_vgg.weight")
        if wide is not None:
            bias = tensors[f"{name}_to_vgg.bias"]
            affine = torch.cat([wide.flatten(1), bias[:, None]], dim=1)
            triangle = torch.linalg.qr(affine.double()).R.float()
            network.widen[name.replace("conv", "relu")] = triangle
    return network
