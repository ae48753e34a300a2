"""`rtstyle train adain`: one network for any painting, into a weights file."""

import copy
import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn

import rtstyle
from rtstyle.networks.swift_adain import SwiftAdain
from rtstyle.networks.weights_file import Weights, describe_network, save_weights
from rtstyle_streams.frame import Pixels
from rtstyle_train.adain_batches import Pictures
from rtstyle_train.adain_config import AdainConfig
from rtstyle_train.adain_preview import preview_styles, write_adain_preview
from rtstyle_train.data import ContentImages, Photos
from rtstyle_train.device_photos import DevicePhotos
from rtstyle_train.errors import ConfigError, TrainError
from rtstyle_train.loss_networks import VggFeatures, load_loss_network
from rtstyle_train.losses.styled_batch import StyledBatchLoss
from rtstyle_train.methods.adain import AdainStyle, make_adain
from rtstyle_train.methods.cached_adain import CachedAdainStyle, measure_style
from rtstyle_train.methods.swift_adain import (
    SwiftAdainStyle,
    make_swift_adain,
    measure_neutral,
)
from rtstyle_train.starts import begin_at
from rtstyle_train.style_looks import StyleLooks
from rtstyle_train.style_pictures import (
    StyleImages,
    painting_name,
    read_painters,
    read_paintings,
    render_textures,
)
from rtstyle_train.trainer import Method, Schedule, Trainer, kept_settings
from rtstyle_train.training_run import run_to_end

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
    out: Path
    """Where the weights go."""
    textures: Path | None = None
    """Folder of textures, beside those drawn by code."""
    painters: Path | None = None
    """Table of who painted what, so that painters are drawn alike often."""
    start: Path | None = None
    """Weights to begin with; None begins with random ones."""
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
    accelerator = Accelerator(mixed_precision=config.mixed_precision)
    device = accelerator.device
    paintings = _read_all(job.styles, held_out=config.held_out)
    photos = ContentImages(
        job.content, size=config.size, smallest_crop=config.smallest_crop
    )
    vgg = load_loss_network(config.loss_network, weights=job.loss_weights)
    network = make_network(config, vgg)
    if job.start:
        begin_at(network, job.start)
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
        minutes=job.minutes,
        slower={"encoder.layers": config.modulation_rate},
    )
    trainer = Trainer(
        network,
        method,
        schedule,
        checkpoint=job.out.with_name(job.out.stem + ".checkpoint.safetensors"),
        identity=kept_settings(config.as_dict()) | {"paintings": digest},
        optimizer=config.optimizer,
        accelerator=accelerator,
    )
    if job.resume:
        trainer.resume()
    shown = preview_styles(job.styles, first=config.held_out)
    terms = run_to_end(trainer, _save_preview(config, job.out, vgg, photos, shown))
    network = _averaged(trainer.average, config, vgg).to(device)
    if isinstance(network, SwiftAdain):
        _set_neutral(network, _on(device, photos), seed=config.seed)
    trained = _trained(trainer, job, terms)
    counts = {"photographs": len(photos.images), "paintings": len(paintings)}
    trained |= counts | {"paintings_sha256": digest}
    weights = Weights(
        network.state_dict(), describe_network(network), config.as_dict(), trained
    )
    if accelerator.is_main_process:
        save_weights(job.out, weights)
        trainer.checkpoint.unlink(missing_ok=True)
    return weights


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
    return CachedAdainStyle(config, loss, _on(device, photos), looks)


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


def _trained(
    trainer: Trainer, job: AdainJob, terms: dict[str, float]
) -> dict[str, Any]:
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


def _on(device: torch.device, images: ContentImages) -> Photos:
    return DevicePhotos(images, device) if device.type == "cuda" else images


def _checksum(paintings: Mapping[str, Pixels]) -> str:
    """Return a checksum of all names and pixels."""
    found = hashlib.sha256()
    for name, pixels in sorted(paintings.items()):
        found.update(name.encode() + pixels.tobytes())
    return found.hexdigest()


def _check_output(job: AdainJob) -> None:
    if job.out.suffix != ".safetensors":
        raise ConfigError(f"{job.out}: expected a name that ends in .safetensors")
    if job.out.exists() and not job.overwrite:
        raise TrainError(f"{job.out}: exists already; use --overwrite to replace it")
    if not job.out.parent.is_dir():
        raise ConfigError(f"{job.out.parent}: expected a folder, got none there")
