"""Temporal consistency: what moved keeps its stylized look."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rtstyle_train.data.motion import MotionPair, warp


def output_consistency(
    cur: Tensor,
    prev: Tensor,
    *,
    flow_cur_to_prev: Tensor,
    mask: Tensor,
    luminance_change: Tensor,
) -> Tensor:
    """Return how much stylized frames differ along the motion, beyond brightness.

    ``mean M ((O_t - W(O_(t-1)))_c - Y)^2`` over all pixels and channels.

    Args:
        cur: Stylized frames O_t, ``(N, 3, H, W)``, 0..1.
        prev: Stylized frames O_(t-1), same shape.
        flow_cur_to_prev: ``(N, 2, H, W)``, in pixels.
        mask: ``(N, 1, H, W)``, 1 traceable, 0 occluded.
        luminance_change: Y, ``(N, 1, H, W)``: luminance of ``I_t - W(I_(t-1))`` of
            the content. Noise in it would be asked for in the output; the pairs of
            `synthetic_motion` leave it out.

    Returns:
        A scalar: 0 when every channel follows the content's luminance.

    Source:
        ReCoNet (Gao et al. 2018), equation 4 with the relative luminance of 5.
    """
    difference = cur - warp(prev, flow_cur_to_prev) - luminance_change
    return (mask * difference.square()).mean()


def feature_consistency(
    cur: Tensor, prev: Tensor, *, flow_cur_to_prev: Tensor, mask: Tensor
) -> Tensor:
    """Return how much features differ along the motion, relative to their variance.

    Flow and mask are brought to the features' grid, the flow's values scaled by the
    same ratio on each axis.

    Args:
        cur: Features F_t of the encoder, ``(N, C, h, w)``.
        prev: Features F_(t-1), same shape.
        flow_cur_to_prev: ``(N, 2, H, W)``, in pixels of the picture.
        mask: ``(N, 1, H, W)``, 1 traceable, 0 occluded.

    Returns:
        A scalar: 0 for features that move with the picture. Whatever factor the
        features carry, it stays the same.

    Source:
        ReCoNet (Gao et al. 2018), equation 2; the division by the variance is ours
        (as in `content_loss`), so that the weight fits any network.
    """
    height, width = cur.shape[2:]
    ratio = torch.tensor(
        [width / flow_cur_to_prev.shape[3], height / flow_cur_to_prev.shape[2]]
    ).to(flow_cur_to_prev)
    small_flow = _resize(flow_cur_to_prev, height, width) * ratio[:, None, None]
    small_mask = _resize(mask, height, width)
    difference = cur - warp(prev, small_flow.to(prev.dtype))
    squared = (small_mask * difference.square()).mean()
    return squared / prev.var().clamp_min(1e-12)


def _resize(x: Tensor, height: int, width: int) -> Tensor:
    """Average over the cells of another grid."""
    if x.shape[2:] == (height, width):
        return x
    return F.interpolate(x, (height, width), mode="area")


class FeatureTap:
    """Keeps the last output of one layer of a network, for `feature_consistency`."""

    def __init__(self, layer: nn.Module) -> None:
        self.features: Tensor | None = None
        self._handle = layer.register_forward_hook(self._keep)

    def _keep(self, layer: nn.Module, inputs: object, output: Tensor) -> None:
        self.features = output

    def take(self) -> Tensor:
        """Return what the layer gave out last and let go of it.

        Raises:
            RuntimeError: the network has not run since.
        """
        if self.features is None:
            raise RuntimeError("feature tap: expected a forward pass before, got none")
        features, self.features = self.features, None
        return features

    def close(self) -> None:
        """Take the hook off the layer."""
        self._handle.remove()


def temporal_terms(
    stylize: Callable[[Tensor], Tensor],
    pair: MotionPair,
    *,
    output_weight: float,
    feature_weight: float = 0.0,
    tap: FeatureTap | None = None,
) -> dict[str, Tensor]:
    """Stylize both frames of a pair and return the weighted consistency terms.

    Both frames run in one batch of 2 N pictures; for any network that maps pictures
    to pictures (image, text; AdaIN with its style fixed in `stylize`).

    Args:
        stylize: ``(2 N, 3, H, W)`` 0..1 to the same shape; rows N.. are the frames
            after rows 0...
        pair: Of `synthetic_motion.make_pair`.
        output_weight: Of `output_consistency`.
        feature_weight: Of `feature_consistency`; needs `tap`.
        tap: On the layer whose output counts as the encoder's (for the transform
            nets the last residual block).
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
    terms = {"temporal_output": output_weight * output}
    if tap is not None and feature_weight:
        prev_features, cur_features = tap.take().chunk(2)
        features = feature_consistency(
            cur_features,
            prev_features,
            flow_cur_to_prev=pair.flow_cur_to_prev,
            mask=pair.mask,
        )
        terms["temporal_feature"] = feature_weight * features
    return terms
