"""`rtstyle train text`: a prompt into a weights file."""

import copy
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn

import rtstyle
from rtstyle.networks import SwiftNet
from rtstyle.networks.weights_file import (
    Weights,
    describe_network,
    save_weights,
)
from rtstyle_train.clip.encoder import ClipEncoder, load_clip
from rtstyle_train.clip.source import ClipSource
from rtstyle_train.config.image import make_config
from rtstyle_train.config.text import TextConfig
from rtstyle_train.data.content_images import ContentImages
from rtstyle_train.data.preview import write_preview
from rtstyle_train.errors import ConfigError
from rtstyle_train.loop.starts import load_start
from rtstyle_train.loop.trainer import Schedule, Trainer, kept_settings
from rtstyle_train.loop.training_run import run_to_end
from rtstyle_train.loss_networks import VggFeatures, load_loss_network
from rtstyle_train.methods.johnson import make_network
from rtstyle_train.methods.text import ContentViews, TextStyle, padding_of

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TextJob:
    """What the command line of one text style says."""

    out: Path
    """Where the weights (or with `single` the picture) go."""
    content: Path | None = None
    """Folder of photographs."""
    single: Path | None = None
    """One photograph, for the papers' own way."""
    loss_weights: Path | None = None
    """Local loss network; None downloads torchvision's."""
    start: Path | None = None
    """Weights to start from."""
    start_style: str | None = None
    """Which style of several in `start` to start from."""
    minutes: float = 0.0
    """Time to spend, about; 0 for no limit."""
    resume: bool = False
    """Go on from the checkpoint beside `out`."""
    overwrite: bool = False
    """Whether `out` may exist."""
    truncate: bool = False
    """Whether a prompt that is too long may be cut."""

    def check(self) -> None:
        """Refuse what cannot be done, before anything is loaded.

        Raises:
            ConfigError: no photographs, or a place that cannot be written to.
        """
        if (self.content is None) == (self.single is None):
            raise ConfigError(
                "expected --content FOLDER (a network) or --single PHOTO (a picture), "
                f"got {'both' if self.content else 'neither'}"
            )
        endings = (".png", ".jpg") if self.single else (".safetensors",)
        if self.out.suffix not in endings:
            raise ConfigError(
                f"{self.out}: expected a name that ends in {' or '.join(endings)}"
            )
        if self.out.exists() and not self.overwrite:
            raise ConfigError(f"{self.out}: exists already; use --overwrite")
        if not self.out.parent.is_dir():
            raise ConfigError(f"{self.out.parent}: expected a folder, got none there")


def train_text(config: TextConfig, job: TextJob) -> Weights:
    """Train a network on a prompt, with progress on stderr and previews beside it.

    Raises:
        ConfigError: the prompt, the networks or the files make no sense.
        TrainError: a file is missing or broken, or the loss became infinite.
    """
    job.check()
    assert job.content is not None
    config, clip, vgg = load_judges(config, job)
    accelerator = Accelerator(mixed_precision="no")
    photos = ContentImages(
        job.content, size=config.size, smallest_crop=config.smallest_crop
    )
    network = start_network(config, job)
    views = ContentViews(photos, clip.to(accelerator.device), seed=config.seed)
    method = TextStyle(
        config,
        views=views,
        vgg=vgg.to(accelerator.device),
        identity_steps=0 if job.start else config.identity_steps,
        padding=padding_of(network),
    )
    trainer = make_trainer(
        network,
        method,
        out=job.out,
        start=job.start.name if job.start else "",
        minutes=job.minutes,
        accelerator=accelerator,
    )
    if job.resume:
        trainer.resume()
    terms = run_to_end(trainer, save_preview(trainer, job.out, photos))
    trained = _trained(trainer, job, terms) | {"photographs": len(photos.images)}
    weights = Weights(
        trainer.average, describe_network(network), config.as_dict(), trained
    )
    if accelerator.is_main_process:
        save_weights(job.out, weights)
        trainer.checkpoint.unlink(missing_ok=True)
    return weights


def load_judges(
    config: TextConfig, job: TextJob
) -> tuple[TextConfig, ClipEncoder, VggFeatures]:
    """Load CLIP and the content loss network, and check the prompt.

    Returns:
        The settings (with the prompt as CLIP will read it) and both networks.

    Raises:
        ConfigError: names, layers or the prompt make no sense.
        TrainError: files are missing or broken, or a download failed.
    """
    clip = load_clip(ClipSource(config.clip, config.clip_weights))
    prompt = clip.fitting_prompt(config.prompt, truncate=job.truncate)
    vgg = load_loss_network(config.loss_network, weights=job.loss_weights)
    return replace(config, prompt=prompt), clip, vgg


def start_network(config: TextConfig, job: TextJob) -> nn.Module:
    """Return the network to train: that of the start, or a new one of the recipe.

    Raises:
        ConfigError: the start holds no such style, or several and none was named.
        RtstyleError: there is no such start.
    """
    if job.start is None:
        same = ("network", "norm", "head", "padding", "seed")
        return make_network(make_config({n: getattr(config, n) for n in same}))
    weights = load_start(job.start)
    network = weights.build().train()
    if isinstance(network, SwiftNet) and network.config.num_styles > 1:
        names = [row["name"] for row in weights.recipe["styles"]]
        if job.start_style not in names:
            raise ConfigError(
                f"{job.start}: expected --start-style among {', '.join(names)}, "
                f"got {job.start_style or 'none'}"
            )
        return network.select_style(names.index(job.start_style)).train()
    return network


def make_trainer(
    network: nn.Module,
    method: TextStyle,
    *,
    out: Path,
    start: str = "",
    minutes: float = 0.0,
    accelerator: Accelerator | None = None,
) -> Trainer:
    """Return the trainer of a text style; its checkpoint is beside `out`."""
    config = method.config
    schedule = Schedule(
        steps=config.steps,
        learning_rate=config.learning_rate,
        ema=config.ema,
        minutes=minutes,
    )
    return Trainer(
        network,
        method,
        schedule,
        checkpoint=out.with_name(out.stem + ".checkpoint.safetensors"),
        identity=kept_settings(config.as_dict()) | {"start": start},
        optimizer=config.optimizer,
        accelerator=accelerator,
    )


def save_preview(
    trainer: Trainer, out: Path, photos: ContentImages
) -> Callable[[dict[str, Tensor]], None]:
    """Return what writes a preview beside `out` from averaged weights."""
    network = copy.deepcopy(trainer.accelerator.unwrap_model(trainer.network)).cpu()
    preview = out.with_name(out.stem + ".preview.png")

    def write(average: dict[str, Tensor]) -> None:
        network.load_state_dict({k: v.cpu() for k, v in average.items()})
        write_preview(preview, network.eval(), photos, 1)

    return write


def _trained(trainer: Trainer, job: TextJob, terms: dict[str, float]) -> dict[str, Any]:
    """Return what happened, for the weights file."""
    return {
        "steps": trainer.progress.step,
        "seconds": round(trainer.progress.seconds),
        "loss": {name: round(value, 5) for name, value in terms.items()},
        "loss_weights": job.loss_weights.name if job.loss_weights else "torchvision",
        "start": job.start.name if job.start else None,
        "torch": torch.__version__,
        "rtstyle": rtstyle.__version__,
    }
