import pytest
import torch

from rtstyle_train.config.text import TextConfig
from rtstyle_train.methods.single_image import (
    SingleImageConfig,
    StyleUNet,
    learning_rate,
    norm_variation,
)


def test_the_u_net_keeps_size_and_range_of_pictures_that_are_not_square() -> None:
    torch.manual_seed(0)
    network = StyleUNet()
    stylized = network(torch.rand(1, 3, 40, 56))
    assert stylized.shape == (1, 3, 40, 56)
    assert 0 < stylized.min() and stylized.max() < 1
    # counted by hand from StyleNet.py with 16 channels
    assert sum(p.numel() for p in network.parameters()) == 615_267


def test_norm_variation_is_four_lengths_of_differences() -> None:
    x = torch.rand(2, 3, 5, 7, generator=torch.Generator().manual_seed(0))
    slow = torch.zeros(())
    for down, right in ((0, 1), (1, 0), (1, -1), (1, 1)):
        total = torch.zeros(())
        for i in range(5 - down):
            for j in range(7):
                if 0 <= j + right < 7:
                    step = x[:, :, i, j] - x[:, :, i + down, j + right]
                    total = total + step.square().sum()
        slow = slow + total.sqrt()
    torch.testing.assert_close(norm_variation(x), slow)
    assert norm_variation(torch.ones(1, 3, 4, 4)) == 0


def test_norm_variation_has_the_right_gradient() -> None:
    x = torch.rand(1, 2, 3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(norm_variation, x)


def test_the_learning_rate_is_halved_by_a_scheduler_that_steps_first() -> None:
    config = SingleImageConfig()
    rates = [learning_rate(config, step) for step in (0, 98, 99, 198, 199, 200)]
    assert rates == pytest.approx([5e-4, 5e-4, 2.5e-4, 2.5e-4, 1.25e-4, 1.25e-4])
    optimizer = torch.optim.Adam([torch.zeros(1, requires_grad=True)], lr=5e-4)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 100, 0.5)
    for step in range(201):
        optimizer.step()
        scheduler.step()
        assert learning_rate(config, step) == optimizer.param_groups[0]["lr"]


def test_settings_are_the_papers_but_for_what_was_named() -> None:
    config = TextConfig("oil", content_layers=("relu4_1",))
    found = SingleImageConfig.of(config, {"steps": 5, "seed": None})
    assert (found.steps, found.seed, found.patch_weight) == (5, 1234, 9000.0)
    assert found.content_layers == ("relu4_1",)
    assert found.tv_weight == 2e-3
