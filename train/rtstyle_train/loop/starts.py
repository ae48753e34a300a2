"""Where a training may begin: other weights, or a style file's own."""

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
from rtstyle.networks.transform_net import TransformNet
from rtstyle.networks.weights_file import Weights, load_weights
from rtstyle_train.errors import ConfigError, TrainError

PREFIX = "network."
"""What a style file's graph puts before the names of the network's weights."""
NORMS = {"stem2": "stem2_norm", "down": "down_norm", "join": "join_norm"}
"""Norms behind the convolutions that stand outside the blocks."""


def load_start(start: str | Path) -> Weights:
    """Return the weights of a training, a style file, or a style of that name.

    Args:
        start: A ``.safetensors`` file, an ``.onnx`` file, or such as ``starry_night``.

    Raises:
        StyleFileError: there is no such style, or it is no fp32 file of a swift net.
        WeightsFileError: there are no such weights.
    """
    if Path(start).suffix == ".safetensors":
        return load_weights(Path(start))
    style = load_style(start)
    network = style.card.get("network", {})
    model = onnx.load_from_string(style.model)
    try:
        if network["kind"] != "swift":
            raise KeyError(network["kind"])
        weights = Weights(
            _tensors(model, network["head"]), network, style.card["recipe"], {}
        )
        weights.build()
    except (KeyError, WeightsFileError) as error:
        raise StyleFileError(
            f"{start}: expected a style file with the weights of a swift network, got "
            f"another ({error}); int8 and fp16 twins and styles made of a picture at "
            "once are none"
        ) from error
    return weights


def begin_at(network: nn.Module, start: str | Path, styles: Sequence[str] = ()) -> None:
    """Give a network the weights of a start.

    Norms that are to be frozen begin with those of instance norms, and with their own
    typical statistics, which they learn first.

    Args:
        network: As a recipe makes it; changed.
        start: What `load_start` takes.
        styles: Which of its paintings, where it has several.

    Raises:
        ConfigError: the start has several paintings, and not these.
        TrainError: it is of another network.
        RtstyleError: there is no such start.
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

    Only what a swift net's recipe can say; nothing for others.
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


def _tensors(model: ModelProto, head: Head) -> dict[str, Tensor]:
    """Return the state dict of the swift net in a style file.

    The graph takes and gives levels of 0..255, which its first and last convolutions
    turn into the network's numbers, and it has the last one's channels in another
    order; see ``frame_graph`` and ``optimise_graph`` of rtstyle_export.
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
    """Return the scales and shifts of the instance norms, each by its convolution."""
    behind = {out: node for node in model.graph.node for out in node.output}
    found: dict[str, Tensor] = {}
    for node in model.graph.node:
        if node.op_type != "InstanceNormalization":
            continue
        conv = behind[node.input[0]].input[1]
        place = conv.removeprefix(PREFIX).removesuffix(".weight")
        # blocks.0.conv1, or blocks.0.conv1.1 of a separable one: blocks.0.norm1
        name = NORMS.get(place) or re.sub(r"\.conv(\d).*", r".norm\1", place)
        found[f"{name}.weight"] = stored[node.input[1]][None]
        found[f"{name}.bias"] = stored[node.input[2]][None]
    return found
