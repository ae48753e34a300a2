"""Compute temporal consistency: what moves should keep its stylized look."""

from collections.abc import Callable

import torch
from torch import Tensor

from rtstyle_train.data.motion import MotionPair, warp


def output_consistency(
    cur: Tensor,
    prev: Tensor,
    *,
    flow_cur_to_prev: Tensor,
    mask: Tensor,
    luminance_change: Tensor,
) -> Tensor:
    """Return how much stylized frames change along the motion, beyond brightness.

    ``mean M ((O_t - W(O_(t-1)))_c - Y)^2`` over all pixels and channels.

    Args:
        cur: Stylized frames O_t, ``(N, 3, H, W)``, 0..1.
        prev: Stylized frames O_(t-1), same shape.
        flow_cur_to_prev: ``(N, 2, H, W)``, in pixels.
        mask: ``(N, 1, H, W)``, 1 traceable, 0 occluded.
        luminance_change: Y, ``(N, 1, H, W)``: luminance of ``I_t - W(I_(t-1))`` of
            the content. Noise in it would be reproduced in the output; the pairs of
            `synthetic_motion` leave it out.

    Returns:
        A scalar: 0 when every channel follows the content's luminance.

    Source:
        ReCoNet (Gao et al. 2018), equation 4 with the relative luminance of 5.
    """
    difference = cur - warp(prev, flow_cur_to_prev) - luminance_change
    return (mask * difference.square()).mean()


def temporal_terms(
    stylize: Callable[[Tensor], Tensor],
    pair: MotionPair,
    *,
    output_weight: float,
) -> dict[str, Tensor]:
    """Stylize both frames of a pair and return the weighted consistency terms.

    Both frames run in one batch of 2 N pictures. This works for any network that maps
    pictures to pictures (image, text; AdaIN with its style fixed in `stylize`).

    Args:
        stylize: Maps ``(2 N, 3, H, W)``, 0..1, to the same shape; row N + i is the
            frame after row i.
        pair: From `synthetic_motion.make_pair`.
        output_weight: Weight of `output_consistency`.
    """
    stylized = stylize(torch.cat([pair.prev, pair.cur]))
    prev, cur = stylized.chunk(2)
    output = output_consistency(
        cur,
        prev,
        flow_cur_to_prev=pair.flow_cur_to_prev,
        mask=pair.mask,
        luminance_change=pair.luminance_change,
    )
    return {"temporal_output": output_weight * output}
