"""`DetailKeeper` as nodes of the gate's graph, in ONNX's own text form."""

from rtstyle.smoothing.detail import (
    ALLOWED_LOSS,
    LINE_STEP,
    LINES,
    MOST_LOSS,
    WINDOW_PX,
    WORTHWHILE,
)

_AROUND, _ABOVE = WINDOW_PX // 2, LINES // 2


def _contrast_nodes(of: str) -> str:
    """Return nodes from a float picture ``[H, W, 3]`` to its ``<of>_contrast``."""
    return f"""
    {of}_lines = Slice ({of}, no_start, no_end, no_start, line_step)
    {of}_exact = MatMul ({of}_lines, luma_weights)
    {of}_up = Add ({of}_exact, half)
    {of}_luma_hwc = Floor ({of}_up)
    {of}_luma_chw = Transpose <perm = [2, 0, 1]> ({of}_luma_hwc)
    {of}_luma = Unsqueeze ({of}_luma_chw, first_axis)
    {of}_luma_padded = Pad <mode = "edge"> ({of}_luma, luma_box_pads)
    {of}_box = AveragePool <kernel_shape = [{LINES}, {WINDOW_PX}]> ({of}_luma_padded)
    {of}_soft_luma = Round ({of}_box)
    {of}_difference = Sub ({of}_luma, {of}_soft_luma)
    {of}_strength = Abs ({of}_difference)
    {of}_contrast = ReduceMean <keepdims = 0> ({of}_strength)
"""


DETAIL_NODES = f"""
    # mean absolute detail of the fresh and of the blended picture, every second line
    no_start = Constant <value_ints = [0]> ()
    no_end = Constant <value_ints = [2147483647]> ()
    line_step = Constant <value_ints = [{LINE_STEP}]> ()
    luma_box_pads = Constant <value_ints = [0, 0, {_ABOVE}, {_AROUND},
        0, 0, {_ABOVE}, {_AROUND}]> ()
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
    worthwhile = Constant <value_float = {WORTHWHILE}> ()
    is_small = Less (beyond, worthwhile)
    amplified = Where (is_small, zero, beyond)
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
"""From ``fresh_float`` and ``steady``, both float ``[H, W, 3]`` of whole numbers
0..255, to ``stylized``; uses constants of the gate."""
