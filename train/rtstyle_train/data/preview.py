"""Write a preview of what a network has learnt so far."""

import logging
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from rtstyle.networks.swift import stylize_padded
from rtstyle.networks.transform_net import TransformNet
from rtstyle_streams.errors import StreamError
from rtstyle_streams.frame import Frame
from rtstyle_streams.pictures.images import ImageSink
from rtstyle_train.data.content_images import ContentImages

log = logging.getLogger(__name__)

NUM_PHOTOS = 3
"""Number of rows in a preview."""


@torch.no_grad()
def write_preview(
    path: Path, network: TransformNet, photos: ContentImages, num_styles: int
) -> None:
    """Write a PNG with a row for each photograph and a column for each style.

    Args:
        path: Replaced only when the new picture is complete.
        network: A transform net on the CPU.
        photos: Source of the rows; always the same photographs.
        num_styles: Number of columns after the photograph itself.
    """
    padding = network.padding
    content = photos.batch(NUM_PHOTOS, seed=0, step=0)
    columns = [content]
    for style in range(max(1, num_styles)):
        rows = torch.full((NUM_PHOTOS,), style, dtype=torch.int64)
        stylized = stylize_padded(network, content, rows, padding=padding)
        columns.append(stylized.clamp(0, 1))
    write_columns(path, columns)


def write_columns(path: Path, columns: Sequence[Tensor]) -> None:
    """Write pictures as a PNG; if that fails, log a warning and continue.

    Args:
        path: Replaced only when the new picture is complete.
        columns: From left to right, each RGB, shape ``(N, 3, H, W)``, 0..1, with its
            pictures from top to bottom.
    """
    sheet = torch.cat(list(columns), dim=3).permute(0, 2, 3, 1).flatten(0, 1)
    pixels = (sheet.numpy() * 255.0).round().astype(np.uint8)
    try:
        with ImageSink(path, overwrite=True) as sink:
            sink.write(Frame(pixels, pts=0, time_base=Fraction(1), index=0))
    except StreamError as error:
        log.warning("no preview: %s", error)
