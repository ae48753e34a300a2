"""Compare a graph's output with that of its network."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from rtstyle.networks.transform_net import TransformNet
from rtstyle.runtime import open_session
from rtstyle.style_file import FRAME_INPUT, FRAME_OUTPUT
from rtstyle_export.errors import ExportError
from rtstyle_export.graphs.frame import FrameGraph
from rtstyle_streams.frame import Pixels

SIZES = ((16, 16), (113, 89), (181, 239))
"""Heights and widths to compare: the smallest and two odd ones."""
TOLERANCE = 1
"""Largest difference allowed in any value, in levels of 255."""


@dataclass(frozen=True, slots=True)
class Parity:
    """How much a graph differs from its network."""

    largest: int
    """Largest difference of any value, in levels of 255."""
    share: float
    """Share of values that differ at all, 0..1."""
    sizes: tuple[tuple[int, int], ...]
    """Heights and widths that were compared."""

    def as_dict(self) -> dict[str, object]:
        """Return the figures for a card."""
        return {
            "largest_difference": self.largest,
            "differing_share": round(self.share, 6),
            "sizes": [f"{width}x{height}" for height, width in self.sizes],
            "against": f"torch {torch.__version__.partition('+')[0]}, fp32",
        }


def check_parity(model: bytes, network: TransformNet) -> Parity:
    """Compare a graph in onnxruntime with its network in torch.

    The network is wrapped in the plain `FrameGraph`, so the rewrites made by export
    are compared too.

    Args:
        model: The serialised graph.
        network: The network that it was made from.

    Raises:
        ExportError: a value differs by more than `TOLERANCE`.
    """
    reference = FrameGraph(network).eval()
    session = open_session(model, device="cpu", runtime="onnxruntime")
    largest, differing, total = 0, 0, 0
    for height, width in SIZES:
        frame = parity_frame(height, width)
        inputs: Mapping[str, np.ndarray] = {FRAME_INPUT: frame}
        actual = session.run(inputs)[FRAME_OUTPUT].astype(np.int16)
        with torch.no_grad():
            expected = reference(torch.from_numpy(frame)).numpy().astype(np.int16)
        if actual.shape != expected.shape:
            raise ExportError(
                f"graph: expected shape {expected.shape} from {width}x{height}, "
                f"got {actual.shape}"
            )
        difference = np.abs(actual - expected)
        largest = max(largest, int(difference.max()))
        differing += int((difference > 0).sum())
        total += difference.size
    session.close()
    if largest > TOLERANCE:
        raise ExportError(
            f"graph: expected at most {TOLERANCE} of 255 between torch and "
            f"onnxruntime, got {largest}; no style file was written"
        )
    return Parity(largest, differing / total, SIZES)


def parity_frame(height: int, width: int) -> Pixels:
    """Return a frame with gradients, edges and noise; always the same.

    Returns:
        RGB, shape ``(height, width, 3)``, uint8.
    """
    random = np.random.default_rng((height, width))
    rows, columns = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    frame = np.stack([rows, columns, (rows + columns) % 0.5 * 2], axis=2) * 200
    frame[height // 3 : height // 2, width // 4 : width // 2] += 55
    noisy = frame + random.normal(0, 6, frame.shape)
    return np.asarray(np.clip(noisy, 0, 255).astype(np.uint8))


parity_frame.__test__ = False  # type: ignore[attr-defined]  # pytest: not a test
