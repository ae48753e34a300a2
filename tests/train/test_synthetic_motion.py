"""Pairs from stills: the flow is exact, the mask is true, the amounts are small."""

import pytest
import torch
from torch import Tensor

from rtstyle_train.data.motion import inside, luminance, warp
from rtstyle_train.data.synthetic_motion import (
    NOISE,
    draw_motion,
    make_pair,
    smooth_flow,
)


def photos(seed: int = 0, *, height: int = 40, width: int = 56) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(6, 3, height, width, generator=generator)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def slow_warp(prev: Tensor, flow: Tensor) -> Tensor:
    """Bilinear sampling, pixel by pixel, with repeated edges."""
    n, _, height, width = prev.shape
    out = torch.zeros_like(prev)
    for i in range(n):
        for y in range(height):
            for x in range(width):
                sx = min(max(x + float(flow[i, 0, y, x]), 0.0), width - 1.0)
                sy = min(max(y + float(flow[i, 1, y, x]), 0.0), height - 1.0)
                x0, y0 = int(sx), int(sy)
                x1, y1 = min(x0 + 1, width - 1), min(y0 + 1, height - 1)
                fx, fy = sx - x0, sy - y0
                top = (1 - fx) * prev[i, :, y0, x0] + fx * prev[i, :, y0, x1]
                low = (1 - fx) * prev[i, :, y1, x0] + fx * prev[i, :, y1, x1]
                out[i, :, y, x] = (1 - fy) * top + fy * low
    return out


def test_warp_equals_slow_bilinear_sampling() -> None:
    prev = photos(height=9, width=13)[:2].double()
    flow = 4 * torch.randn(2, 2, 9, 13, generator=seeded(), dtype=torch.float64)
    torch.testing.assert_close(warp(prev, flow), slow_warp(prev, flow))


def test_zero_flow_warps_to_itself() -> None:
    prev = photos()
    torch.testing.assert_close(warp(prev, torch.zeros(6, 2, 40, 56)), prev)


def test_whole_pixel_flow_looks_up_the_pixel_it_names() -> None:
    prev = photos()
    flow = torch.zeros(6, 2, 40, 56)
    flow[:, 0], flow[:, 1] = 3, -2
    torch.testing.assert_close(warp(prev, flow)[..., 2:, :-3], prev[..., :-2, 3:])


def test_inside_marks_what_came_from_outside() -> None:
    flow = torch.zeros(1, 2, 5, 7)
    flow[:, 0] = 3
    mask = inside(flow)
    assert mask.shape == (1, 1, 5, 7)
    assert (mask[..., :4] == 1).all() and (mask[..., 4:] == 0).all()


def test_a_pair_differs_from_the_moved_picture_by_light_and_noise_only() -> None:
    pair = make_pair(photos(), seeded())
    moved = warp(pair.prev, pair.flow_cur_to_prev)
    light = luminance(pair.cur - moved) - pair.luminance_change
    assert light.abs().max() < 5 * NOISE
    assert light.std() < NOISE
    assert pair.luminance_change.abs().max() <= 0.05 + 1e-6


def test_a_pair_is_decided_by_its_generator() -> None:
    first, again = make_pair(photos(), seeded(3)), make_pair(photos(), seeded(3))
    other = make_pair(photos(), seeded(4))
    assert torch.equal(first.cur, again.cur)
    assert not torch.equal(first.cur, other.cur)


def test_a_pair_leaves_the_photographs_as_they_were() -> None:
    images = photos()
    pair = make_pair(images, seeded())
    assert torch.equal(images, photos()) and pair.prev is images
    assert pair.cur.shape == images.shape and pair.cur.dtype == images.dtype
    assert pair.cur.min() >= 0 and pair.cur.max() <= 1
    assert not pair.cur.requires_grad


@pytest.mark.parametrize("seed", range(5))
def test_motion_never_folds_so_that_nothing_hides_anything(seed: int) -> None:
    flow = smooth_flow(draw_motion(6, seeded(seed)), height=96, width=128)
    along_x = torch.diff(flow, dim=3)[:, :, :-1]
    along_y = torch.diff(flow, dim=2)[..., :-1]
    a, b = 1 + along_x[:, 0], along_y[:, 0]
    c, d = along_x[:, 1], 1 + along_y[:, 1]
    assert (a * d - b * c).min() > 0.3, "the map must keep its orientation"


def test_motion_ranges_from_still_to_a_few_percent_of_the_side() -> None:
    flow = smooth_flow(draw_motion(64, seeded()), height=100, width=100)
    largest = flow.norm(dim=1).amax((1, 2))
    assert largest.min() < 0.5
    assert 5 < largest.max() < 25
