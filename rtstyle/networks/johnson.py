"""Define the transform net of Johnson et al. 2016, as in pytorch/examples."""

import torch.nn.functional as F
from torch import Tensor, nn

from rtstyle.networks.transform_net import TransformNet


class ReflectConv(nn.Module):
    """Convolution with reflection padding by half its kernel; may upsample first."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        kernel: int,
        stride: int = 1,
        upsample: int = 1,
    ) -> None:
        super().__init__()
        self.upsample = upsample
        self.padding = kernel // 2
        self.conv2d = nn.Conv2d(inputs, outputs, kernel, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Return features; height and width times `upsample`, divided by the stride."""
        if self.upsample > 1:
            x = F.interpolate(x, scale_factor=float(self.upsample), mode="nearest")
        padded = F.pad(x, [self.padding] * 4, mode="reflect")
        features: Tensor = self.conv2d(padded)
        return features


class JohnsonBlock(nn.Module):
    """conv, norm, ReLU, conv, norm, plus the input; no ReLU after the sum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = ReflectConv(channels, channels, kernel=3)
        self.in1 = nn.InstanceNorm2d(channels, affine=True)
        self.conv2 = ReflectConv(channels, channels, kernel=3)
        self.in2 = nn.InstanceNorm2d(channels, affine=True)

    def forward(self, x: Tensor) -> Tensor:
        """Return features of the shape of `x`."""
        y: Tensor = self.in2(self.conv2(F.relu(self.in1(self.conv1(x)))))
        return x + y


class JohnsonNet(TransformNet):
    """``c9s1-32, d64, d128, R128 x 5, u64, u32, c9s1-3`` with instance norm.

    The state dict has the keys of pytorch/examples, so that its checkpoints load.

    Source:
        Johnson et al. 2016, supplement, table 1; nearest upsampling and RGB 0..255
        as in pytorch/examples `fast_neural_style`.
    """

    def __init__(self, *, width: int = 32) -> None:
        super().__init__()
        w = width
        self.width = width
        self.conv1 = ReflectConv(3, w, kernel=9)
        self.in1 = nn.InstanceNorm2d(w, affine=True)
        self.conv2 = ReflectConv(w, 2 * w, kernel=3, stride=2)
        self.in2 = nn.InstanceNorm2d(2 * w, affine=True)
        self.conv3 = ReflectConv(2 * w, 4 * w, kernel=3, stride=2)
        self.in3 = nn.InstanceNorm2d(4 * w, affine=True)
        self.res1, self.res2, self.res3, self.res4, self.res5 = (
            JohnsonBlock(4 * w) for _ in range(5)
        )
        self.deconv1 = ReflectConv(4 * w, 2 * w, kernel=3, upsample=2)
        self.in4 = nn.InstanceNorm2d(2 * w, affine=True)
        self.deconv2 = ReflectConv(2 * w, w, kernel=3, upsample=2)
        self.in5 = nn.InstanceNorm2d(w, affine=True)
        self.deconv3 = ReflectConv(w, 3, kernel=9)

    @property
    def multiple(self) -> int:
        """Return 4: two halvings; height and width must be multiples of it."""
        return 4

    def forward(self, pixels: Tensor, style: Tensor | None = None) -> Tensor:
        """Stylize a batch.

        Args:
            pixels: RGB, shape ``(N, 3, H, W)``, float, 0..1; H and W multiples of 4.
            style: Ignored; part of the signature that all transform nets share.

        Returns:
            RGB, shape ``(N, 3, H, W)``, float, about 0..1, not clamped.
        """
        x = F.relu(self.in1(self.conv1(pixels * 255.0)))
        x = F.relu(self.in2(self.conv2(x)))
        x = F.relu(self.in3(self.conv3(x)))
        for block in (self.res1, self.res2, self.res3, self.res4, self.res5):
            x = block(x)
        x = F.relu(self.in4(self.deconv1(x)))
        x = F.relu(self.in5(self.deconv2(x)))
        stylized: Tensor = self.deconv3(x) / 255.0
        return stylized

    @classmethod
    def from_state_dict(cls, tensors: dict[str, Tensor]) -> "JohnsonNet":
        """Build the network of a pytorch/examples state dict.

        Args:
            tensors: Its tensors, of any float type; ``running_mean`` and
                ``running_var`` (from before PyTorch 0.4) are ignored.

        Raises:
            ValueError: a tensor is missing, left over or of another shape.
        """
        kept = {
            name: value.float()
            for name, value in tensors.items()
            if not name.endswith(("running_mean", "running_var", "num_batches_tracked"))
        }
        first = kept.get("conv1.conv2d.weight")
        if first is None or first.dim() != 4:
            raise ValueError(
                "not a pytorch/examples transform net: "
                "expected a tensor conv1.conv2d.weight of four dimensions"
            )
        network = cls(width=first.shape[0])
        try:
            network.load_state_dict(kept)
        except RuntimeError as error:
            text = " ".join(str(error).split())
            raise ValueError(f"not a pytorch/examples transform net: {text}") from error
        return network.eval()
