"""Teachers: what paints one frame for the training, and all of them for comparison."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors.torch import load_file

from rtstyle.networks import JohnsonNet
from rtstyle.networks.pixels import to_batch, to_pixels
from rtstyle.stylizer.stylizer import Stylizer
from rtstyle_streams.frame import Pixels

Paint = Callable[[Pixels], Pixels]
"""From a frame to its painting, RGB, shape ``(H, W, 3)``, uint8."""


def teacher(spec: str) -> Paint:
    """Return a teacher.

    Args:
        spec: ``posterised`` (ink lines over flat areas, by code), a ``.safetensors``
            file of a Johnson network, or a style's name.
    """
    if spec == "posterised":
        return posterised
    if spec.endswith(".safetensors"):
        return johnson(Path(spec))
    return Stylizer(spec, precision="fp32")


def johnson(path: Path) -> Paint:
    """Return what a Johnson network of a file makes of frames."""
    tensors = {name: value.float() for name, value in load_file(path).items()}
    network = JohnsonNet.from_state_dict(tensors).eval()

    def paint(frame: Pixels) -> Pixels:
        with torch.inference_mode():
            return to_pixels(network(to_batch(frame)))

    return paint


def posterised(frame: Pixels) -> Pixels:
    """Paint flat areas in few warm colours, with dark lines along edges."""
    smooth = cv2.bilateralFilter(cv2.medianBlur(frame, 7), 9, 60, 9)
    luma = cv2.cvtColor(smooth, cv2.COLOR_RGB2GRAY)
    steps = np.digitize(luma, (50, 95, 140, 190))
    colours = np.array(
        [(40, 20, 70), (150, 40, 80), (230, 110, 60), (250, 190, 90), (255, 245, 205)],
        np.uint8,
    )
    flat = cv2.addWeighted(colours[steps], 0.75, smooth, 0.25, 0)
    lines = cv2.adaptiveThreshold(
        luma, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, 9, 6
    )
    return np.asarray(np.where(lines[..., None] > 0, flat, flat // 4), np.uint8)
