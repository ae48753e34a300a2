"""`rtstyle train adain`: one network for any painting, into a weights file."""

import copy
import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
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
from rtstyle_train.data.device_photos import photos_on
from rtstyle_train.data.style_looks import StyleLooks
from rtstyle_train.data.style_pictures import (
    StyleImages,
    painting_name,
    read_painters,
    read_paintings,
    render_textures,
)
from rtstyle_train.data.styled_batches import Pictures
from rtstyle_train.jobs.loss_weights import with_loss_network
from rtstyle_train.jobs.outputs import RunOptions, preview_writer, save_result
from rtstyle_train.loop.method import Method
from rtstyle_train.loop.starts import begin_at
from rtstyle_train.loop.trainer import Schedule, Trainer, kept_settings
from rtstyle_train.loop.training_run import run_to_end
from rtstyle_train.loss_networks import VggFeatures, load_loss_network
from rtstyle_train.losses.styled_batch import StyledBatchLoss
from rtstyle_train.methods.adain import AdainStyle, make_adain
from rtstyle_train.methods.cached_adain import CachedAdainStyle, measure_style
from rtstyle_train.methods.swift_adain import (
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
    styles: tuple[Path, ...]
    """Folders of paintings."""
    run: RunOptions
    """Where the weights go, where it starts, and how long it takes."""
    textures: Path | None = None
    """Folder of textures, beside those drawn by code."""
    painters: Path | None = None
    """Table of who painted what, so that painters are drawn alike often."""


def train_adain(config: AdainConfig, job: AdainJob) -> Weights:
    """Train, with progress on stderr, checkpoints and previews beside the result.

    Raises:
        TrainError: a file is missing or broken, or the loss became infinite.
    """
    job.run.check(".safetensors")
    # Huang and Belongie's network has a VGG-19 in it
    is_light = config.network == "swift-adain"
    run = with_loss_network(job.run, config.loss_network, may_be_own=is_light)
    job = replace(job, run=run)
    accelerator = Accelerator(mixed_precision=config.mixed_precision)
    device = accelerator.device
    paintings = _read_all(job.styles, held_out=config.held_out)
    photos = ContentImages(
        job.content, size=config.size, smallest_crop=config.smallest_crop
    )
    vgg = load_loss_network(config.loss_network, weights=job.run.loss_weights)
    network = make_network(config, vgg)
    if job.run.start:
        begin_at(network, job.run.start)
    method: Method
    if config.targets == "cached":
        method = _cached(config, job, network.to(device), vgg, paintings, photos)
    else:
        pictures = _pictures(config, photos, paintings, device)
        method = make_method(config, vgg, pictures, device)
    digest = _checksum(paintings)
    schedule = Schedule(
        steps=config.steps,
        learning_rate=config.learning_rate,
        ema=config.ema,
        minutes=job.run.minutes,
        slower={"encoder.layers": config.modulation_rate},
    )
    trainer = Trainer(
        network,
        method,
        schedule,
        checkpoint=job.run.checkpoint,
        identity=kept_settings(config.as_dict()) | {"paintings": digest},
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
        _set_neutral(network, photos_on(device, photos), seed=config.seed)
    counts = {"photographs": len(photos.images), "paintings": len(paintings)}
    return save_result(
        trainer,
        job.run,
        network,
        tensors=network.state_dict(),
        recipe=config.as_dict(),
        terms=terms,
        facts=counts | {"paintings_sha256": digest},
    )


def _read_all(folders: Sequence[Path], *, held_out: Sequence[str]) -> dict[str, Pixels]:
    """Read paintings of one folder by their names, of several with the folders'."""
    if len(folders) == 1:
        return read_paintings(folders[0], held_out=held_out)
    return {
        painting_name(folder / name): pixels
        for folder in folders
        for name, pixels in read_paintings(folder, held_out=held_out).items()
    }


def _cached(
    config: AdainConfig,
    job: AdainJob,
    network: nn.Module,
    vgg: VggFeatures,
    paintings: Mapping[str, Pixels],
    photos: ContentImages,
) -> CachedAdainStyle:
    """Return the method whose style pictures are measured once."""
    assert isinstance(network, SwiftAdain)
    device = network.neutral.device
    network.encoder.convs.requires_grad_(False)
    loss = StyledBatchLoss(config, copy.deepcopy(vgg)).to(device)
    painters = read_painters(job.painters, job.styles)
    textures = render_textures(config.num_textures, seed=config.seed)
    if job.textures:
        textures += list(read_paintings(job.textures).values())
    groups = [painters.get(name, name) for name in paintings]
    log.info(
        "%d paintings by %d painters, %d textures",
        *(len(paintings), len(set(groups)), len(textures)),
    )
    make = partial(
        StyleLooks,
        measure=partial(measure_style, network, loss),
        looks=config.looks,
        sides=config.shown_sides,
        recolour_share=config.recolour_share,
    )
    looks = {
        "paintings": make([*paintings.values()], seed=config.seed, groups=groups),
        "textures": make(textures, seed=config.seed + 1),
    }
    return CachedAdainStyle(config, loss, photos_on(device, photos), looks)


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


def make_network(config: AdainConfig, vgg: VggFeatures) -> nn.Module:
    """Return the network of a recipe, with weights from its seed."""
    if config.network == "adain":
        return make_adain(config, vgg)
    return make_swift_adain(config)


def make_method(
    config: AdainConfig, vgg: VggFeatures, pictures: Pictures, device: torch.device
) -> Method:
    """Return the method of a recipe whose style pictures are new in every step."""
    if config.network == "adain":
        return AdainStyle(config, pictures)
    loss = StyledBatchLoss(config, copy.deepcopy(vgg)).to(device)
    return SwiftAdainStyle(config, loss, pictures)


def _averaged(
    average: Mapping[str, Tensor], config: AdainConfig, vgg: VggFeatures
) -> nn.Module:
    network = make_network(config, vgg)
    network.load_state_dict(average)
    return network


def _checksum(paintings: Mapping[str, Pixels]) -> str:
    """Return a checksum of all names and pixels."""
    found = hashlib.sha256()
    for name, pixels in sorted(paintings.items()):
        found.update(name.encode() + pixels.tobytes())
    return found.hexdigest()
