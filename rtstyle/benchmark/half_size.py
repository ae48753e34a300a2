"""What it costs a picture that the network sees fewer lines than there are."""

from dataclasses import dataclass, replace

import numpy as np

from rtstyle.metrics.psnr import psnr_db
from rtstyle.metrics.structure import ssim
from rtstyle.metrics.texture import texture_distance
from rtstyle.stylizer.stylizer import Stylizer
from rtstyle_streams.frame import Pixels


@dataclass(frozen=True, slots=True)
class HalfSize:
    """Pictures of ``--height N`` beside those of the whole size."""

    work_height: int
    """N: lines that the network saw."""
    num_frames: int
    """Frames of the built-in scene, or photographs."""
    psnr_db: float
    """Against the network at the whole size, over all frames."""
    ssim: float
    """Likewise, mean of the frames."""
    texture_distance: float
    """How far the textures are from those of the whole size, as a share: see
    `texture_distance`."""


def compare_half_size(stylizer: Stylizer, frames: list[Pixels]) -> HalfSize:
    """Stylize frames at their whole size and as `stylizer` is told to.

    Args:
        stylizer: With `Controls.height` set; left as it was.
        frames: RGB, ``(H, W, 3)``, uint8; at least one.
    """
    told = stylizer.controls
    assert told.height is not None and frames
    errors, likeness, distance = [], [], []
    try:
        for frame in frames:
            stylizer.controls = replace(told, smooth="off")
            small = stylizer(frame)
            stylizer.controls = replace(told, smooth="off", height=None)
            large = stylizer(frame)
            errors.append(np.mean((small.astype(np.float64) - large) ** 2))
            likeness.append(ssim(small, large))
            distance.append(texture_distance(large, small))
    finally:
        stylizer.controls = told
    return HalfSize(
        work_height=told.height,
        num_frames=len(frames),
        psnr_db=psnr_db(float(np.mean(errors))),
        ssim=float(np.mean(likeness)),
        texture_distance=float(np.mean(distance)),
    )
