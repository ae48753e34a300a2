"""Cut random views of stylized pictures; compute the directional loss of poor ones."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from rtstyle_train.config.text import THRESHOLD
from rtstyle_train.losses.directional import directional_distances

DISTORTION = 0.5
"""Largest inward shift of a patch's corners, as a share of half its side."""


@dataclass(frozen=True, slots=True)
class Patches:
    """Views of a batch, and the picture of each view."""

    pixels: Tensor
    """RGB, shape ``(M, 3, S, S)``, 0..1, black outside the distorted patch."""
    owner: Tensor
    """Row of the batch that each view shows, shape ``(M,)``, int64."""


def patch_loss(
    stylized: Tensor,
    content: Tensor,
    direction: Tensor,
    *,
    threshold: float = THRESHOLD,
) -> Tensor:
    """Return the mean directional distance of patches, counting good ones as zero.

    Args:
        stylized: Embeddings of the patches, ``(M, D)``.
        content: Plain embeddings of each patch's whole content image, ``(M, D)``.
        direction: From `text_direction`, ``(D,)``.
        threshold: τ; distances below it become 0 and get no gradient.

    Returns:
        A scalar, the mean over all M patches, zeros included.

    Source:
        CLIPstyler (Kwon and Ye 2022), equations 3 and 4; the condition follows its
        code, which leaves out the patches that are already good.
    """
    distances = directional_distances(stylized, content, direction)
    return torch.where(distances < threshold, 0.0, distances).mean()


def random_patches(
    images: Tensor,
    *,
    num_patches: int,
    crop_size: int,
    size: int,
    generator: torch.Generator,
    distortion: float = DISTORTION,
) -> Patches:
    """Cut random squares, distort each by a random perspective, and resize them.

    Args:
        images: RGB, shape ``(N, 3, H, W)``, 0..1, H and W at least `crop_size`.
        num_patches: M, for the whole batch; pictures take turns.
        crop_size: Side of the squares, in pixels.
        size: Side of the views, in pixels.
        generator: A CPU generator; the views depend on nothing else.
        distortion: Largest inward shift of corners, as a share of half a side, 0..1.

    Source:
        CLIPstyler (Kwon and Ye 2022), section 3.2: random crop, then torchvision's
        RandomPerspective(0.5, p=1, fill=0), then a bilinear resize.
    """
    n, _, height, width = images.shape
    owner = torch.arange(num_patches) % n
    tops = torch.randint(height - crop_size + 1, (num_patches,), generator=generator)
    lefts = torch.randint(width - crop_size + 1, (num_patches,), generator=generator)
    squares = _crops(images, owner, tops, lefts, crop_size)
    corners = random_corners(num_patches, crop_size, distortion, generator)
    distorted = perspective(squares, corners)
    views = F.interpolate(
        distorted, (size, size), mode="bilinear", align_corners=False, antialias=True
    )
    return Patches(views, owner.to(images.device))


def _crops(
    images: Tensor, owner: Tensor, tops: Tensor, lefts: Tensor, side: int
) -> Tensor:
    """Return squares of pictures, ``(M, C, side, side)``, in one operation.

    Separate slices would take a dozen GPU launches each, forward and backward.
    """
    steps = torch.arange(side)
    rows = owner.view(-1, 1, 1).to(images.device)
    lines = (tops[:, None] + steps).unsqueeze(2).to(images.device)
    columns = (lefts[:, None] + steps).unsqueeze(1).to(images.device)
    squares: Tensor = images.permute(0, 2, 3, 1)[rows, lines, columns]
    return squares.permute(0, 3, 1, 2).contiguous()


def random_corners(
    count: int, side: int, distortion: float, generator: torch.Generator
) -> Tensor:
    """Draw random new corners of squares.

    Returns:
        Shape ``(count, 4, 2)``, float64: (x, y) of top left, top right, bottom right
        and bottom left, in pixels from the first pixel's centre.
    """
    reach = int(distortion * (side // 2))
    inwards = torch.randint(reach + 1, (count, 4, 2), generator=generator).double()
    start = _square(side)
    sign = torch.where(start > 0, -1.0, 1.0)
    return start + sign * inwards


def perspective(squares: Tensor, corners: Tensor) -> Tensor:
    """Warp each square so that its corners move to `corners`.

    Args:
        squares: Shape ``(M, C, S, S)``, any float type.
        corners: Shape ``(M, 4, 2)``, as from `random_corners`.

    Returns:
        Shape ``(M, C, S, S)``; 0 outside.

    Source:
        ``torchvision.transforms.functional.perspective`` (bilinear, fill 0), for a
        whole batch at once.
    """
    side = squares.shape[-1]
    a, b, c, d, e, f, g, h = _homography(corners, _square(side)).unbind(1)
    line = torch.arange(side, dtype=torch.float64) + 0.5
    x, y = line[None, None, :], line[None, :, None]
    shape = (-1, 1, 1)
    below = g.view(shape) * x + h.view(shape) * y + 1.0
    across = (a.view(shape) * x + b.view(shape) * y + c.view(shape)) / below
    down = (d.view(shape) * x + e.view(shape) * y + f.view(shape)) / below
    grid = (torch.stack([across, down], dim=3) * 2.0 / side - 1.0).to(squares)
    sampled = F.grid_sample(squares, grid, padding_mode="zeros", align_corners=False)
    ones = torch.ones_like(squares[:, :1])
    inside = F.grid_sample(ones, grid, padding_mode="zeros", align_corners=False)
    return sampled * inside


def _square(side: int) -> Tensor:
    """Return the corners of a square of `side` pixels, ``(4, 2)``."""
    last = float(side - 1)
    corners = [[0.0, 0.0], [last, 0.0], [last, last], [0.0, last]]
    return torch.tensor(corners, dtype=torch.float64)


def _homography(corners: Tensor, square: Tensor) -> Tensor:
    """Return the eight numbers that map `corners` to `square`, shape ``(M, 8)``."""
    x, y = corners.unbind(2)
    one, zero = torch.ones_like(x), torch.zeros_like(x)
    u, v = square[:, 0].expand_as(x), square[:, 1].expand_as(x)
    across = torch.stack([x, y, one, zero, zero, zero, -u * x, -u * y], dim=2)
    down = torch.stack([zero, zero, zero, x, y, one, -v * x, -v * y], dim=2)
    system, target = torch.cat([across, down], dim=1), torch.cat([u, v], dim=1)
    solution: Tensor = torch.linalg.solve(system, target)
    return solution
