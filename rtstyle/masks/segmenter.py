"""Run a segmentation network: from a frame to the probability of each cell."""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import onnx

from rtstyle.errors import StyleFileError
from rtstyle.runtime.onnxruntime import OrtSession
from rtstyle.untrusted.graph import check_graph, parse_model
from rtstyle_streams.frame import Pixels

Probability = npt.NDArray[np.float32]
"""Shape ``(h, w)``, float32, 0..1: probability that a cell shows the subject."""

SIDE = 256
"""Side of the input for a model with dynamic sizes, in pixels."""
LARGEST_FILE = 1 << 28
"""Largest size of a model file, in bytes."""


class Segmenter:
    """Runs a segmentation model on the CPU, on one thread.

    The model: one input ``[1, h, w, 3]``, float32 RGB 0..1; its first output
    ``[1, h, w, 1]`` or ``[1, 1, h, w]``, float32, the probability. Sizes may be
    dynamic.
    """

    def __init__(self, model: bytes, *, name: str = "mask model") -> None:
        """Load a model and run it once.

        Args:
            model: A serialised ONNX model.
            name: Name of its file, for errors.

        Raises:
            StyleFileError: it is not an ONNX file, or has other inputs or outputs.
        """
        self.name = name
        self._input, self._output, self._size = _ends(model, name)
        width, height = self._size
        try:
            self._session = OrtSession(model, device="cpu", threads=1)
            self(np.zeros((height, width, 3), np.uint8))
        except StyleFileError:
            raise
        except Exception as error:  # onnxruntime's error classes are not public
            raise StyleFileError(
                f"{name}: expected a model that onnxruntime runs, got: "
                f"{' '.join(str(error).split())[:200]}"
            ) from error

    def __call__(self, content: Pixels) -> tuple[Probability, Probability]:
        """Return the probability and the luma of the model's input.

        Args:
            content: RGB, shape ``(H, W, 3)``, uint8.

        Returns:
            Two arrays of one shape ``(h, w)``, float32: 0..1, and 0..255.

        Raises:
            StyleFileError: the model's output is of another type or size.
        """
        small = _shrunk(content, self._size)
        scaled = np.multiply(small, np.float32(1 / 255), dtype=np.float32)
        probability = self._session.run({self._input: scaled[None]})[self._output]
        shape = (self._size[1], self._size[0])
        if probability.dtype != np.float32 or probability.size != shape[0] * shape[1]:
            raise StyleFileError(
                f"{self.name}: expected float32 [1, {shape[0]}, {shape[1]}, 1] out, "
                f"got {probability.dtype} {list(probability.shape)}; see README, masks"
            )
        luma = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
        return probability.reshape(shape), luma.astype(np.float32)

    def close(self) -> None:
        """Release the model; may be called twice."""
        self._session.close()


def _shrunk(content: Pixels, size: tuple[int, int]) -> Pixels:
    """Return the frame at a model's size; halving it first is six times as fast."""
    height, width = content.shape[:2]
    if width >= 4 * size[0] or height >= 4 * size[1]:
        half = (max(1, width // 2), max(1, height // 2))
        content = np.asarray(
            cv2.resize(content, half, interpolation=cv2.INTER_AREA), np.uint8
        )
        kind = cv2.INTER_LINEAR
    else:
        kind = cv2.INTER_AREA
    return np.asarray(cv2.resize(content, size, interpolation=kind), np.uint8)


def _ends(data: bytes, name: str) -> tuple[str, str, tuple[int, int]]:
    """Return the names of input and output, and width and height of the input."""
    model = parse_model(data, where=name)
    check_graph(model, where=name)
    graph = model.graph
    weights = {tensor.name for tensor in graph.initializer}
    inputs: list[Any] = [value for value in graph.input if value.name not in weights]
    if len(inputs) != 1 or not graph.output:
        raise StyleFileError(
            f"{name}: expected one input [1, h, w, 3], got {len(inputs)} inputs and "
            f"{len(graph.output)} outputs; see README, masks"
        )
    kind = inputs[0].type.tensor_type
    sizes = [dim.dim_value for dim in kind.shape.dim]  # 0 where it is dynamic
    is_float = kind.elem_type == onnx.TensorProto.FLOAT
    if not is_float or len(sizes) != 4 or sizes[3] != 3 or sizes[0] > 1:
        raise StyleFileError(
            f"{name}: expected a float32 input [1, h, w, 3] (RGB 0..1), got "
            f"{sizes or 'no shape'}; see README, masks"
        )
    return inputs[0].name, graph.output[0].name, (sizes[2] or SIDE, sizes[1] or SIDE)
