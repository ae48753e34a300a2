"""Read encoders and decoders: pictures to the features of a VGG-19, and back."""

import re
from collections.abc import Mapping
from pathlib import Path

import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from rtstyle_train.errors import ConfigError, TrainError
from rtstyle_train.loss_networks import CONVS_PER_STAGE, VggFeatures, reflect_by_one

LEVELS = (1, 2, 3, 4, 5)
"""Level K is relu{K}_1."""
LEAST_SIDE = 32
"""Of a picture, in pixels: relu5_1 then has 2 of them, which padding needs."""
_NAME = re.compile(r"(encoder|decoder)(\d)\.conv(\d)_?(\d)?\.(weight|bias)")


class Autoencoder(nn.Module):
    """An encoder to relu{K}_1 and the decoder that was trained to undo it.

    Source:
        Li et al. 2017, "Universal Style Transfer via Feature Transforms", section 3.1.
    """

    def __init__(
        self,
        level: int,
        encoder: Mapping[str, nn.Conv2d],
        decoder: Mapping[str, nn.Conv2d],
    ) -> None:
        """Put both together.

        Args:
            level: K, 1..5.
            encoder: By name: perhaps ``conv0``, then ``conv1_1`` ... ``conv{K}_1``.
            decoder: By the name of what each undoes, ``conv{K}_1`` ... ``conv1_1``.
        """
        super().__init__()
        self.level = level
        self.layer = f"relu{level}_1"
        self.encoder = VggFeatures(dict(encoder), reflect=True)
        self.decoder = nn.ModuleDict(decoder).requires_grad_(False)

    @property
    def stride(self) -> int:
        """Return how many pixels a place of the features has to a side."""
        return int(2 ** (self.level - 1))

    def encode(self, pixels: Tensor) -> Tensor:
        """Return the features.

        Args:
            pixels: RGB, shape ``(N, 3, H, W)``, 0..1; sides of at least `LEAST_SIDE`.

        Returns:
            Shape ``(N, C, H // stride, W // stride)``.
        """
        seen: Tensor = self.encoder(pixels, [self.layer])[self.layer]
        return seen

    def decode(self, features: Tensor) -> Tensor:
        """Return the picture of features, RGB ``(N, 3, H, W)``, not clamped."""
        x = features
        for name, conv in self.decoder.items():
            x = conv(reflect_by_one(x))
            if name == "conv1_1":
                break
            x = F.relu(x)
            if name.endswith("_1"):
                x = F.interpolate(x, scale_factor=2.0, mode="nearest")
        return x


def read_autoencoders(path: Path) -> dict[int, Autoencoder]:
    """Read the levels that a file holds.

    Args:
        path: A safetensors file with ``encoderK.convSN.weight`` (stage S, number N in
            it), their ``bias``, perhaps ``encoderK.conv0`` as input scaling, and
            ``decoderK.convSN`` for the way back. Other entries are passed over.

    Returns:
        By level, from the lowest.

    Raises:
        TrainError: it is missing or broken, or a level lacks a layer.
    """
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise TrainError(
            f"{path}: expected a safetensors file with encoders and decoders, "
            f"got {error}"
        ) from error
    parts = _by_part(tensors)
    levels = [level for level in LEVELS if ("encoder", level) in parts]
    if not levels:
        raise TrainError(
            f"{path}: expected keys such as encoder3.conv11.weight, "
            f"got {', '.join(sorted(tensors)[:3]) or 'none'}"
        )
    return {level: _autoencoder(path, level, parts) for level in levels}


def level_of(networks: Mapping[int, Autoencoder], level: int) -> Autoencoder:
    """Return one level.

    Raises:
        ConfigError: the file has it not.
    """
    if level not in networks:
        raise ConfigError(
            f"networks: expected an encoder and a decoder of relu{level}_1, got those "
            f"of {', '.join(f'relu{known}_1' for known in networks)}"
        )
    return networks[level]


def to_multiple(pixels: Tensor, multiple: int) -> Tensor:
    """Repeat the last lines and columns until both sides are multiples.

    Raises:
        TrainError: a side has less than `LEAST_SIDE` pixels.
    """
    height, width = pixels.shape[-2:]
    if min(height, width) < LEAST_SIDE:
        raise TrainError(
            f"expected a picture of at least {LEAST_SIDE}x{LEAST_SIDE} pixels, "
            f"got {width}x{height}"
        )
    around = (0, -width % multiple, 0, -height % multiple)
    return F.pad(pixels, around, mode="replicate")


def _by_part(
    tensors: Mapping[str, Tensor],
) -> dict[tuple[str, int], dict[str, dict[str, Tensor]]]:
    """Return weights and biases by part and level, then by convolution."""
    parts: dict[tuple[str, int], dict[str, dict[str, Tensor]]] = {}
    for key, value in tensors.items():
        if match := _NAME.fullmatch(key):
            part, level, stage, number, kind = match.groups()
            name = f"conv{stage}_{number}" if number else f"conv{stage}"
            convs = parts.setdefault((part, int(level)), {})
            convs.setdefault(name, {})[kind] = value.float()
    return parts


def _autoencoder(
    path: Path,
    level: int,
    parts: Mapping[tuple[str, int], Mapping[str, Mapping[str, Tensor]]],
) -> Autoencoder:
    encoder = dict(parts["encoder", level])
    decoder = dict(parts.get(("decoder", level), {}))
    names = _convs_to(level)
    scaling = ["conv0"] if "conv0" in encoder else []
    chain = [("encoder", encoder, [*scaling, *names])]
    chain.append(("decoder", decoder, names[::-1]))
    made: list[dict[str, nn.Conv2d]] = []
    inputs = 3
    for part, found, wanted in chain:
        convs = {}
        for name in wanted:
            conv = _conv(found.get(name, {}), inputs)
            if conv is None:
                place = f"{part}{level}.{name.replace('_', '')}"
                raise TrainError(
                    f"{path}: expected weight and bias of {place} for {inputs} "
                    "channels, got none that fit"
                )
            convs[name], inputs = conv, conv.out_channels
        made.append(convs)
    if inputs != 3:
        raise TrainError(
            f"{path}: expected decoder{level} to end in 3 channels, got {inputs}"
        )
    return Autoencoder(level, *made)


def _conv(found: Mapping[str, Tensor], inputs: int) -> nn.Conv2d | None:
    """Return a convolution, or None if it is not complete or does not fit."""
    weight, bias = found.get("weight"), found.get("bias")
    if weight is None or bias is None or weight.dim() != 4:
        return None
    outputs, wanted, height, width = weight.shape
    if wanted != inputs or height != width or bias.shape != (outputs,):
        return None
    conv = nn.Conv2d(inputs, outputs, height)
    conv.weight, conv.bias = nn.Parameter(weight), nn.Parameter(bias)
    return conv


def _convs_to(level: int) -> list[str]:
    """Return the convolutions of a VGG-19 up to relu{level}_1."""
    names = [
        f"conv{stage}_{number}"
        for stage, count in enumerate(CONVS_PER_STAGE["vgg19"], start=1)
        for number in range(1, count + 1)
    ]
    return names[: names.index(f"conv{level}_1") + 1]
