"""`rtstyle train adain`: one network for any painting, into a weights file."""

import copy
import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from rtstyle.networks.swift_adain import SwiftAdain
from rtstyle.networks.weights_file import Weights
from rtstyle_streams.frame import Pixels
from rtstyle_train.config.adain import AdainConfig
from rtstyle_train.data.adain_preview import preview_styles, write_adain_preview
from rtstyle_train.data.content_images import ContentImages, Photos
from rtstyle_train.data.device_photos import DevicePhotos
from rtstyle_train.data.style_pictures import (
    StyleImages,
    read_paintings,
    render_textures,
)
from rtstyle_train.data.styled_batches import Pictures
from rtstyle_train.jobs.outputs import RunOptions, preview_writer, save_result
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
    run: RunOptions
    """Where the weights go and how long it takes."""


def train_adain(config: AdainConfig, job: AdainJob) -> Weights:
    """Train, with progress on stderr, checkpoints and previews beside the result.

    Raises:
        TrainError: a file is missing or broken, or the loss became infinite.
    """
    job.run.check(".safetensors")
    accelerator = Accelerator()
    device = accelerator.device
    paintings = read_paintings(job.styles, held_out=config.held_out)
    photos = ContentImages(
        job.content, size=config.size, smallest_crop=config.smallest_crop
    )
    pictures = _pictures(config, photos, paintings, device)
    vgg = load_loss_network(config.loss_network, weights=job.run.loss_weights)
    network, method = make_parts(config, vgg, pictures, device)
    sums = {name: _checksum(pixels) for name, pixels in paintings.items()}
    schedule = Schedule(
        steps=config.steps,
        learning_rate=config.learning_rate,
        ema=config.ema,
        minutes=job.run.minutes,
    )
    trainer = Trainer(
        network,
        method,
        schedule,
        checkpoint=job.run.checkpoint,
        identity=kept_settings(config.as_dict()) | {"paintings": sums},
        optimizer=config.optimizer,
        accelerator=accelerator,
    )
    if job.run.resume:
        trainer.resume()
    shown = preview_styles(job.styles, first=config.held_out)

    def network_with(average: Mapping[str, Tensor]) -> nn.Module:
        return _averaged(average, config, vgg)

    def write(path: Path, network: nn.Module) -> None:
        write_adain_preview(path, network, photos, shown)

    terms = run_to_end(trainer, preview_writer(job.run, network_with, write))
    network = _averaged(trainer.average, config, vgg).to(device)
    if isinstance(network, SwiftAdain):
        _set_neutral(network, pictures.photos, seed=config.seed)
    return save_result(
        trainer,
        job.run,
        network,
        tensors=network.state_dict(),
        recipe=config.as_dict(),
        terms=terms,
        facts={"photographs": len(photos.images), "paintings_sha256": sums},
    )


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
        photos=_on(device, photos),
        paintings=_on(device, StyleImages([*paintings.values()], size=config.size)),
        textures=_on(device, StyleImages(textures, size=config.size)),
    )


def _set_neutral(network: SwiftAdain, photos: Photos, *, seed: int) -> None:
    neutral = measure_neutral(network, photos, count=NEUTRAL_PHOTOS, seed=seed)
    network.neutral.copy_(neutral)


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


def _averaged(
    average: Mapping[str, Tensor], config: AdainConfig, vgg: VggFeatures
) -> nn.Module:
    network = make_network(config, vgg)
    network.load_state_dict(average)
    return network


def _on(device: torch.device, images: ContentImages) -> Photos:
    return DevicePhotos(images, device) if device.type == "cuda" else images


def _checksum(pixels: Pixels) -> str:
    return hashlib.sha256(pixels.tobytes()).hexdigest()
