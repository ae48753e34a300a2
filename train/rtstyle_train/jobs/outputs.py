"""Define what all trainings share: start, length and outputs."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

import rtstyle
from rtstyle.networks.weights_file import Weights, describe_network, save_weights
from rtstyle_train.errors import ConfigError, TrainError
from rtstyle_train.loop.trainer import Trainer

Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Options of the command line that all trainings share."""

    out: Path
    """Where the weights go; checkpoint and preview lie beside it."""
    loss_weights: Path | None = None
    """File of the loss network, or a word of `jobs.loss_weights`; None: the default."""
    start: Path | None = None
    """What to start from, passed to `load_start`."""
    start_style: str | None = None
    """Which style of `start`, if it has several."""
    minutes: float = 0.0
    """Approximate time to spend; 0 for no limit."""
    resume: bool = False
    """Whether to resume from the checkpoint beside `out`."""
    overwrite: bool = False
    """Whether `out` may exist."""
    save_seconds: float = 60.0
    """Time between two checkpoints."""

    @property
    def checkpoint(self) -> Path:
        """Return the path of the checkpoint."""
        return self.out.with_name(self.out.stem + ".checkpoint.safetensors")

    @property
    def preview(self) -> Path:
        """Return the path of the preview."""
        return self.out.with_name(self.out.stem + ".preview.png")

    @property
    def first_part(self) -> Path:
        """Return the path of the first of two parts, kept until both are finished."""
        return self.out.with_name(self.out.stem + ".first.safetensors")

    def check(self, *suffixes: str) -> None:
        """Refuse a path that cannot be written to, before anything is loaded.

        Args:
            suffixes: Allowed suffixes of `out`.

        Raises:
            ConfigError: another suffix, or the folder does not exist.
            TrainError: the file exists and may not be replaced.
        """
        if self.out.suffix not in suffixes:
            raise ConfigError(
                f"{self.out}: expected a name that ends in {' or '.join(suffixes)}"
            )
        if self.out.exists() and not self.overwrite:
            raise TrainError(
                f"{self.out}: exists already; use --overwrite to replace it"
            )
        if not self.out.parent.is_dir():
            raise ConfigError(f"{self.out.parent}: expected a folder, got none there")


def preview_writer(
    run: RunOptions,
    network_with: Callable[[Mapping[str, Tensor]], Network],
    write: Callable[[Path, Network], None],
) -> Callable[[dict[str, Tensor]], None]:
    """Return a function for `run_to_end` that writes a preview of averaged weights.

    Args:
        run: Has the path of the preview.
        network_with: Returns a network on the CPU with the given tensors.
        write: Writes a picture of a network's output.
    """

    def save(average: dict[str, Tensor]) -> None:
        tensors = {name: tensor.cpu() for name, tensor in average.items()}
        write(run.preview, network_with(tensors).eval())

    return save


def save_result(
    trainer: Trainer,
    run: RunOptions,
    network: nn.Module,
    *,
    tensors: Mapping[str, Tensor],
    recipe: dict[str, Any],
    terms: Mapping[str, float],
    facts: Mapping[str, Any],
) -> Weights:
    """Write the weights of a finished training, and remove its checkpoint.

    Args:
        trainer: A finished trainer.
        run: Has the path of the weights.
        network: Has the architecture of the weights.
        tensors: The weights.
        recipe: All settings, as JSON stores them.
        terms: Smoothed terms of the loss.
        facts: Further facts to store about this training.
    """
    trained = {
        "steps": trainer.progress.step,
        "seconds": round(trainer.progress.seconds),
        "loss": {name: round(value, 5) for name, value in terms.items()},
        "loss_weights": run.loss_weights.name if run.loss_weights else "torchvision",
        "start": run.start.name if run.start else None,
        "torch": torch.__version__,
        "rtstyle": rtstyle.__version__,
    }
    weights = Weights(
        dict(tensors), describe_network(network), recipe, trained | dict(facts)
    )
    if trainer.accelerator.is_main_process:
        save_weights(run.out, weights)
        trainer.checkpoint.unlink(missing_ok=True)
    return weights


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file, as hexadecimal digits.

    Raises:
        TrainError: it cannot be read.
    """
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise TrainError(f"{path}: cannot be read ({error.strerror})") from error
