"""Load what a training may start from: weights, or a style file's weights."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import ModelProto, numpy_helper
from torch import Tensor, nn

from rtstyle.errors import StyleFileError, WeightsFileError
from rtstyle.gallery.find import load_style
from rtstyle.networks import SWIFT_SIZES, SwiftConfig
from rtstyle.networks.swift import HEADS, Head
from rtstyle.networks.swift_adain import SwiftAdainConfig
from rtstyle.networks.transform_net import TransformNet
from rtstyle.networks.weights_file import Weights, load_weights
from rtstyle_train.errors import ConfigError, TrainError

PREFIX = "network."
"""Prefix of the names of the network's weights in a style file's graph."""
NORMS = {"stem2": "stem2_norm", "down": "down_norm", "join": "join_norm"}
"""Norms after the convolutions that are not in blocks, by convolution."""


def load_start(start: str | Path) -> Weights:
    """Return the weights of a training, a style file, or a style of that name.

    Args:
        start: A ``.safetensors`` file, an ``.onnx`` file, a name (``starry_night``),
            or a painting, whose style the bundled network for any painting has at once.

    Raises:
        StyleFileError: the style does not exist, or is not an fp32 swift net.
        WeightsFileError: the weights do not exist.
    """
    if Path(start).suffix == ".safetensors":
        return load_weights(Path(start))
    style = load_style(start)
    model = onnx.load_from_string(style.model)
    try:
        network = _plain(style.card.get("network", {}))
        weights = Weights(
            _tensors(model, network["head"]), network, style.card["recipe"], {}
        )
        weights.build()
    except (KeyError, WeightsFileError) as error:
        raise StyleFileError(
            f"{start}: expected a style file with the weights of a swift network, got "
            f"another ({error}); int8 and fp16 twins and styles made from a "
            "picture do not hold them"
        ) from error
    return weights


def begin_at(network: nn.Module, start: str | Path, styles: Sequence[str] = ()) -> None:
    """Load the weights of a start into a network.

    Norms to be frozen later start with the weights of instance norms; they first learn
    their own typical statistics.

    Args:
        network: As made by a recipe; changed in place.
        start: Passed to `load_start`.
        styles: Which of its paintings, if it has several.

    Raises:
        ConfigError: the start has several paintings, but not these.
        TrainError: it has another network.
        RtstyleError: the start does not exist.
    """
    weights = load_start(start)
    source, tensors = weights.build(), dict(weights.tensors)
    if isinstance(source, TransformNet) and source.num_styles > 1:
        names = [entry["name"] for entry in weights.recipe["styles"]]
        if missing := [style for style in styles if style not in names]:
            raise ConfigError(
                f"{start}: expected styles among {', '.join(names)}, "
                f"got {missing[0]!r}; choose one with --start-style"
            )
        rows = [names.index(style) for style in styles]
        tensors = source.select_style(*rows).state_dict()
    typical = {n: v for n, v in network.state_dict().items() if ".running_" in n}
    try:
        network.load_state_dict(typical | tensors)
    except RuntimeError as error:
        text = " ".join(str(error).split())[:200]
        raise TrainError(
            f"{start}: does not fit the recipe's network ({text})"
        ) from error


def network_settings(weights: Weights) -> dict[str, Any]:
    """Return the settings of a recipe that make the network of `weights`.

    Only those of a swift net; nothing for other networks.
    """
    facts = dict(weights.network)
    if facts.pop("kind") != "swift":
        return {}
    shape = ("channels", "blocks", "deep_channels", "separable")
    sizes = {
        tuple(asdict(config)[name] for name in shape): size
        for size, config in SWIFT_SIZES.items()
    }
    size = sizes.get(tuple(asdict(SwiftConfig(**facts))[name] for name in shape))
    if size is None:
        return {}
    return {"network": size} | {n: facts[n] for n in ("norm", "head", "padding")}


def _plain(network: Mapping[str, Any]) -> dict[str, Any]:
    """Return the description of the swift net that a style file holds.

    Raises:
        KeyError: it holds another network.
    """
    facts = dict(network)
    kind = facts.pop("kind")
    if kind == "swift-adain":  # with one painting's modulation in it
        swift = SwiftAdainConfig.from_dict(facts).swift
        return {"kind": "swift"} | asdict(swift)
    if kind != "swift":
        raise KeyError(kind)
    return dict(network)


def _tensors(model: ModelProto, head: Head) -> dict[str, Tensor]:
    """Return the state dict of the swift net in a style file.

    The graph takes and returns levels of 0..255; its first and last convolutions
    include the scaling, and the last one has its channels in another order. See
    ``frame_graph`` and ``optimise_graph`` of rtstyle_export.
    """
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
