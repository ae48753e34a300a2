"""MicroAST, a peer that takes any painting, as far as running it needs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

from rtstyle.networks.adain import Moments, adain, feature_moments
from rtstyle.networks.transform_net import TransformNet

PARTS = ("content_encoder", "style_encoder", "modulator", "decoder")
"""Files of the trained network, each ``microast_PART.safetensors``."""


class Conv(nn.Module):
    """Convolution with reflection padding by half its kernel."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        *,
        stride: int = 1,
        groups: int = 1,
    ) -> None:
        super().__init__()
        self.padding = kernel // 2
        self.conv_layer = nn.Conv2d(inputs, outputs, kernel, stride, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        """Return features; height and width over the stride."""
        if self.padding:
            x = F.pad(x, [self.padding] * 4, mode="reflect")
        features: Tensor = self.conv_layer(x)
        return features


class Residual(nn.Module):
    """Two convolutions, whose filters a painting may modulate, plus the input."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = Conv(64, 64, 3), Conv(64, 64, 3)

    def forward(
        self, x: Tensor, weight: Tensor | None = None, bias: Tensor | None = None
    ) -> Tensor:
        """Return features of the shape of `x`."""
        if weight is None or bias is None:
            plain: Tensor = x + self.conv2(F.relu(self.conv1(x)))
            return plain
        y = F.relu(weight * self.conv1(x) + bias * x)
        modulated: Tensor = x + (weight * self.conv2(y) + bias * y)
        return modulated


class Encoder(nn.Module):
    """A picture to features at a quarter of its size, of two depths."""

    def __init__(self) -> None:
        super().__init__()
        self.enc1 = nn.Sequential(
            Conv(3, 16, 9),
            nn.ReLU(),
            Conv(16, 32, 3, stride=2, groups=16),
            nn.ReLU(),
            Conv(32, 32, 1),
            nn.ReLU(),
            Conv(32, 64, 3, stride=2, groups=32),
            nn.ReLU(),
            Conv(64, 64, 1),
            nn.ReLU(),
            Residual(),
        )
        self.enc2 = nn.Sequential(Residual())

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Return both features, shape ``(N, 64, H / 4, W / 4)`` each."""
        shallow = self.enc1(pixels)
        return shallow, self.enc2(shallow)


class Modulator(nn.Module):
    """Features of a painting to factors for the decoder's filters."""

    def __init__(self) -> None:
        super().__init__()
        for name in ("weight1", "bias1", "weight2", "bias2"):
            setattr(self, name, nn.Sequential(Conv(64, 64, 3, groups=64)))

    def forward(self, name: str, features: Tensor) -> Tensor:
        """Return one factor for each channel, shape ``(N, 64, 1, 1)``."""
        factors: Tensor = self.get_submodule(name)(features)
        return factors.mean(dim=(2, 3), keepdim=True)


class Decoder(nn.Module):
    """Two modulated blocks with AdaIN before each, then the picture."""

    def __init__(self) -> None:
        super().__init__()
        self.dec1, self.dec2 = Residual(), Residual()
        double = nn.Upsample(scale_factor=2, mode="bilinear")
        self.dec3 = nn.Sequential(
            double,
            Conv(64, 32, 3, groups=32),
            nn.ReLU(),
            Conv(32, 32, 1),
            nn.ReLU(),
            double,
            Conv(32, 16, 3, groups=16),
            nn.ReLU(),
            Conv(16, 16, 1),
            nn.ReLU(),
            Conv(16, 3, 9),
        )


@dataclass(frozen=True, slots=True)
class Signals:
    """What MicroAST takes from a painting, shallow and deep."""

    moments: tuple[Moments, Moments]
    """For AdaIN."""
    weights: tuple[Tensor, Tensor]
    """Factors of the convolutions' results."""
    biases: tuple[Tensor, Tensor]
    """Factors of their inputs."""


class Microast(TransformNet):
    """The network with one painting's signals: RGB in, RGB out.

    Source:
        Wang et al. 2023, "MicroAST: Towards Super-Fast Ultra-Resolution Arbitrary
        Style Transfer"; deviations are biased here, which changes nothing that shows.
    """

    def __init__(self) -> None:
        super().__init__()
        self.content_encoder, self.style_encoder = Encoder(), Encoder()
        self.modulator, self.decoder = Modulator(), Decoder()
        self.signals: Signals | None = None

    @property
    def multiple(self) -> int:
        return 4

    def take(self, painting: Tensor) -> None:
        """Look at a painting, RGB ``(1, 3, h, w)``, 0..1, once for all frames."""
        with torch.no_grad():
            features = self.style_encoder(painting)
            shallow, deep = features
            self.signals = Signals(
                (feature_moments(shallow), feature_moments(deep)),
                (self.modulator("weight1", shallow), self.modulator("weight2", deep)),
                (self.modulator("bias1", shallow), self.modulator("bias2", deep)),
            )

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the stylized picture; height and width multiples of 4."""
        signals = self.signals
        assert signals is not None, "no painting was taken"
        _, x = self.content_encoder(pixels)
        for block, depth in ((self.decoder.dec1, 1), (self.decoder.dec2, 0)):
            x = adain(x, signals.moments[depth])
            x = block(x, signals.weights[depth], signals.biases[depth])
        stylized: Tensor = self.decoder.dec3(x)
        return stylized


def load_microast(folder: Path) -> Microast:
    """Read the peer's weights from the folder of peers."""
    network = Microast()
    for part in PARTS:
        tensors = load_file(folder / f"microast_{part}.safetensors")
        network.get_submodule(part).load_state_dict(
            {name: value.float() for name, value in tensors.items()}
        )
    return network.eval()


def count_macs(network: nn.Module, example: Sequence[Tensor]) -> int:
    """Return the multiplications of all convolutions in one forward pass."""
    total = 0

    def add(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        weight = module.weight
        assert isinstance(weight, Tensor)
        total += output[0, 0].numel() * weight.numel()

    hooks = [
        module.register_forward_hook(add)
        for module in network.modules()
        if isinstance(module, nn.Conv2d)
    ]
    with torch.no_grad():
        network(*example)
    for hook in hooks:
        hook.remove()
    return total
