"""Paint by exchanging patches of features for a painting's: closed form."""

import torch
import torch.nn.functional as F
from torch import Tensor

from rtstyle_train.errors import TrainError
from rtstyle_train.methods.autoencoders import Autoencoder, to_multiple

PATCH = 3
"""Side of a patch, in places of the features."""
MOST_SCORES = 1 << 24
"""Correlations that are in memory at a time: 64 MB."""


def swap_patches(content: Tensor, style: Tensor, *, patch: int = PATCH) -> Tensor:
    """Replace each patch of the content by the style's most similar one.

    Similar is what has the highest normalised correlation; where patches overlap, the
    result is their mean.

    Args:
        content: Shape ``(1, C, H, W)``, sides of at least `patch`.
        style: Shape ``(1, C, h, w)``, likewise.
        patch: Side of the patches; they begin at every place.

    Returns:
        Shape ``(1, C, H, W)``, a new tensor.

    Raises:
        TrainError: one of both is smaller than a patch.

    Source:
        Chen and Schmidt 2016, "Fast Patch-based Style Transfer of Arbitrary Style",
        section 3.1, equations 1 and 2. Both sides are searched in parts.
    """
    if min(*content.shape[-2:], *style.shape[-2:]) < patch:
        raise TrainError(
            f"style swap: expected features of at least {patch}x{patch} places, got "
            f"{content.shape[-1]}x{content.shape[-2]} and "
            f"{style.shape[-1]}x{style.shape[-2]}"
        )
    patches = F.unfold(style, patch)[0].T
    filters = F.normalize(patches, dim=1)
    wanted = F.unfold(content, patch)[0]
    part = max(1, MOST_SCORES // len(patches))
    chosen = [
        (filters @ wanted[:, start : start + part]).argmax(dim=0)
        for start in range(0, wanted.shape[1], part)
    ]
    found = patches[torch.cat(chosen)].T[None]
    size = (content.shape[-2], content.shape[-1])
    counts = F.fold(torch.ones_like(found[:, : patch * patch]), size, patch)
    return F.fold(found, size, patch) / counts


class StyleSwap:
    """Paints pictures with one painting's patches."""

    def __init__(self, network: Autoencoder, painting: Tensor) -> None:
        """Measure the painting.

        Args:
            network: Of relu3_1 in the paper.
            painting: RGB, shape ``(1, 3, H, W)``, 0..1.

        Raises:
            TrainError: the painting is too small.
        """
        self.network = network
        with torch.no_grad():
            self.style = network.encode(to_multiple(painting, 1))

    @torch.no_grad()
    def __call__(self, pixels: Tensor) -> Tensor:
        """Return the painted picture.

        Args:
            pixels: RGB, shape ``(1, 3, H, W)``, 0..1; not changed.

        Returns:
            RGB, same shape, 0..1.

        Raises:
            TrainError: it is too small.
        """
        height, width = pixels.shape[-2:]
        features = self.network.encode(to_multiple(pixels, self.network.stride))
        swapped = swap_patches(features, self.style)
        return self.network.decode(swapped).clamp(0, 1)[:, :, :height, :width]
