"""Turn a style file's graph back into the torch network that it was made from."""

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import onnx
import torch
from onnx import ModelProto, numpy_helper
from torch import Tensor

from rtstyle.errors import StyleFileError, WeightsFileError
from rtstyle.networks.swift import HEADS, Head
from rtstyle.networks.swift_adain import SwiftAdainConfig
from rtstyle.networks.weights_file import Weights
from rtstyle.style_file import Style

PREFIX = "network."
"""Prefix of the names of the network's weights in a style file's graph."""
NORMS = {"stem2": "stem2_norm", "down": "down_norm", "join": "join_norm"}
"""Norms after the convolutions that are not in blocks, by convolution."""


def weights_of_style(style: Style) -> Weights:
    """Return the weights of a style, as a training would have written them.

    Args:
        style: A swift network in fp32, with instance norms; or a painting's style, of
            `rtstyle.paintings`, whose modulation is folded into its graph.

    Raises:
        StyleFileError: it has another network, or its weights are not in the graph.
    """
    network = style.card.get("network", {})
    try:
        plain = plain_network(network)
        weights = Weights(
            _tensors(style.model, plain["head"]), plain, style.card["recipe"], {}
        )
        weights.build()
    except (KeyError, TypeError, WeightsFileError) as error:
        raise StyleFileError(
            f"{style.path or style.name}: expected a style file with the weights of a "
            f"swift network, got another ({error}); int8 and fp16 twins do not hold "
            "them"
        ) from error
    return weights


def plain_network(network: Mapping[str, Any]) -> dict[str, Any]:
    """Return the description of a swift net of one style.

    Args:
        network: A card's description, of a swift net, or of one for any painting: its
            transform net then, with norms of its own.

    Raises:
        KeyError: it is of another network.
    """
    if network["kind"] == "swift":
        return dict(network)
    if network["kind"] != "swift-adain":
        raise KeyError(network["kind"])
    rest = {name: value for name, value in network.items() if name != "kind"}
    config = SwiftAdainConfig.from_dict(rest).swift
    return {"kind": "swift", **asdict(config)}


def _tensors(data: bytes, head: Head) -> dict[str, Tensor]:
    """Return the state dict of the swift net in a style file.

    The graph takes and returns levels of 0..255; its first and last convolutions
    include the scaling, and the last one has its channels in another order. See
    ``frame_graph`` and ``optimise_graph`` of rtstyle_export.
    """
    model = onnx.load_from_string(data)
    stored = {
        entry.name: torch.from_numpy(np.array(numpy_helper.to_array(entry)))
        for entry in model.graph.initializer
    }
    named = {
        name.removeprefix(PREFIX): value
        for name, value in stored.items()
        if name.startswith(PREFIX)
    }
    named |= _norms(model, stored)
    cell = HEADS[head].factor ** 2
    weight, bias = named["head.conv.weight"], named["head.conv.bias"]
    order = torch.arange(3 * cell).view(3, cell).T.flatten()
    named["head.conv.weight"] = torch.empty_like(weight)
    named["head.conv.weight"][order] = weight / 255.0
    named["head.conv.bias"] = torch.empty_like(bias)
    named["head.conv.bias"][order] = (bias - 128.0) / 255.0
    named["stem1.weight"] = named["stem1.weight"] * 255.0
    return named


def _norms(model: ModelProto, stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return scales and shifts of the instance norms, found by their convolutions."""
    behind = {out: node for node in model.graph.node for out in node.output}
    tensors: dict[str, Tensor] = {}
    for node in model.graph.node:
        if node.op_type != "InstanceNormalization":
            continue
        conv = behind[node.input[0]].input[1]
        place = conv.removeprefix(PREFIX).removesuffix(".weight")
        # blocks.0.conv1, or blocks.0.conv1.1 of a separable one: blocks.0.norm1
        name = NORMS.get(place) or re.sub(r"\.conv(\d).*", r".norm\1", place)
        tensors[f"{name}.weight"] = stored[node.input[1]][None]
        tensors[f"{name}.bias"] = stored[node.input[2]][None]
    return tensors
