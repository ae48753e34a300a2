"""Whether a device computes in fp16: a node is run there and its result looked at."""

import numpy as np

from rtstyle.errors import RuntimeUnavailableError
from rtstyle.runtime.onnxruntime import OrtSession


def require_fp16(device: str) -> None:
    """Raise `RuntimeUnavailableError` unless `device` computes in fp16.

    WebGPU needs an adapter with the feature ``shader-f16``.
    """
    if fault := fp16_fault(device):
        raise RuntimeUnavailableError(
            f"precision fp16: expected a device that computes in fp16, got {device} "
            f"({fault}); use --precision fp32"
        )


def fp16_fault(device: str) -> str:
    """Return why a device does not compute in fp16; empty when it does."""
    session = OrtSession(_halves(), device=device)
    try:
        (made,) = session.run({"x": np.full((4, 4), 1.5, np.float32)}).values()
    except RuntimeUnavailableError as error:
        return str(error)
    finally:
        session.close()
    return "" if np.allclose(made, 9.0) else "a node gave a wrong result"


def _halves() -> bytes:
    """Return a graph that multiplies a matrix with itself in fp16."""
    from onnx import TensorProto, helper

    shape: list[str | int | None] = [4, 4]
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["x"], ["half"], to=TensorProto.FLOAT16),
            helper.make_node("MatMul", ["half", "half"], ["product"]),
            helper.make_node("Cast", ["product"], ["y"], to=TensorProto.FLOAT),
        ],
        "halves",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
    )
    opsets = [helper.make_opsetid("", 18)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    data: bytes = model.SerializeToString()
    return data
