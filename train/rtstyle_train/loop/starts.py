"""Load what a training may start from: weights, or a style file's weights."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import nn

from rtstyle.gallery.find import load_style
from rtstyle.networks import SWIFT_SIZES, SwiftConfig
from rtstyle.networks.transform_net import TransformNet
from rtstyle.networks.weights_file import Weights, load_weights
from rtstyle_train.errors import ConfigError, TrainError
from rtstyle_train.loop.from_style_file import weights_of_style


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
    return weights_of_style(load_style(start))


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
