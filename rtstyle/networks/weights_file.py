"""Read and write weights: safetensors only, moved into place when complete."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from rtstyle.errors import WeightsFileError
from rtstyle.networks.adain import AdainNet, AdainNetConfig
from rtstyle.networks.johnson import JohnsonNet
from rtstyle.networks.swift import SwiftConfig, SwiftNet
from rtstyle.networks.swift_adain import SwiftAdain, SwiftAdainConfig
from rtstyle.networks.transform_net import TransformNet
from rtstyle.user_files import written_beside

FORMAT = "rtstyle.weights.1"
"""Name and version of the metadata's layout."""


@dataclass(frozen=True, slots=True)
class Weights:
    """The result of a training: all that is needed to use, repeat or continue it."""

    tensors: dict[str, Tensor]
    """State dict of the network."""
    network: dict[str, Any]
    """Description of the network, for `build_network`."""
    recipe: dict[str, Any]
    """Every setting of the training, resolved, with the seed."""
    trained: dict[str, Any]
    """Steps, seconds, losses, checksums, versions."""

    def build(self) -> nn.Module:
        """Return the network with these weights, in evaluation mode.

        Raises:
            WeightsFileError: the tensors do not fit the description.
        """
        network = build_network(self.network)
        try:
            network.load_state_dict(self.tensors)
        except RuntimeError as error:
            text = " ".join(str(error).split())[:200]
            raise WeightsFileError(
                f"weights do not fit their network ({text})"
            ) from error
        return network.eval()

    def build_transform_net(self) -> TransformNet:
        """Return the network of fixed styles with these weights.

        Raises:
            WeightsFileError: the tensors do not fit, or the network is one for any
                painting.
        """
        network = self.build()
        if not isinstance(network, TransformNet):
            raise WeightsFileError(
                "weights: expected a network of fixed styles, got one for any "
                "painting; give it one with rtstyle export --painting"
            )
        return network


def describe_network(network: nn.Module) -> dict[str, Any]:
    """Return the description from which `build_network` makes an equal network."""
    if isinstance(network, SwiftNet):
        return {"kind": "swift", **asdict(network.config)}
    if isinstance(network, JohnsonNet):
        return {"kind": "johnson", "width": network.width}
    if isinstance(network, AdainNet):
        return {"kind": "adain", **network.config.as_dict()}
    if isinstance(network, SwiftAdain):
        return {"kind": "swift-adain", **network.config.as_dict()}
    raise TypeError(f"network: expected one of rtstyle's, got {type(network)}")


def build_network(description: Mapping[str, Any]) -> nn.Module:
    """Return a network with initial weights.

    Raises:
        WeightsFileError: the description is not of one of our networks.
    """
    rest = dict(description)
    kind = rest.pop("kind", None)
    try:
        if kind == "swift":
            return SwiftNet(SwiftConfig(**rest))
        if kind == "johnson":
            return JohnsonNet(**rest)
        if kind == "swift-adain":
            return SwiftAdain(SwiftAdainConfig.from_dict(rest))
        if kind == "adain":
            return AdainNet(AdainNetConfig.from_dict(rest))
    except (TypeError, KeyError) as error:
        raise WeightsFileError(f"network {kind}: {error}") from error
    raise WeightsFileError(
        f"network: expected swift, swift-adain, adain or johnson, got {kind!r}"
    )


def save_weights(path: Path, weights: Weights) -> None:
    """Write a weights file, whole or not at all."""
    meta = {
        "network": weights.network,
        "recipe": weights.recipe,
        "trained": weights.trained,
    }
    save_tensors(path, weights.tensors, meta=meta)


def load_weights(path: Path) -> Weights:
    """Read a weights file.

    Raises:
        WeightsFileError: it is missing, broken, or a checkpoint.
    """
    tensors, meta = load_tensors(path)
    if "network" not in meta:
        raise WeightsFileError(
            f"{path}: expected finished weights, got a checkpoint; "
            "finish the training with --resume"
        )
    return Weights(tensors, meta["network"], meta["recipe"], meta["trained"])


def save_tensors(
    path: Path, tensors: Mapping[str, Tensor], *, meta: Mapping[str, Any]
) -> None:
    """Write tensors and their description into one file.

    Args:
        path: Replaced only by the whole new file.
        tensors: By name, any shapes; copied to the CPU.
        meta: Metadata that JSON can hold.

    Raises:
        WeightsFileError: it cannot be written.
    """
    plain = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
    try:
        with written_beside(path) as part:
            facts = {"format": FORMAT, "rtstyle": json.dumps(dict(meta))}
            save_file(plain, part, facts)
    except (OSError, SafetensorError) as error:
        raise WeightsFileError(f"{path}: cannot be written ({error})") from error


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `save_tensors` wrote.

    Returns:
        The tensors by name, and the metadata.

    Raises:
        WeightsFileError: it is missing, broken, or written by something else.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise WeightsFileError(
            f"{path}: expected a safetensors file of rtstyle, got {error}"
        ) from error
    if metadata.get("format") != FORMAT:
        raise WeightsFileError(
            f"{path}: expected weights in the format {FORMAT}, "
            f"got {metadata.get('format', 'a file without that mark')}"
        )
    return tensors, json.loads(metadata["rtstyle"])
