"""Write `with_detail` as nodes of the gate's graph, in ONNX's text format."""

from rtstyle.smoothing.detail import (
    ALLOWED_LOSS,
    BOX,
    COLUMN_PITCH,
    GAIN_PER_LOSS,
    LINE_PITCH,
    MOST_LOSS,
    WINDOW_PX,
)

_AROUND, _BESIDE = WINDOW_PX // 2, BOX // 2


def _contrast_nodes(of: str) -> str:
    """Return the nodes from a float picture ``[H, W, 3]`` to ``<of>_contrast``."""
    return f"""
    {of}_green_hwc = Slice ({of}, green_starts, green_ends, all_axes, green_steps)
    {of}_green_chw = Transpose <perm = [2, 0, 1]> ({of}_green_hwc)
    {of}_green = Unsqueeze ({of}_green_chw, first_axis)
    {of}_padded = Pad <mode = "edge"> ({of}_green, green_pads)
    {of}_box = AveragePool <kernel_shape = [{BOX}, {BOX}]> ({of}_padded)
    {of}_soft = Round ({of}_box)
    {of}_difference = Sub ({of}_green, {of}_soft)
    {of}_strength = Abs ({of}_difference)
    {of}_contrast = ReduceMean <keepdims = 0> ({of}_strength)
"""


DETAIL_NODES = f"""
    # mean absolute detail of the fresh and of the blended picture
    green_starts = Constant <value_ints = [0, 0, 1]> ()
    green_ends = Constant <value_ints = [2147483647, 2147483647, 2]> ()
    all_axes = Constant <value_ints = [0, 1, 2]> ()
    green_steps = Constant <value_ints = [{LINE_PITCH}, {COLUMN_PITCH}, 1]> ()
    green_pads = Constant <value_ints = [0, 0, {_BESIDE}, {_BESIDE},
        0, 0, {_BESIDE}, {_BESIDE}]> ()
    {_contrast_nodes("fresh_float")}
    {_contrast_nodes("steady")}

    # the blended picture's detail, amplified if it lost too much
    least_contrast = Constant <value_float = 0.001> ()
    safe_contrast = Max (steady_contrast, least_contrast)
    lost = Div (fresh_float_contrast, safe_contrast)
    most_loss = Constant <value_float = {MOST_LOSS}> ()
    capped = Min (lost, most_loss)
    allowed_loss = Constant <value_float = {ALLOWED_LOSS}> ()
    beyond = Sub (capped, allowed_loss)
    gain_per_loss = Constant <value_float = {GAIN_PER_LOSS}> ()
    wanted = Mul (beyond, gain_per_loss)
    amplified = Max (wanted, zero)
    steady_chw = Transpose <perm = [2, 0, 1]> (steady)
    steady_full = Unsqueeze (steady_chw, first_axis)
    box_pads_full = Constant <value_ints = [0, 0, {_AROUND}, {_AROUND},
        0, 0, {_AROUND}, {_AROUND}]> ()
    full_padded = Pad <mode = "edge"> (steady_full, box_pads_full)
    full_box = AveragePool <kernel_shape = [{WINDOW_PX}, {WINDOW_PX}]> (full_padded)
    soft = Round (full_box)
    detail = Sub (steady_full, soft)
    extra = Mul (detail, amplified)
    sharp = Add (steady_full, extra)
    sharp_rounded = Round (sharp)
    sharp_bounded = Clip (sharp_rounded, zero, top)
    sharp_chw = Squeeze (sharp_bounded, first_axis)
    sharp_hwc = Transpose <perm = [1, 2, 0]> (sharp_chw)
    stylized = Cast <to = 2> (sharp_hwc)
"""
"""Nodes from ``fresh_float`` and ``steady``, both float ``[H, W, 3]`` of whole numbers
0..255, to ``stylized``; they use constants of the gate."""
