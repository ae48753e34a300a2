"""Filter CLIP's class token by a fixed band along the tokens, as in SpectralCLIP.

The paper transforms the 50 tokens of ViT-B/32 by a DCT-II, keeps some coefficients,
transforms back and reads token 0. Together this is one fixed weighted sum of tokens.
"""

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from rtstyle_train.errors import ConfigError

PAPER_TOKENS = 50
"""Number of tokens for which the bands are defined: ViT-B/32 at 224 pixels, with the
class token."""
BANDS: dict[str, tuple[int, ...]] = {
    "c1": (*range(4, 8), *range(16, 50)),
    "c2": tuple(range(4, 50)),
    "c3": tuple(range(2, 50)),
}
"""Coefficients that each band keeps, of 0..49."""


def kept_indices(
    band: str | Iterable[int], num_tokens: int = PAPER_TOKENS
) -> list[int]:
    """Return which DCT coefficients of `num_tokens` tokens a band keeps.

    The paper defines bands only for 50 tokens. Our extension: coefficient k of N is in
    the band of coefficient ``floor(50 k / N)`` of 50.

    Args:
        band: ``c1``, ``c2``, ``c3``, or the coefficients themselves, of 0..49.
        num_tokens: N, class token included.

    Returns:
        Ascending indices of 0..N - 1.

    Raises:
        ConfigError: no band has that name.
    """
    if isinstance(band, str) and band not in BANDS:
        raise ConfigError(f"band: expected {', '.join(BANDS)}, got {band!r}")
    kept = set(BANDS[band] if isinstance(band, str) else band)
    return [k for k in range(num_tokens) if k * PAPER_TOKENS // num_tokens in kept]


def token_weights(
    band: str | Iterable[int],
    num_tokens: int = PAPER_TOKENS,
    *,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Return the weight of each token in the filtered class token.

    ``w_n = sum over kept k of a_k cos(pi k / 2N) cos(pi k (2n + 1) / 2N)`` with
    ``a_0 = 1/N`` and ``a_k = 2/N`` for the others.

    Args:
        band: ``c1``, ``c2``, ``c3``, or the kept coefficients of 0..49.
        num_tokens: N, class token included; values other than 50 are our extension
            (`kept_indices`).
        dtype: Type of the result; it is computed in float64.

    Returns:
        Shape ``(N,)``. The sum is 0 unless coefficient 0 is kept; all coefficients
        kept give 1, 0, 0, ...

    Raises:
        ConfigError: no band has that name.

    Source:
        SpectralCLIP (Xu et al. 2024) and its code: DCT-II along the tokens, the same
        0/1 mask for all channels, inverse DCT, token 0. The closed form is ours.
    """
    kept = torch.tensor(kept_indices(band, num_tokens), dtype=torch.float64)
    scale = (2.0 - (kept == 0).double()) / num_tokens
    first = scale * torch.cos(math.pi * kept / (2 * num_tokens))
    odd = 2 * torch.arange(num_tokens, dtype=torch.float64) + 1
    waves = torch.cos(math.pi * odd[:, None] * kept / (2 * num_tokens))
    return (waves @ first).to(dtype)


def filtered_class_token(tokens: Tensor, weights: Tensor) -> Tensor:
    """Return the class token after keeping only a band.

    Args:
        tokens: After the last transformer block and before ``ln_post``, class token
            first, shape ``(B, N, C)``.
        weights: From `token_weights`, shape ``(N,)``.

    Returns:
        Shape ``(B, C)``.
    """
    return torch.einsum("bnc,n->bc", tokens, weights.to(tokens))
