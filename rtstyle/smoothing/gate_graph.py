"""Add the motion gate to a style graph, with its state as inputs and outputs.

On a GPU the state then never leaves the device.
"""

import onnx
from onnx import parser

from rtstyle.smoothing import still
from rtstyle.smoothing.blend import KEEP
from rtstyle.smoothing.detail_graph import DETAIL_NODES
from rtstyle.smoothing.luma import CELL_PX
from rtstyle_streams.protocols import LUMA

PREFIX = "gate_"
"""Prefix of every tensor and node that the gate adds."""
STATE = {
    "smoothed": "float32 [H, W, 3]: the smoothed picture, 0..255",
    "reference": "float32 [ceil(H/4), ceil(W/4)]: the luma it stands for, 0..255",
    "floor": "float32 [1]: the noise floor",
}
"""States: input as ``<name>_before``, output as ``<name>``; zeros at first."""
BEFORE = "_before"
"""Suffix of the input name of a state."""
RESTART = "restart"
"""Input: float32 ``[1]``, 1 on a first frame, else 0."""
LUMA_WEIGHTS = ", ".join(str(weight) for weight in LUMA["bt601"])
"""Luma weights of red, green and blue, as in `LumaReader`."""


def state_shapes(height: int, width: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of each state for frames of this size; all are float32."""
    cells = (-(-height // CELL_PX), -(-width // CELL_PX))
    return {"smoothed": (height, width, 3), "reference": cells, "floor": (1,)}


GATE_TEXT = f"""
<ir_version: 9, opset_import: ["": 18]>
gate (
    uint8[H, W, 3] frame, uint8[H, W, 3] gate_fresh,
    float[H, W, 3] smoothed_before, float[h, w] reference_before,
    float[1] floor_before, float[1] restart
) => (
    uint8[H, W, 3] stylized, float[H, W, 3] smoothed, float[h, w] reference,
    float[1] floor
) {{
    zero = Constant <value_float = 0.0> ()
    one = Constant <value_float = 1.0> ()
    half = Constant <value_float = 0.5> ()
    top = Constant <value_float = 255.0> ()
    going = Sub (one, restart)

    # luma, averaged over cells; repeated edges up to a whole number of cells
    luma_weights = Constant <value = float[3, 1] {{{LUMA_WEIGHTS}}}> ()
    frame_float = Cast <to = 1> (frame)
    luma_exact = MatMul (frame_float, luma_weights)
    luma_up = Add (luma_exact, half)
    luma_hwc = Floor (luma_up)
    luma_chw = Transpose <perm = [2, 0, 1]> (luma_hwc)
    first_axis = Constant <value_ints = [0]> ()
    luma_full = Unsqueeze (luma_chw, first_axis)
    size = Shape <start = 0, end = 2> (frame)
    cell = Constant <value_ints = [{CELL_PX}]> ()
    odd = Mod (size, cell)
    lacking = Sub (cell, odd)
    missing = Mod (lacking, cell)
    no_pad = Constant <value_ints = [0, 0, 0, 0, 0, 0]> ()
    cell_pads = Concat <axis = 0> (no_pad, missing)
    luma_padded = Pad <mode = "edge"> (luma_full, cell_pads)
    luma = AveragePool <kernel_shape = [{CELL_PX}, {CELL_PX}],
        strides = [{CELL_PX}, {CELL_PX}]> (luma_padded)

    # box average of the difference to the reference
    two_axes = Constant <value_ints = [0, 1]> ()
    old_luma = Unsqueeze (reference_before, two_axes)
    signed = Sub (luma, old_luma)
    distance = Abs (signed)
    box_pads = Constant <value_ints = [0, 0, {still.WINDOW // 2}, {still.WINDOW // 2},
        0, 0, {still.WINDOW // 2}, {still.WINDOW // 2}]> ()
    distance_padded = Pad <mode = "edge"> (distance, box_pads)
    difference = AveragePool <kernel_shape = [{still.WINDOW}, {still.WINDOW}]>
        (distance_padded)

    # 1 below LOW floors, 0 above HIGH; the least of 3 x 3
    least_floor = Constant <value_float = {still.LEAST}> ()
    safe_floor = Max (floor_before, least_floor)
    high = Constant <value_float = {still.HIGH}> ()
    span = Constant <value_float = {still.HIGH - still.LOW}> ()
    high_floor = Mul (high, safe_floor)
    span_floor = Mul (span, safe_floor)
    below_high = Sub (high_floor, difference)
    slope = Div (below_high, span_floor)
    ramp = Clip (slope, zero, one)
    inverse = Neg (ramp)
    widened = MaxPool <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (inverse)
    stillness = Neg (widened)
    share = Constant <value_float = {KEEP}> ()
    share_now = Mul (share, going)
    keep = Mul (share_now, stillness)

    # the running quantile of the difference
    is_below = Less (difference, safe_floor)
    below_float = Cast <to = 1> (is_below)
    below = ReduceMean <keepdims = 0> (below_float)
    quantile = Constant <value_float = {still.QUANTILE}> ()
    rate = Constant <value_float = {still.RATE}> ()
    excess = Sub (quantile, below)
    step = Mul (rate, excess)
    factor = Exp (step)
    most_floor = Constant <value_float = {still.MOST}> ()
    moved_floor = Mul (safe_floor, factor)
    next_floor = Clip (moved_floor, least_floor, most_floor)
    first_floor = Constant <value_float = {still.FIRST}> ()
    floor_if_going = Mul (going, next_floor)
    floor_if_new = Mul (restart, first_floor)
    floor = Add (floor_if_going, floor_if_new)

    # the recurrence, on luma cells and on pixels
    kept_change = Mul (keep, signed)
    blended_luma = Sub (luma, kept_change)
    reference = Squeeze (blended_luma, two_axes)
    scales = Constant <value_floats = [1.0, 1.0, {CELL_PX}.0, {CELL_PX}.0]> ()
    keep_large = Resize <mode = "linear",
        coordinate_transformation_mode = "half_pixel"> (keep, , scales)
    starts = Constant <value_ints = [0, 0]> ()
    picture_axes = Constant <value_ints = [2, 3]> ()
    keep_picture = Slice (keep_large, starts, size, picture_axes)
    keep_chw = Squeeze (keep_picture, first_axis)
    keep_hwc = Transpose <perm = [1, 2, 0]> (keep_chw)
    fresh_float = Cast <to = 1> (gate_fresh)
    back = Sub (smoothed_before, fresh_float)
    kept = Mul (keep_hwc, back)
    smoothed = Add (fresh_float, kept)
    rounded = Round (smoothed)
    steady = Clip (rounded, zero, top)
{DETAIL_NODES}
}}
"""
"""The gate of `rtstyle.smoothing.GateSmoother` in ONNX's text format; on a restart
(first frame, cut, new size or style) the state only needs the right shape."""


def gate_model() -> onnx.ModelProto:
    """Return the gate alone: ``frame`` and ``gate_fresh`` in, ``stylized`` out."""
    model = parser.parse_model(GATE_TEXT)
    public = {value.name for value in (*model.graph.input, *model.graph.output)}
    for number, node in enumerate(model.graph.node):
        node.name = f"{PREFIX}{number}_{node.op_type}"
        for names in (node.input, node.output):
            for index, name in enumerate(names):
                if name and name not in public:
                    names[index] = PREFIX + name
    onnx.checker.check_model(model)
    return model


def gated_style(model: bytes) -> bytes:
    """Return a serialised style graph that smooths its own picture; see `with_gate`.

    Raises:
        ValueError: the graph has other inputs or outputs, or an older opset.
    """
    data: bytes = with_gate(onnx.load_from_string(model)).SerializeToString()
    return data


def with_gate(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a style graph that smooths ``stylized`` inside the graph.

    Args:
        model: Has ``frame`` uint8 ``[H, W, 3]`` in and ``stylized`` of the same kind
            out; opset 18 or later. Not changed.

    Returns:
        A copy with the inputs ``restart`` (1 starts afresh, else 0) and
        ``<name>_before`` and the outputs ``<name>`` of `STATE` besides its own.

    Raises:
        ValueError: the graph has no such input or output, or an older opset.
    """
    _check(model)
    gated, gate = onnx.ModelProto(), gate_model()
    gated.CopyFrom(model)
    for node in gated.graph.node:
        for names in (node.input, node.output):
            for index, name in enumerate(names):
                if name == "stylized":
                    names[index] = PREFIX + "fresh"
    gated.graph.node.extend(gate.graph.node)
    new_inputs = [v for v in gate.graph.input if v.name.endswith((BEFORE, RESTART))]
    gated.graph.input.extend(new_inputs)
    gated.graph.output.extend(v for v in gate.graph.output if v.name in STATE)
    onnx.checker.check_model(gated)
    return gated


def _check(model: onnx.ModelProto) -> None:
    inputs = [value.name for value in model.graph.input]
    outputs = [value.name for value in model.graph.output]
    if "frame" not in inputs or "stylized" not in outputs:
        raise ValueError(
            "style graph: expected an input frame and an output stylized, "
            f"got inputs {', '.join(inputs)} and outputs {', '.join(outputs)}"
        )
    opset = max(o.version for o in model.opset_import if o.domain in ("", "ai.onnx"))
    if opset < 18:
        raise ValueError(f"style graph: expected opset 18 or later, got {opset}")
