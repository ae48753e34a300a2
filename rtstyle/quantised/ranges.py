"""Which numbers the bytes of a network stand for."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

from rtstyle.quantised.bare import CELLS, NETWORK_INPUT, tensor_of
from rtstyle.runtime import open_session

CLIPPED = (0.0, 1e-5, 1e-4, 3e-4, 1e-3)
"""Shares of the numbers at each end that a range may leave out."""
MOVES = ("Reshape", "Transpose", "Concat")
"""Operators behind which a range is that in front of them."""
SIZES = ("Shape", "Mul", "Div")
"""Operators that reckon with heights and widths, and with nothing else here."""
SAMPLES = 10_000
"""Numbers of each tensor and frame that a range is chosen by."""

Floats = npt.NDArray[np.float32]
Range = tuple[float, float]


def centre_before_norm(model: onnx.ModelProto, doors: Sequence[Floats]) -> None:
    """Give all channels in front of an instance norm one spread around 0, in place.

    The norm takes both away again, so the network stays what it is; but bytes of one
    scale for all channels then serve each channel alike.

    Args:
        model: From `integer_graph`.
        doors: What goes into it.
    """
    norms = {
        n.input[0] for n in model.graph.node if n.op_type == "InstanceNormalization"
    }
    convs = [
        node
        for node in model.graph.node
        if node.op_type == "Conv" and node.output[0] in norms
    ]
    if not convs:
        return
    found = observe(model, [conv.output[0] for conv in convs], doors)
    for conv in convs:
        maps = [sample.reshape(sample.shape[1], -1) for sample in found[conv.output[0]]]
        mean = np.mean([rows.mean(axis=1) for rows in maps], axis=0)
        spread = np.sqrt(np.mean([rows.var(axis=1) for rows in maps], axis=0)) + 1e-3
        scale = np.median(spread) / spread
        for name, value in zip(
            conv.input[1:3],
            _scaled(model, conv, mean=mean, scale=scale),
            strict=True,
        ):
            tensor_of(model, name).CopyFrom(numpy_helper.from_array(value, name))


def choose_ranges(
    model: onnx.ModelProto, operators: Sequence[str], doors: Sequence[Floats]
) -> dict[str, Range]:
    """Return the range of every tensor that is turned into bytes.

    Args:
        model: From `integer_graph`.
        operators: Whose inputs and outputs are turned into bytes.
        doors: What goes into the network.

    Returns:
        Lower and upper end by name, chosen for the least squared error of the bytes.
    """
    weights = {tensor.name for tensor in model.graph.initializer}
    moves = [node for node in model.graph.node if node.op_type in MOVES]
    sizes = {n.output[0] for n in model.graph.node if n.op_type in SIZES}
    moved = {node.output[0] for node in moves}
    wanted = (
        {
            name
            for node in model.graph.node
            if node.op_type in operators
            for name in (*node.input, *node.output)
        }
        - weights
        - sizes
        - moved
        - {NETWORK_INPUT, CELLS}
    )
    found = observe(model, sorted(wanted), doors, num_samples=SAMPLES)
    ranges = {name: best_range(np.concatenate(parts)) for name, parts in found.items()}
    for node in moves:  # in the order of the graph
        if node.input[0] in ranges:
            ranges[node.output[0]] = ranges[node.input[0]]
    return ranges


def best_range(values: Floats) -> Range:
    """Return the range, 0 within it, whose 256 steps lose least of `values`.

    Values within lose a twelfth of the step's square, but for zeros, which lose
    nothing; what is beyond the ends is reckoned exactly.
    """
    ordered = np.sort(values, axis=None).astype(np.float64)
    last = ordered.size - 1
    num_rounded = np.count_nonzero(ordered)
    best, least = (0.0, 0.0), np.inf
    for low_share in CLIPPED:
        first = int(low_share * last)
        low = min(0.0, float(ordered[first]))
        below = ordered[:first]
        for high_share in CLIPPED:
            end = int((1.0 - high_share) * last)
            high = max(float(ordered[end]), low + 1e-6, 0.0)
            above = ordered[end + 1 :]
            error = num_rounded * ((high - low) / 255.0) ** 2 / 12.0
            error += np.sum(np.minimum(below - low, 0.0) ** 2)
            error += np.sum(np.maximum(above - high, 0.0) ** 2)
            if error < least:
                best, least = (low, high), error
    return best


def observe(
    model: onnx.ModelProto,
    names: Sequence[str],
    doors: Sequence[Floats],
    *,
    num_samples: int | None = None,
) -> dict[str, list[Floats]]:
    """Run a network and return what its tensors hold, for every frame.

    Args:
        model: From `integer_graph`; left as it is.
        names: Of tensors.
        doors: What goes in.
        num_samples: How many numbers of each, evenly; None is all, in their shape.
    """
    wide = onnx.ModelProto()
    wide.CopyFrom(model)
    del wide.graph.output[:]
    for name in names:
        kind = onnx.TensorProto.FLOAT
        value = onnx.helper.make_tensor_value_info(name, kind, None)
        wide.graph.output.append(value)
    session = open_session(
        wide.SerializeToString(), runtime="onnxruntime", device="cpu"
    )
    found: dict[str, list[Floats]] = {name: [] for name in names}
    for door in doors:
        for name, values in session.run({NETWORK_INPUT: door}).items():
            if num_samples is not None:
                values = values.reshape(-1)[:: max(1, values.size // num_samples)]
            found[name].append(np.asarray(values, np.float32))
    session.close()
    return found


def _scaled(
    model: onnx.ModelProto, conv: onnx.NodeProto, *, mean: Floats, scale: Floats
) -> tuple[Floats, Floats]:
    weight, bias = (numpy_helper.to_array(tensor_of(model, n)) for n in conv.input[1:3])
    wider = weight * scale[:, None, None, None]
    return wider.astype(np.float32), ((bias - mean) * scale).astype(np.float32)
