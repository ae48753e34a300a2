"""Write a preview of what a network has learnt of a film's painting."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from rtstyle.networks.pixels import to_batch
from rtstyle.networks.swift import stylize_padded
from rtstyle.networks.transform_net import TransformNet
from rtstyle_streams.frame import Pixels
from rtstyle_train.data.film_frames import LearntFrame
from rtstyle_train.data.preview import write_columns

WIDTH = 320
"""Of a frame in a preview, in pixels."""


@torch.no_grad()
def write_frames_preview(
    path: Path,
    network: TransformNet,
    painted: Sequence[LearntFrame],
    others: Sequence[LearntFrame],
) -> None:
    """Write a PNG with three rows: a painted frame, an early one and a late one.

    The columns are the frame, its painting (or what was carried there) and what the
    network makes of it.

    Args:
        path: Replaced only when the new picture is complete.
        network: A transform net on the CPU.
        painted: Painted frames, at least one.
        others: Other frames; may be none.
    """
    rows = [painted[0], *([others[0], others[-1]] if others else [])]
    size = _size(painted[0].content)
    sheets = [
        torch.cat([_small(x, size) for x in (row.content, row.painted)]) for row in rows
    ]
    stylized = torch.cat(
        [_small_tensor(stylized_frame(network, row.content), size) for row in rows]
    )
    content, paintings = (
        torch.stack([sheet[column] for sheet in sheets]) for column in (0, 1)
    )
    write_columns(path, [content, paintings, stylized])


def stylized_frame(network: TransformNet, frame: Pixels) -> Tensor:
    """Return what a network makes of a whole frame, as in use.

    Args:
        network: On the CPU.
        frame: RGB, shape ``(H, W, 3)``, uint8.

    Returns:
        RGB, shape ``(1, 3, H, W)``, 0..1.
    """
    height, width = frame.shape[:2]
    down, right = -height % network.multiple, -width % network.multiple
    whole = np.pad(frame, ((0, down), (0, right), (0, 0)), mode="edge")
    stylized = stylize_padded(network, to_batch(whole), None, padding=network.padding)
    return stylized[:, :, :height, :width].clamp(0, 1)


def _size(frame: Pixels) -> tuple[int, int]:
    height, width = frame.shape[:2]
    return WIDTH, max(1, round(height * WIDTH / width))


def _small(picture: Pixels, size: tuple[int, int]) -> Tensor:
    resized = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return to_batch(np.asarray(resized, np.uint8))


def _small_tensor(picture: Tensor, size: tuple[int, int]) -> Tensor:
    return torch.nn.functional.interpolate(
        picture, (size[1], size[0]), mode="bilinear", antialias=True
    ).clamp(0, 1)
