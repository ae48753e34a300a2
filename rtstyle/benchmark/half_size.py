"""Compare pictures whose network saw fewer lines with those of the full size."""

from dataclasses import dataclass, replace

import numpy as np

from rtstyle.metrics.psnr import psnr_db
from rtstyle.metrics.structure import ssim
from rtstyle.metrics.texture import texture_distance
from rtstyle.stylizer.stylizer import Stylizer
from rtstyle_streams.frame import Pixels


@dataclass(frozen=True, slots=True)
class HalfSize:
    """How pictures with ``--height N`` differ from those of the full size."""

    work_height: int
    """N: number of lines that the network saw."""
    num_frames: int
    """Number of frames of the built-in scene, or of photographs."""
    psnr_db: float
    """PSNR against the network at the full size, over all frames."""
    ssim: float
    """SSIM against the same, mean of the frames."""
    texture_distance: float
    """Relative distance of the textures from those of the full size; see
    `texture_distance`."""


def compare_half_size(stylizer: Stylizer, frames: list[Pixels]) -> HalfSize:
    """Stylize frames at their full size and at the height set in `stylizer`.

    Args:
        stylizer: With `Controls.height` set; its controls are restored.
        frames: RGB, ``(H, W, 3)``, uint8; at least one.
    """
    controls = stylizer.controls
    assert controls.height is not None and frames
    errors, likeness, distance = [], [], []
    try:
        for frame in frames:
            stylizer.controls = replace(controls, smooth="off")
            small = stylizer(frame)
            stylizer.controls = replace(controls, smooth="off", height=None)
            large = stylizer(frame)
            errors.append(np.mean((small.astype(np.float64) - large) ** 2))
            likeness.append(ssim(small, large))
            distance.append(texture_distance(large, small))
    finally:
        stylizer.controls = controls
    return HalfSize(
        work_height=controls.height,
        num_frames=len(frames),
        psnr_db=psnr_db(float(np.mean(errors))),
        ssim=float(np.mean(likeness)),
        texture_distance=float(np.mean(distance)),
    )
