"""`rtstyle train adain`: one network for any painting, into a weights file."""

import copy
import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn

import rtstyle
from rtstyle.networks.swift_adain import SwiftAdain
from rtstyle.networks.weights_file import Weights, describe_network, save_weights
from rtstyle_streams.frame import Pixels
from rtstyle_train.config.adain import AdainConfig
from rtstyle_train.data.adain_preview import preview_styles, write_adain_preview
from rtstyle_train.data.content_images import ContentImages, Photos
from rtstyle_train.data.device_photos import photos_on
from rtstyle_train.data.style_pictures import (
    StyleImages,
    read_paintings,
    render_textures,
)
from rtstyle_train.data.styled_batches import Pictures
from rtstyle_train.errors import ConfigError, TrainError
from rtstyle_train.loop.trainer import Method, Schedule, Trainer, kept_settings
from rtstyle_train.loop.training_run import run_to_end
from rtstyle_train.loss_networks import VggFeatures, load_loss_network
from rtstyle_train.methods.adain import AdainStyle, make_adain
from rtstyle_train.methods.swift_adain import (
    LiveStyleLoss,
    SwiftAdainStyle,
    make_swift_adain,
    measure_neutral,
)

log = logging.getLogger(__name__)

NEUTRAL_PHOTOS = 256
"""Crops of photographs whose mean modulation is the neutral one."""


@dataclass(frozen=True, slots=True)
class AdainJob:
    """What the command line of one training says."""

    content: Path
    """Folder of photographs."""
    styles: Path
    """Folder of paintings."""
    out: Path
    """Where the weights go."""
    loss_weights: Path | None = None
    """Local loss network; None downloads torchvision's."""
    minutes: float = 0.0
    """Time to spend, about; 0 for no limit."""
    resume: bool = False
    """Go on from the checkpoint beside `out`."""
    overwrite: bool = False
    """Whether `out` may exist."""


def train_adain(config: AdainConfig, job: AdainJob) -> Weights:
    """Train, with progress on stderr, checkpoints and previews beside the result.

    Raises:
        TrainError: a file is missing or broken, or the loss became infinite.
    """
    _check_output(job)
    accelerator = Accelerator()
    device = accelerator.device
    paintings = read_paintings(job.styles, held_out=config.held_out)
    photos = ContentImages(
        job.content, size=config.size, smallest_crop=config.smallest_crop
    )
    pictures = _pictures(config, photos, paintings, device)
    vgg = load_loss_network(config.loss_network, weights=job.loss_weights)
    network, method = make_parts(config, vgg, pictures, device)
    sums = {name: _checksum(pixels) for name, pixels in paintings.items()}
    schedule = Schedule(
        steps=config.steps,
        learning_rate=config.learning_rate,
        ema=config.ema,
        minutes=job.minutes,
    )
    trainer = Trainer(
        network,
        method,
        schedule,
        checkpoint=job.out.with_name(job.out.stem + ".checkpoint.safetensors"),
        identity=kept_settings(config.as_dict()) | {"paintings": sums},
        optimizer=config.optimizer,
        accelerator=accelerator,
    )
    if job.resume:
        trainer.resume()
    shown = preview_styles(job.styles, first=config.held_out)
    terms = run_to_end(trainer, _save_preview(config, job.out, vgg, photos, shown))
    network = _averaged(trainer.average, config, vgg).to(device)
    if isinstance(network, SwiftAdain):
        _set_neutral(network, pictures.photos, seed=config.seed)
    trained = _trained(trainer, job, terms)
    trained |= {"photographs": len(photos.images), "paintings_sha256": sums}
    weights = Weights(
        network.state_dict(), describe_network(network), config.as_dict(), trained
    )
    if accelerator.is_main_process:
        save_weights(job.out, weights)
        trainer.checkpoint.unlink(missing_ok=True)
    return weights


def _pictures(
    config: AdainConfig,
    photos: ContentImages,
    paintings: Mapping[str, Pixels],
    device: torch.device,
) -> Pictures:
    """Draw the textures and put all pictures where steps are made."""
    textures = render_textures(config.num_textures, seed=config.seed)
    counts = len(photos.images), len(paintings), len(textures)
    log.info("%d photographs, %d paintings, %d textures", *counts)
    return Pictures(
        photos=photos_on(device, photos),
        paintings=photos_on(
            device, StyleImages([*paintings.values()], size=config.size)
        ),
        textures=photos_on(device, StyleImages(textures, size=config.size)),
    )


def _set_neutral(network: SwiftAdain, photos: Photos, *, seed: int) -> None:
    neutral = measure_neutral(network, photos, count=NEUTRAL_PHOTOS, seed=seed)
    network.neutral.copy_(neutral)


def _trained(
    trainer: Trainer, job: AdainJob, terms: dict[str, float]
) -> dict[str, Any]:
    """Return what happened, for the weights file."""
    return {
        "steps": trainer.progress.step,
        "seconds": round(trainer.progress.seconds),
        "loss": {name: round(value, 5) for name, value in terms.items()},
        "loss_weights": job.loss_weights.name if job.loss_weights else "torchvision",
        "torch": torch.__version__,
        "rtstyle": rtstyle.__version__,
    }


def make_network(config: AdainConfig, vgg: VggFeatures) -> nn.Module:
    """Return the network of a recipe, with weights from its seed."""
    if config.network == "adain":
        return make_adain(config, vgg)
    return make_swift_adain(config)


def make_parts(
    config: AdainConfig, vgg: VggFeatures, pictures: Pictures, device: torch.device
) -> tuple[nn.Module, Method]:
    """Return the network and the method of a recipe."""
    network = make_network(config, vgg)
    if config.network == "adain":
        return network, AdainStyle(config, pictures)
    loss = LiveStyleLoss(config, copy.deepcopy(vgg)).to(device)
    return network, SwiftAdainStyle(config, loss, pictures)


def _save_preview(
    config: AdainConfig,
    out: Path,
    vgg: VggFeatures,
    photos: ContentImages,
    shown: list[Tensor],
) -> Callable[[dict[str, Tensor]], None]:
    """Return what writes a preview beside `out` from averaged weights."""
    preview = out.with_name(out.stem + ".preview.png")

    def write(average: dict[str, Tensor]) -> None:
        network = _averaged(average, config, vgg).cpu().eval()
        write_adain_preview(preview, network, photos, shown)

    return write


def _averaged(
    average: dict[str, Tensor], config: AdainConfig, vgg: VggFeatures
) -> nn.Module:
    network = make_network(config, vgg)
    network.load_state_dict(average)
    return network


def _checksum(pixels: Pixels) -> str:
    return hashlib.sha256(pixels.tobytes()).hexdigest()


def _check_output(job: AdainJob) -> None:
    if job.out.suffix != ".safetensors":
        raise ConfigError(f"{job.out}: expected a name that ends in .safetensors")
    if job.out.exists() and not job.overwrite:
        raise TrainError(f"{job.out}: exists already; use --overwrite to replace it")
    if not job.out.parent.is_dir():
        raise ConfigError(f"{job.out.parent}: expected a folder, got none there")
