"""Write a preview of a network for any painting with a few paintings."""

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rtstyle_train.data.content_images import (
    ContentImages,
    load_style_image,
)
from rtstyle_train.data.preview import NUM_PHOTOS, write_columns
from rtstyle_train.data.style_pictures import painting_paths

NUM_STYLES = 7
"""Number of columns beside the photographs."""
STYLE_SIDE = 384
"""Short side of the paintings that the network sees, in pixels."""


def preview_styles(folders: Sequence[Path], *, first: Sequence[str]) -> list[Tensor]:
    """Read the paintings of a preview.

    Args:
        folders: Of the training's paintings.
        first: File names without suffix that come first: those held out.

    Returns:
        RGB tensors ``(1, 3, H, W)``, 0..1.
    """
    found = [path for folder in folders for path in painting_paths(folder)]
    paths = sorted(found, key=lambda path: path.stem not in first)
    return [load_style_image(p, short_side=STYLE_SIDE) for p in paths[:NUM_STYLES]]


@torch.no_grad()
def write_adain_preview(
    path: Path, network: nn.Module, photos: ContentImages, styles: Sequence[Tensor]
) -> None:
    """Write a PNG with a column for each painting and photographs in its style below.

    Args:
        path: Replaced only when the new picture is complete.
        network: Takes photographs and paintings; on the CPU.
        photos: Source of the rows; always the same photographs.
        styles: From `preview_styles`.
    """
    content = photos.batch(NUM_PHOTOS, seed=0, step=0)
    side = content.shape[-1]
    columns = [torch.cat([torch.ones_like(content[:1]), content])]
    for style in styles:
        small = F.interpolate(style, size=(side, side), mode="area")
        stylized = network(content, style.expand(NUM_PHOTOS, -1, -1, -1))
        columns.append(torch.cat([small, stylized.clamp(0, 1)]))
    write_columns(path, columns)
