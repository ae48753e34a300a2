"""Content, Gram and total-variation loss against slow references."""

from dataclasses import replace

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from rtstyle_train.config.image import TrainConfig
from rtstyle_train.losses.content import content_loss, structure_loss
from rtstyle_train.losses.gram import (
    batch_means,
    covariance_loss,
    gram_matrix,
    gram_matrix_with_mean,
    style_loss,
)
from rtstyle_train.losses.grid import grid_loss
from rtstyle_train.losses.perceptual import PerceptualLoss
from rtstyle_train.losses.total_variation import range_loss, total_variation
from tests.train.tiny_vgg import tiny_vgg

SEEDS = st.integers(0, 10_000)


def features(seed: int, *shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


@given(SEEDS)
@settings(max_examples=20)
def test_a_gram_matrix_is_symmetric_and_positive_semi_definite(seed: int) -> None:
    gram = gram_matrix(features(seed, 2, 5, 3, 4))
    torch.testing.assert_close(gram, gram.transpose(1, 2))
    assert torch.linalg.eigvalsh(gram).min() > -1e-9


def test_a_gram_matrix_is_what_the_formula_says() -> None:
    x = features(1, 1, 3, 2, 5)
    wanted = torch.zeros(3, 3, dtype=torch.float64)
    for i in range(3):
        for j in range(3):
            wanted[i, j] = sum(
                x[0, i, r, c] * x[0, j, r, c] for r in range(2) for c in range(5)
            )
    torch.testing.assert_close(gram_matrix(x)[0], wanted / 10)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_narrow_features_lose_nothing_but_their_own_digits(
    layout: torch.memory_format,
) -> None:
    x = features(20, 2, 16, 24, 24).to(torch.bfloat16).contiguous(memory_format=layout)
    target = gram_matrix_with_mean(features(21, 2, 16, 24, 24)).float()
    found, wanted = x.clone().requires_grad_(), x.float().requires_grad_()
    (of_found,) = torch.autograd.grad(
        style_loss(gram_matrix_with_mean(found), target), found
    )
    flat = wanted.flatten(2)
    gram, mean = flat @ flat.mT / 576, flat.mean(dim=2, keepdim=True)
    rows = torch.cat([gram, mean.mT], dim=1), torch.cat([mean, target[:, -1:, -1:]], 1)
    (of_wanted,) = torch.autograd.grad(
        style_loss(torch.cat(rows, dim=2), target), wanted
    )
    torch.testing.assert_close(gram_matrix(x), gram.detach(), rtol=1e-4, atol=1e-4)
    assert of_found.dtype == torch.bfloat16
    assert (of_found.float() - of_wanted).norm() < 0.01 * of_wanted.norm()


def test_content_loss_is_what_the_formula_says() -> None:
    x, y = features(22, 2, 3, 4, 5), features(23, 2, 3, 4, 5)
    wanted = ((x - y) ** 2).mean() / y.var(correction=0)
    torch.testing.assert_close(content_loss(x, y), wanted)


def test_structure_does_not_see_colour_and_contrast() -> None:
    x, y = features(25, 2, 3, 8, 9), features(26, 2, 3, 8, 9)
    recoloured = 3 * x + torch.arange(3.0)[:, None, None]
    assert structure_loss(recoloured, x) < 1e-5
    assert 1.5 < structure_loss(x, y) < 2.5, "2 for what has nothing in common"
    assert structure_loss(torch.zeros_like(x), x) == pytest.approx(1, abs=0.01)


def test_a_gram_matrix_does_not_depend_on_the_size_of_the_picture() -> None:
    x = features(2, 1, 3, 4, 6)
    torch.testing.assert_close(gram_matrix(x), gram_matrix(x.repeat(1, 1, 2, 3)))


def test_the_mean_row_holds_the_channel_means() -> None:
    x = features(3, 2, 3, 4, 5)
    gram = gram_matrix_with_mean(x)
    torch.testing.assert_close(gram[:, :3, 3], x.mean(dim=(2, 3)))
    torch.testing.assert_close(gram[:, 3, :3], x.mean(dim=(2, 3)))
    assert (gram[:, 3, 3] == 1).all()


def test_the_widened_loss_is_the_loss_of_the_wide_features() -> None:
    narrow, other = features(4, 1, 3, 4, 5), features(5, 1, 3, 4, 5)
    wide_map, bias = features(6, 7, 3), features(7, 7)
    triangle = torch.linalg.qr(torch.cat([wide_map, bias[:, None]], dim=1)).R

    def widened(x: torch.Tensor) -> torch.Tensor:
        wide = torch.einsum("wc,nchv->nwhv", wide_map, x)
        return gram_matrix(wide + bias[None, :, None, None])

    wanted = style_loss(widened(narrow), widened(other))
    grams = gram_matrix_with_mean(narrow), gram_matrix_with_mean(other)
    torch.testing.assert_close(style_loss(*grams, triangle), wanted)


def test_covariance_and_means_count_alike_and_may_be_widened() -> None:
    narrow, other = features(4, 2, 3, 4, 5), features(5, 2, 3, 4, 5)
    wide_map, bias = features(6, 7, 3), features(7, 7)
    triangle = torch.linalg.qr(torch.cat([wide_map, bias[:, None]], dim=1)).R
    wide = [
        (torch.einsum("wc,nchv->nwhv", wide_map, x) + bias[None, :, None, None])
        .flatten(2)
        .double()
        for x in (narrow, other)
    ]
    parts = [
        (torch.stack([torch.cov(rows, correction=0) for rows in x]), x.mean(dim=2))
        for x in wide
    ]
    wanted = 0.0
    for one, target in zip(*parts, strict=True):
        far, all_of_it = ((t.flatten(1) ** 2).sum(1) for t in (one - target, target))
        wanted += float((far / all_of_it).mean()) / 2
    grams = gram_matrix_with_mean(narrow), gram_matrix_with_mean(other)
    found = covariance_loss(*grams, triangle)
    assert float(found) == pytest.approx(wanted, rel=1e-4)
    assert covariance_loss(grams[0], grams[0]) == 0
    black = gram_matrix_with_mean(torch.zeros_like(narrow))
    assert float(covariance_loss(black, grams[1])) == pytest.approx(1.0)


def test_the_average_colour_is_no_style() -> None:
    painting = 0.8 + 0.1 * features(9, 1, 3, 16, 16).float()
    plain = painting.mean(dim=(2, 3), keepdim=True).expand_as(painting)
    pair = gram_matrix_with_mean(plain), gram_matrix_with_mean(painting)
    assert float(style_loss(*pair)) < 0.01
    assert float(covariance_loss(*pair)) == pytest.approx(0.5, abs=1e-3)


def test_pictures_of_one_style_share_their_mean_matrix() -> None:
    grams = gram_matrix_with_mean(features(24, 3, 3, 4, 5))
    found = batch_means(grams, torch.tensor([4, 0, 4]))
    torch.testing.assert_close(found[0], (grams[0] + grams[2]) / 2)
    torch.testing.assert_close(found[2], found[0])
    torch.testing.assert_close(found[1], grams[1])


def test_equal_features_cost_nothing_and_black_costs_one() -> None:
    x = features(8, 2, 3, 4, 5)
    gram = gram_matrix(x)
    assert style_loss(gram, gram) == 0
    torch.testing.assert_close(
        style_loss(torch.zeros_like(gram), gram), torch.tensor(1.0, dtype=torch.float64)
    )
    assert content_loss(x, x) == 0


def test_content_loss_does_not_depend_on_the_scale_of_the_features() -> None:
    x, y = features(9, 2, 3, 4, 5), features(10, 2, 3, 4, 5)
    torch.testing.assert_close(content_loss(x, y), content_loss(58 * x, 58 * y))


def test_total_variation_is_what_the_formula_says() -> None:
    x = features(11, 1, 2, 3, 4)
    across = [
        (x[0, k, r, c + 1] - x[0, k, r, c]) ** 2
        for k in range(2)
        for r in range(3)
        for c in range(3)
    ]
    down = [
        (x[0, k, r + 1, c] - x[0, k, r, c]) ** 2
        for k in range(2)
        for r in range(2)
        for c in range(4)
    ]
    wanted = sum(across) / len(across) + sum(down) / len(down)
    torch.testing.assert_close(total_variation(x), wanted)
    assert total_variation(torch.ones(1, 3, 5, 5)) == 0


def test_only_what_leaves_the_range_costs() -> None:
    assert range_loss(torch.tensor([0.0, 0.5, 1.0])) == 0
    assert range_loss(torch.tensor([-0.5, 1.5])) == pytest.approx(0.25)


def test_gradients_are_right() -> None:
    x = features(12, 1, 3, 4, 4).requires_grad_()
    target = gram_matrix_with_mean(features(13, 1, 3, 4, 4))

    def loss(value: torch.Tensor) -> torch.Tensor:
        terms = style_loss(gram_matrix_with_mean(value), target), total_variation(value)
        return terms[0] + terms[1] + range_loss(value)

    assert torch.autograd.gradcheck(loss, (x,))


def test_a_grid_costs_its_amplitude_wherever_it_begins() -> None:
    columns = torch.arange(64)
    for period, energy in ((2, 0.04), (4, 0.01)):  # 0.2 squared; a quarter of it
        picture = (0.2 * torch.cos(2 * torch.pi * columns / period)).expand(
            1, 3, 64, 64
        )
        assert grid_loss(picture) == pytest.approx(energy, rel=0.01)
        moved = picture.roll(1, dims=3)
        torch.testing.assert_close(grid_loss(picture), grid_loss(moved))


def test_hatching_and_dots_are_grids_too() -> None:
    line = torch.arange(64)
    down, across = line[:, None], line
    hatching = [0.2 * torch.cos(torch.pi / 2 * (down + k * across)) for k in (-1, 1, 2)]
    hatching.append(0.2 * torch.cos(torch.pi / 2 * (2 * down + across)))
    dots = ((down % 4 == 0) & (across % 4 == 0)).float()
    for picture in (*hatching, dots):
        # all energy but that of the mean, half of a wave's in each square
        energy = (picture - picture.mean()).square().mean()
        found = grid_loss(picture.expand(1, 3, 64, 64))
        assert 0.49 * energy < found < 1.01 * energy


def test_a_gradient_and_an_edge_are_no_grid() -> None:
    ramp = torch.linspace(0, 1, 64).expand(1, 3, 64, 64)
    edge = (ramp > 0.3).float()
    assert grid_loss(ramp) < 5e-4
    assert grid_loss(edge) < 1e-2


def test_a_coarse_scale_sees_the_size_of_areas() -> None:
    """Checks of 2 pixels have the colours of checks of 16, but not from afar."""
    line = torch.arange(64)
    fine, areas = (
        ((line[:, None] // width + line // width) % 2).float().expand(1, 3, 64, 64)
        for width in (2, 16)
    )
    style, content = torch.zeros(1, dtype=torch.long), torch.rand(1, 3, 64, 64)
    found = {}
    for scales in ((1,), (1, 4)):
        config = TrainConfig(scales=scales, style_layers=("relu1_1",))
        loss = PerceptualLoss(
            replace(config, loss_precision="fp32"), tiny_vgg(), [areas]
        )
        found[scales] = [float(loss(x, content, style)["style"]) for x in (areas, fine)]
    assert found[(1, 4)][0] == pytest.approx(0, abs=1e-6)
    assert found[(1, 4)][1] > 2 * found[(1,)][1]


def test_tone_is_where_areas_are_light_and_dark_whatever_their_colour() -> None:
    left = (torch.arange(64) < 32).float().expand(1, 1, 64, 64)
    grey = left.expand(1, 3, 64, 64)
    red, green, blue = torch.eye(3)[:, None, :, None, None]
    yellow_on_blue = left * (red + green) + (1 - left) * blue
    style = torch.zeros(1, dtype=torch.long)
    config = TrainConfig(
        content_layers=("relu1_2",),
        style_layers=("relu1_1",),
        tone_weight=3.0,
        loss_precision="fp32",
    )
    loss = PerceptualLoss(config, tiny_vgg(), [torch.rand(1, 3, 64, 64)])
    assert float(loss(yellow_on_blue, grey, style)["tone"]) < 0.01
    assert float(loss(1 - yellow_on_blue, grey, style)["tone"]) > 11
    alone = PerceptualLoss(replace(config, scales=(1,)), tiny_vgg(), [grey])
    assert "tone" not in alone(grey, grey, style)
