"""Choose the loss network of a training when nobody names one."""

import logging
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Final, Literal

import torch
import torchvision

from rtstyle_train.errors import ConfigError
from rtstyle_train.jobs.outputs import RunOptions

log = logging.getLogger(__name__)

Architecture = Literal["vgg16", "vgg19"]
OWN: Final = Path(str(resources.files("rtstyle_train"))) / (
    "distillation/rtstyle_loss.safetensors"
)
"""The loss network that rtstyle brings, made by ``rtstyle train loss-network``."""
WORDS: Final = ("own", "vgg16", "vgg19")
"""What may be said instead of a file: rtstyle's own, or torchvision's."""


def with_loss_network(
    run: RunOptions, name: Architecture, *, may_be_own: bool = True
) -> RunOptions:
    """Return the options with the file of the loss network, or None: torchvision's.

    Args:
        run: Its `loss_weights` are what the command line says.
        name: Architecture that the recipe names.
        may_be_own: As in `loss_weights`.

    Raises:
        ConfigError: torchvision's network of another kind is asked for.
    """
    found = loss_weights(name, run.loss_weights, may_be_own=may_be_own)
    return replace(run, loss_weights=found)


def loss_weights(
    name: Architecture, given: Path | None, *, may_be_own: bool = True
) -> Path | None:
    """Return the file of the loss network, and say which one is used if none is named.

    Args:
        name: Architecture that the recipe names.
        given: A file, one of `WORDS`, or None for the default.
        may_be_own: Whether the default is rtstyle's own where torchvision's VGG-19 was
            not downloaded before; without it the default is torchvision's.

    Returns:
        A file for `load_loss_network`; None for torchvision's.

    Raises:
        ConfigError: torchvision's network of another kind is asked for.
    """
    word = str(given) if given is not None and not given.exists() else ""
    if given is not None and word not in WORDS:
        return given
    if word in WORDS[1:] and word != name:
        raise ConfigError(
            f"--loss-weights {word}: expected {name}, which the recipe names, or a file"
        )
    is_here = is_downloaded(name)
    if word == "own" or (may_be_own and not word and name == "vgg19" and not is_here):
        log.info(
            "loss network: rtstyle's own, a small VGG-19; --loss-weights vgg19 takes "
            "torchvision's"
        )
        return OWN
    how = "" if is_here else ", downloaded now"
    log.info("loss network: %s of torchvision%s", name, how)
    return None


def is_downloaded(name: Architecture) -> bool:
    """Return whether torchvision's weights lie in torch's cache."""
    url: str = torchvision.models.get_model_weights(name)["IMAGENET1K_V1"].url
    file = url.rpartition("/")[2]
    return (Path(torch.hub.get_dir()) / "checkpoints" / file).is_file()
