"""A light arbitrary-style network as two files: a style file and a style encoder."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from rtstyle.networks.adain import AdainNet
from rtstyle.networks.pixels import to_batch
from rtstyle.networks.swift_adain import StyleEncoder, SwiftAdain
from rtstyle.networks.transform_net import TransformNet
from rtstyle.networks.weights_file import describe_network
from rtstyle.paintings.pair import (
    ENCODER_KEY,
    ENCODER_NAME,
    ENCODER_VERSION,
    MODULATION_OUTPUT,
    PAINTING_INPUT,
)
from rtstyle.paintings.picture import read_painting, shown
from rtstyle.quantised.bare import tensor_of
from rtstyle.runtime import open_session
from rtstyle.style_file import graph_sha256, read_card, with_card
from rtstyle_export.errors import ExportError
from rtstyle_export.parity import parity_frame
from rtstyle_export.style_writer import (
    check_target,
    make_style,
    write_file,
    write_style,
)
from rtstyle_export.to_onnx import trace

SMALLEST, LARGEST = 64, 4096
"""Height and width that the encoder takes, in pixels."""
PAINTING_SIDE = 448
"""Side of the square with the area at which a painting is best shown, in pixels."""
SIZES = ((64, 64), (113, 89), (301, 239))
"""Heights and widths at which the encoder is compared with its network."""
TOLERANCE = 1e-3
"""By which any number of a modulation may differ."""
DIGITS = 6
"""Decimals of the neutral modulation in the card."""


class EncoderGraph(nn.Module):
    """The style encoder around which nobody has to scale or transpose anything."""

    def __init__(self, encoder: StyleEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, painting: Tensor) -> Tensor:
        """Return the modulation.

        Args:
            painting: RGB, shape ``(H, W, 3)``, uint8.

        Returns:
            Shape ``(M,)``, float32.
        """
        pixels = painting.permute(2, 0, 1)[None].to(torch.float32) * (1.0 / 255.0)
        modulation: Tensor = self.encoder(pixels)
        return modulation[0]


def make_adain(network: SwiftAdain, card: dict[str, Any]) -> tuple[bytes, bytes]:
    """Return the bytes of both files, after each was compared with the network.

    Args:
        network: Trained, in evaluation mode.
        card: At least ``name``, ``title`` and ``kind``.

    Returns:
        The style file, in the neutral modulation, with a card that tells which
        initializers a painting's modulation replaces; and the style encoder.

    Raises:
        ExportError: a graph is not faithful.
    """
    neutral = torch.tensor([round(v, DIGITS) for v in network.neutral.tolist()])
    plain = network.fixed(neutral)
    first = make_style(plain, card)
    facts = {
        "size": network.size,
        "tensors": modulated_tensors(onnx.load_from_string(first), network, neutral),
        "neutral": [round(value, DIGITS) for value in neutral.tolist()],
    }
    style = _with_facts(first, card, facts)
    encoder = encoder_to_onnx(network, style_sha256=graph_sha256(style))
    check_encoder(encoder, network.encoder)
    return style, encoder


def write_adain(
    style_path: Path, network: SwiftAdain, card: dict[str, Any], *, overwrite: bool
) -> None:
    """Write the style file and, beside it, the style encoder.

    Raises:
        ExportError: a graph is not faithful, or a file exists and may not be replaced.
    """
    encoder_path = style_path.with_name(ENCODER_NAME)
    check_target(style_path, overwrite=overwrite)
    check_target(encoder_path, overwrite=overwrite)
    style, encoder = make_adain(network, card)
    write_style(style_path, style, overwrite=overwrite)
    write_file(encoder_path, encoder)


def with_painting(
    network: nn.Module, card: dict[str, Any], path: Path
) -> tuple[TransformNet, dict[str, Any]]:
    """Give a network for any painting the style of one, for good.

    Args:
        network: `SwiftAdain` or `AdainNet`.
        card: Of the network.
        path: A picture file.

    Returns:
        A plain transform net and its card.

    Raises:
        ExportError: the network takes no paintings.
        StyleFileError: the file is no picture that can be used.
    """
    if not isinstance(network, SwiftAdain | AdainNet):
        raise ExportError(
            f"{path}: expected weights of a network for any painting, got others; "
            "leave --painting out"
        )
    pixels = shown(read_painting(path).pixels, side=PAINTING_SIDE)
    painting = to_batch(pixels)
    facts = {"name": path.stem, "title": path.stem.replace("_", " ").title()}
    if isinstance(network, AdainNet):
        return network.fixed(painting), card | facts
    with torch.no_grad():
        modulation = network.encoder(painting)[0]
    plain = network.fixed(modulation).eval()
    return plain, card | facts | {"network": describe_network(plain)}


def modulated_tensors(
    model: onnx.ModelProto, network: SwiftAdain, modulation: Tensor
) -> list[tuple[str, int, int]]:
    """Find the initializers that hold a modulation.

    Args:
        model: The graph of ``network.fixed(modulation)``.
        network: What it was made from.
        modulation: Shape ``(M,)``.

    Returns:
        Of each its name, where its numbers begin in the modulation, and their count.

    Raises:
        ExportError: a norm's numbers stand elsewhere, or in one place with another's.
    """
    nodes = [n for n in model.graph.node if n.op_type == "InstanceNormalization"]
    if len(nodes) != len(network.norms):
        raise ExportError(
            f"graph: expected {len(network.norms)} instance norms, got {len(nodes)}"
        )
    found: list[tuple[str, int, int]] = []
    for node, norm in zip(nodes, network.norms, strict=True):
        for number, name in enumerate(node.input[1:]):
            offset = norm.offset + number * norm.channels
            values = numpy_helper.to_array(tensor_of(model, name))
            wanted = modulation[offset : offset + norm.channels].numpy()
            if values.dtype != np.float32 or not np.array_equal(values, wanted):
                raise ExportError(f"graph: {name}: expected numbers {offset} and on")
            found.append((name, offset, norm.channels))
    if len({name for name, _, _ in found}) != len(found):
        raise ExportError("graph: expected numbers of its own for each norm")
    return found


def encoder_to_onnx(network: SwiftAdain, *, style_sha256: str) -> bytes:
    """Return the style encoder as ONNX, with height and width left open.

    Args:
        network: A trained network.
        style_sha256: Of the style that it belongs to, by `graph_sha256`.

    Returns:
        A serialised model: ``painting`` uint8 ``[H, W, 3]`` to ``modulation`` float32
        ``[M]``. The painting is taken at the size at which it comes: the larger, the
        larger its strokes; the facts name the best one as ``side``.
    """
    encoder = EncoderGraph(network.encoder).eval()
    names = (PAINTING_INPUT, MODULATION_OUTPUT)
    sides = SMALLEST, LARGEST
    model = trace(encoder, example=(136, 120), names=names, sides=sides)
    facts = {
        "version": ENCODER_VERSION,
        "size": network.size,
        "for": style_sha256,
        "side": PAINTING_SIDE,
    }
    model.metadata_props.add(key=ENCODER_KEY, value=json.dumps(facts, sort_keys=True))
    onnx.checker.check_model(model, full_check=True)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def check_encoder(model: bytes, encoder: StyleEncoder) -> float:
    """Compare the encoder's graph in onnxruntime with torch; return the difference.

    Raises:
        ExportError: a number differs by more than `TOLERANCE`.
    """
    reference = EncoderGraph(encoder).eval()
    session = open_session(model, device="cpu", runtime="onnxruntime")
    largest = 0.0
    for height, width in SIZES:
        painting = parity_frame(height, width)
        got = session.run({PAINTING_INPUT: painting})[MODULATION_OUTPUT]
        with torch.no_grad():
            wanted = reference(torch.from_numpy(painting)).numpy()
        largest = max(largest, float(np.abs(got - wanted).max()))
    session.close()
    if largest > TOLERANCE:
        raise ExportError(
            f"style encoder: expected at most {TOLERANCE} between torch and "
            f"onnxruntime, got {largest:.2g}; no file was written"
        )
    return largest


def _with_facts(data: bytes, card: dict[str, Any], facts: dict[str, Any]) -> bytes:
    whole = read_card(data, where=str(card["name"]))
    return with_card(data, whole | {"modulation": facts})
