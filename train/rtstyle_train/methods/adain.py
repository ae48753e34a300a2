"""Learns AdaIN's decoder: photographs and paintings in, two losses at VGG layers."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from rtstyle.networks.adain import (
    CONVS,
    AdainNet,
    AdainNetConfig,
    adain,
    feature_moments,
)
from rtstyle_train.config.adain import AdainConfig
from rtstyle_train.data.styled_batches import Pictures, StyledBatches
from rtstyle_train.loss_networks import VggFeatures
from rtstyle_train.losses.adain import adain_content_loss, adain_style_loss


def make_adain(recipe: AdainConfig, vgg: VggFeatures) -> AdainNet:
    """Build the network around a VGG, the decoder with weights from the seed.

    Args:
        recipe: Its seed decides the decoder.
        vgg: VGG-19 at least as far as relu4_1, of any width; left as it is.

    Raises:
        ConfigError: it does not reach relu4_1, or is a VGG-16.
    """
    vgg.check([name.replace("conv", "relu") for name in CONVS])
    convs = {name: vgg.convs[name] for name in CONVS}
    heads = [convs[f"conv{stage}_1"].weight for stage in (1, 2, 3, 4)]
    one, two, three, four = (len(weight) for weight in heads)  # type: ignore[arg-type]
    torch.manual_seed(recipe.seed)
    widths = (one, two, three, four)
    network = AdainNet(AdainNetConfig(widths=widths, reflect=vgg.reflect))
    encoder = network.encoder
    for name, conv in convs.items():
        encoder.get_submodule(name).load_state_dict(conv.state_dict())
    if "conv0" in vgg.convs:
        encoder.conv0.load_state_dict(vgg.convs["conv0"].state_dict())
    else:
        assert encoder.conv0.bias is not None
        with torch.no_grad():
            scale = 1.0 / vgg.std.flatten()
            encoder.conv0.weight.copy_(torch.diag(scale)[:, :, None, None])
            encoder.conv0.bias.copy_(-vgg.mean.flatten() * scale)
    return network


class AdainStyle:
    """One step of AdaIN's decoder.

    Source:
        Huang and Belongie 2017, section 6.2, equation 11; weights as in the PyTorch
        port: mean squares, content 1, style 10.
    """

    def __init__(self, recipe: AdainConfig, pictures: Pictures) -> None:
        self.recipe = recipe
        self.batches = StyledBatches(recipe, pictures)

    def begin(self, network: nn.Module, step: int) -> int:
        """Return the phase of training: there is one."""
        return 0

    def inputs(self, *, step: int, rank: int) -> dict[str, Tensor]:
        """Draw a step's pictures, on the CPU."""
        return self.batches.draw(step=step, rank=rank)

    def terms(
        self, network: nn.Module, inputs: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """Return the weighted terms of one step.

        Args:
            network: An `AdainNet`.
            inputs: Of `inputs`, on the network's device.
        """
        content, styles = self.batches.cut(inputs)
        encoder, decoder = (
            network.get_submodule("encoder"),
            network.get_submodule("decoder"),
        )
        with torch.no_grad():
            wanted = encoder(styles)
            target = adain(
                encoder(content)["relu4_1"], feature_moments(wanted["relu4_1"])
            )
        decoded = encoder(decoder(target))
        content_term = adain_content_loss(decoded["relu4_1"], target)
        return {
            "content": self.recipe.content_weight * content_term,
            "style": self.recipe.style_weight * adain_style_loss(decoded, wanted),
        }

    def losses(
        self, network: nn.Module, *, step: int, rank: int, device: torch.device
    ) -> dict[str, Tensor]:
        """Return the weighted terms of one step; the same for the same step."""
        drawn = self.inputs(step=step, rank=rank)
        return self.terms(network, {k: v.to(device) for k, v in drawn.items()})
