"""Read and write weights: safetensors only, moved into place when complete."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from rtstyle.errors import WeightsFileError
from rtstyle.networks.adain import AdainNet, AdainNetConfig
from rtstyle.networks.johnson import JohnsonNet
from rtstyle.networks.swift import SwiftConfig, SwiftNet
from rtstyle.networks.swift_adain import SwiftAdain, SwiftAdainConfig
from rtstyle.networks.transform_net import TransformNet
from rtstyle.untrusted.description import description_fault
from rtstyle.user_files import written_beside
from rtstyle_streams.errors import HEAD_BYTES, accident

FORMAT = "rtstyle.weights.1"
"""Name and version of the metadata's layout."""
MOST_CHANNELS, MOST_STAGES = 4096, 64
"""What a description may name at most: far above any network of ours."""


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
        with torch.device("meta"):  # a description may name any size: none is made
            wanted = build_network(self.network).state_dict()
        shapes = {name: tensor.shape for name, tensor in self.tensors.items()}
        for name, tensor in wanted.items():
            if shapes.pop(name, None) != tensor.shape:
                raise WeightsFileError(
                    f"weights do not fit their network (expected {name} of shape "
                    f"{list(tensor.shape)})"
                )
        if shapes:
            raise WeightsFileError(
                f"weights do not fit their network (got {next(iter(shapes))[:60]}, "
                "which it does not have)"
            )
        network = build_network(self.network)
        network.load_state_dict(self.tensors)
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
    _check_sizes(description)
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
    except (TypeError, ValueError, LookupError, ArithmeticError, RuntimeError) as error:
        text = " ".join(str(error).split())[:160]
        raise WeightsFileError(f"network {kind}: {text}") from error
    raise WeightsFileError(
        f"network: expected swift, swift-adain, adain or johnson, got {kind!r:.60}"
    )


def _check_sizes(description: Mapping[str, Any]) -> None:
    """Refuse numbers of channels, blocks and the like that no network has."""
    for key, value in description.items():
        numbers = value if isinstance(value, list | tuple) else [value]
        if len(numbers) > MOST_STAGES or any(
            isinstance(number, int | float) and not 0 <= number <= MOST_CHANNELS
            for number in numbers
        ):
            raise WeightsFileError(
                f"network: expected {key!s:.40} from 0 to {MOST_CHANNELS}, "
                f"got {value!r:.60}"
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
    if fault := description_fault(meta):
        raise WeightsFileError(f"{path}: {fault}")
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
    found, tensors = _read_safetensors(path)
    if found.get("format") != FORMAT:
        raise WeightsFileError(
            f"{path}: expected weights in the format {FORMAT}, "
            f"got {found.get('format', 'a file without that mark')!s:.60}"
        )
    try:
        meta = json.loads(found["rtstyle"])
        if not isinstance(meta, dict):
            raise ValueError(f"expected a table, got {type(meta).__name__}")
    except (KeyError, ValueError, RecursionError) as error:
        raise WeightsFileError(
            f"{path}: expected a description of the weights in its metadata, "
            f"got one that cannot be read ({str(error)[:120]})"
        ) from error
    return tensors, meta


def _read_safetensors(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Return the metadata and the tensors of a safetensors file."""
    try:
        with open(path, "rb") as raw:
            found = accident(raw.read(HEAD_BYTES))
        if found is not None:
            raise WeightsFileError(f"{path}: expected a safetensors file, got {found}")
        with safe_open(path, framework="pt") as file:
            names = file.keys()
            return file.metadata() or {}, {n: file.get_tensor(n) for n in names}
    except (OSError, SafetensorError) as error:
        raise WeightsFileError(
            f"{path}: expected a safetensors file of rtstyle, got {str(error)[:200]}"
        ) from error
