"""Compute how far a picture moved in CLIP's space along the direction of two texts."""

import torch.nn.functional as F
from torch import Tensor


def text_direction(target_text: Tensor, source_text: Tensor) -> Tensor:
    """Return the unit vector from one text to another.

    Args:
        target_text: Embeddings of the prompt in every template, ``(T, D)``, as the
            text encoder returns them (not normalised).
        source_text: The same for "a Photo", ``(T, D)``.

    Returns:
        Shape ``(D,)``, length 1; zeros if both texts are the same.

    Source:
        CLIPstyler (Kwon and Ye 2022), equation 1; embeddings are averaged over the
        templates before they are normalised, as in its code. StyleGAN-NADA
        normalises each one first.
    """
    target = F.normalize(target_text.mean(dim=0), dim=0)
    source = F.normalize(source_text.mean(dim=0), dim=0)
    return F.normalize(target - source, dim=0)


def directional_distances(
    stylized: Tensor, content: Tensor, direction: Tensor
) -> Tensor:
    """Return one minus the cosine between each picture's change and the direction.

    Args:
        stylized: Image embeddings of stylized pictures or patches, ``(N, D)``, any
            length; SpectralCLIP's if a band is chosen.
        content: Plain image embeddings of the whole content image of each row,
            ``(N, D)``, any length.
        direction: From `text_direction`, ``(D,)``, or one for each row, ``(N, D)``.

    Returns:
        Shape ``(N,)``, 0..2: 0 along the direction, 1 for an unchanged picture, 2 in
        the opposite direction.

    Source:
        CLIPstyler (Kwon and Ye 2022), equations 1 and 2.
    """
    moved = F.normalize(stylized, dim=1) - F.normalize(content, dim=1)
    ways = F.normalize(direction, dim=-1)
    return 1.0 - (F.normalize(moved, dim=1) * ways).sum(dim=1)


def directional_loss(stylized: Tensor, content: Tensor, direction: Tensor) -> Tensor:
    """Return the mean of `directional_distances`, a scalar."""
    return directional_distances(stylized, content, direction).mean()
