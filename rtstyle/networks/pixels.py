"""Turn pixels into tensors, and back."""

import numpy as np
import torch
from torch import Tensor

from rtstyle_streams.frame import Pixels


def to_batch(pixels: Pixels) -> Tensor:
    """Return a picture as a batch of one.

    Args:
        pixels: RGB, shape ``(H, W, 3)``, uint8; not changed.

    Returns:
        RGB, shape ``(1, 3, H, W)``, float32, 0..1.
    """
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].float().div(255.0)


def to_pixels(picture: Tensor) -> Pixels:
    """Return the picture of a batch of one as pixels, on the CPU.

    Args:
        picture: RGB, shape ``(1, 3, H, W)``, float; clamped to 0..1.

    Returns:
        RGB, shape ``(H, W, 3)``, uint8, rounded, C-contiguous.
    """
    levels = picture[0].clamp(0, 1).mul(255.0).round().permute(1, 2, 0)
    return np.ascontiguousarray(levels.byte().cpu().numpy())
