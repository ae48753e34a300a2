import math

import pytest
import torch
from torch import Tensor

from rtstyle_train.errors import ConfigError
from rtstyle_train.losses.spectral import (
    BANDS,
    filtered_class_token,
    kept_indices,
    token_weights,
)

GOLDEN = {
    "c1": (0.581774, -0.275268, -0.070397, 0.085668, 0.120405, 0.038905, 0.016473),
    "c2": (0.860551, -0.137258, -0.132937, -0.126605, -0.118434, -0.108648, 0.019764),
    "c3": (0.940039, -0.059803, -0.059488, -0.059017, -0.058393, -0.057617, 0.019961),
}
LENGTHS = {"c1": 0.762741, "c2": 0.927659, "c3": 0.969556}


def dct(tokens: Tensor) -> Tensor:
    """DCT-II along the tokens, from its formula: 2 sum x_n cos(pi k (2n + 1) / 2N)."""
    n = tokens.shape[1]
    rows = [
        2
        * sum(
            tokens[:, m] * math.cos(math.pi * k * (2 * m + 1) / (2 * n))
            for m in range(n)
        )
        for k in range(n)
    ]
    return torch.stack([torch.as_tensor(row) for row in rows], dim=1)


def inverse_dct_at_0(spectrum: Tensor) -> Tensor:
    """Token 0 of the inverse: X_0 / 2N + 1/N sum X_k cos(pi k / 2N)."""
    n = spectrum.shape[1]
    total = spectrum[:, 0] / (2 * n)
    for k in range(1, n):
        total = total + spectrum[:, k] * math.cos(math.pi * k / (2 * n)) / n
    return total


@pytest.mark.parametrize("band", GOLDEN)
def test_token_weights_are_the_golden_ones(band: str) -> None:
    weights = token_weights(band, num_tokens=50)
    found = [*weights[:6].tolist(), weights[49].item()]
    assert found == pytest.approx(GOLDEN[band], abs=1e-6)
    assert weights.norm().item() == pytest.approx(LENGTHS[band], abs=1e-6)


@pytest.mark.parametrize("band", BANDS)
@pytest.mark.parametrize("num_tokens", [50, 197, 257])
def test_weights_sum_to_zero_without_the_constant_coefficient(
    band: str, num_tokens: int
) -> None:
    weights = token_weights(band, num_tokens, dtype=torch.float64)
    assert weights.shape == (num_tokens,)
    assert abs(weights.sum().item()) < 1e-12


@pytest.mark.parametrize("num_tokens", [50, 197, 257])
def test_all_coefficients_kept_leave_the_class_token_as_it_is(num_tokens: int) -> None:
    weights = token_weights(range(50), num_tokens, dtype=torch.float64)
    expected = torch.zeros(num_tokens, dtype=torch.float64)
    expected[0] = 1.0
    torch.testing.assert_close(weights, expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize("band", BANDS)
def test_the_weighted_sum_is_the_dct_path(band: str) -> None:
    tokens = torch.randn(2, 50, 3, generator=torch.Generator().manual_seed(1))
    mask = torch.zeros(50)
    mask[list(BANDS[band])] = 1.0
    slow = inverse_dct_at_0(dct(tokens) * mask[:, None])
    fast = filtered_class_token(tokens, token_weights(band))
    torch.testing.assert_close(fast, slow, atol=1e-5, rtol=0)


def test_bands_for_more_tokens_keep_the_same_share() -> None:
    assert kept_indices("c2", 50) == list(range(4, 50))
    assert kept_indices("c2", 100) == list(range(8, 100))
    assert kept_indices("c2", 197) == list(range(16, 197))
    assert kept_indices("c3", 257) == list(range(11, 257))


def test_filtering_keeps_its_input_and_refuses_unknown_bands() -> None:
    tokens = torch.ones(1, 50, 2)
    torch.testing.assert_close(
        filtered_class_token(tokens, token_weights("c1")),
        torch.zeros(1, 2),
        atol=1e-6,
        rtol=0,
    )
    assert (tokens == 1).all()
    with pytest.raises(ConfigError, match="band: expected c1, c2, c3, got 'c4'"):
        token_weights("c4")


def test_the_filter_has_the_right_gradient() -> None:
    tokens = torch.randn(2, 5, 3, dtype=torch.float64, requires_grad=True)
    weights = token_weights("c3", 5, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: filtered_class_token(x, weights), tokens)
