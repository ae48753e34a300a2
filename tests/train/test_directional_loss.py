import math

import pytest
import torch
from torch import Tensor

from rtstyle_train.losses.directional import (
    directional_distances,
    directional_loss,
    text_direction,
)


def randn(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def unit(values: list[float]) -> list[float]:
    length = math.sqrt(sum(value * value for value in values))
    return [value / length for value in values]


def slow_distance(stylized: Tensor, content: Tensor, direction: Tensor) -> float:
    a, b = unit(stylized.tolist()), unit(content.tolist())
    moved = unit([x - y for x, y in zip(a, b, strict=True)])
    way = unit(direction.tolist())
    return 1.0 - sum(x * y for x, y in zip(moved, way, strict=True))


def test_distances_are_those_of_the_formula() -> None:
    stylized, content, direction = randn(4, 7), randn(4, 7, seed=1), randn(7, seed=2)
    fast = directional_distances(stylized, content, direction)
    slow = [
        slow_distance(s, c, direction) for s, c in zip(stylized, content, strict=True)
    ]
    assert fast.tolist() == pytest.approx(slow, abs=1e-12)
    assert directional_loss(stylized, content, direction).item() == pytest.approx(
        sum(slow) / 4
    )


def test_text_direction_averages_before_it_normalises() -> None:
    target, source = 3 * randn(5, 7).abs(), randn(5, 7, seed=1)
    t = torch.tensor(unit(target.mean(dim=0).tolist()), dtype=torch.float64)
    s = torch.tensor(unit(source.mean(dim=0).tolist()), dtype=torch.float64)
    expected = unit((t - s).tolist())
    assert text_direction(target, source).tolist() == pytest.approx(expected)


def test_text_direction_of_equal_texts_is_zero() -> None:
    assert (text_direction(randn(3, 7), randn(3, 7)) == 0).all()


def test_loss_is_zero_along_the_direction_and_two_against_it() -> None:
    content = torch.tensor([[1.0, 0.0, 0.0]])
    stylized = torch.tensor([[0.0, 1.0, 0.0]])
    direction = stylized[0] - content[0]
    assert directional_loss(stylized, content, direction).item() == pytest.approx(
        0, abs=1e-6
    )
    assert directional_loss(stylized, content, -direction).item() == pytest.approx(2)


def test_lengths_of_embeddings_do_not_count() -> None:
    stylized, content, direction = randn(4, 7), randn(4, 7, seed=1), randn(7, seed=2)
    torch.testing.assert_close(
        directional_loss(5 * stylized, 0.1 * content, 3 * direction),
        directional_loss(stylized, content, direction),
    )


def test_directional_loss_has_the_right_gradient() -> None:
    stylized = randn(2, 5).requires_grad_()
    content, direction = randn(2, 5, seed=1), randn(5, seed=2)
    assert torch.autograd.gradcheck(
        lambda x: directional_loss(x, content, direction), stylized
    )
