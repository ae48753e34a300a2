"""`rtstyle train image`: one painting, or several at once, into a weights file."""

import hashlib
import logging
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor

import rtstyle
from rtstyle.networks.weights_file import (
    Weights,
    describe_network,
    save_weights,
)
from rtstyle_train.config.fitting import read_recipe
from rtstyle_train.config.image import StyleImage, TrainConfig, make_config
from rtstyle_train.data.content_images import ContentImages, load_style_image
from rtstyle_train.data.device_photos import photos_on
from rtstyle_train.data.preview import write_preview
from rtstyle_train.errors import ConfigError, TrainError
from rtstyle_train.loop.starts import begin_at, load_start, network_settings
from rtstyle_train.loop.trainer import Schedule, Trainer, kept_settings
from rtstyle_train.loop.training_run import run_to_end
from rtstyle_train.loss_networks import load_loss_network
from rtstyle_train.losses.perceptual import PerceptualLoss
from rtstyle_train.methods.johnson import ImageStyle, make_network

log = logging.getLogger(__name__)

RECIPES = Path(str(resources.files("rtstyle_train") / "recipes"))
"""Folder of the bundled recipes."""


@dataclass(frozen=True, slots=True)
class ImageJob:
    """What the command line of one training says."""

    paintings: tuple[Path, ...]
    """Files of the style images, in the order of the recipe's styles."""
    content: Path
    """Folder of photographs."""
    out: Path
    """Where the weights go."""
    loss_weights: Path | None = None
    """Local loss network; None downloads torchvision's."""
    start: Path | None = None
    """What `load_start` takes, to start from."""
    start_style: str | None = None
    """Which style of several in `start`; None: those of the recipe's names."""
    minutes: float = 0.0
    """Time to spend, about; 0 for no limit."""
    is_compiled: bool = False
    """Whether ``torch.compile`` makes the network quicker first; on a CPU only."""
    resume: bool = False
    """Go on from the checkpoint beside `out`."""
    overwrite: bool = False
    """Whether `out` may exist."""


def recipe_path(name_or_path: str) -> Path:
    """Return the file of a bundled recipe, or the path itself.

    Raises:
        ConfigError: there is neither.
    """
    path = Path(name_or_path)
    if path.suffix == ".toml" or path.is_file():
        return path
    bundled = RECIPES / f"{name_or_path}.toml"
    if bundled.exists():
        return bundled
    names = ", ".join(sorted(entry.stem for entry in RECIPES.glob("*.toml")))
    raise ConfigError(
        f"recipe {name_or_path!r}: no such file and no bundled recipe; "
        f"bundled are {names}"
    )


def recipe_table(name_or_path: str) -> dict[str, Any]:
    """Return the settings of a bundled recipe or of a recipe's file.

    Raises:
        ConfigError: there is no such recipe, or it is broken.
    """
    return read_recipe(recipe_path(name_or_path))


def resolve(
    recipe: str | None,
    paintings: Sequence[Path],
    flags: dict[str, Any],
    *,
    start: Path | None = None,
) -> tuple[TrainConfig, tuple[Path, ...]]:
    """Merge recipe and flags, and pair every style with a painting's file.

    A folder among the paintings stands for the recipe's files in it. Without a recipe
    the network is that of `start`.

    Raises:
        ConfigError: the recipe and the paintings do not fit each other.
        RtstyleError: there is no such start.
    """
    table = recipe_table(recipe) if recipe else {}
    if start is not None and not recipe:
        table = network_settings(load_start(start))
    where = f"recipe {recipe}" if recipe else "command line"
    config = make_config(*_for_both_parts(table, flags), where=where)
    styles = config.styles
    if len(paintings) == 1 and paintings[0].is_dir() and styles:
        files = tuple(paintings[0] / style.file for style in styles)
    else:
        files = tuple(paintings)
        if not styles:
            styles = tuple(StyleImage(name=p.stem, file=p.name) for p in files)
    if len(styles) != len(files):
        raise ConfigError(
            f"{where}: expected {len(styles)} paintings, one for each style, "
            f"got {len(files)}"
        )
    return replace(config, styles=styles), files


def _for_both_parts(
    table: Mapping[str, Any], flags: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a recipe and flags so that flags count in a recipe's first part too.

    Steps are those of both parts together, in the recipe's proportion.
    """
    recipe = dict(table)
    given = {name: value for name, value in flags.items() if value is not None}
    if not (first := recipe.get("first")):
        return recipe, given
    own = recipe.get("steps", TrainConfig().steps)
    before = first.get("steps", own)
    first = first | {name: value for name, value in given.items() if name in first}
    if "steps" in given:
        first["steps"] = max(1, round(given["steps"] * before / (before + own)))
        given["steps"] = max(1, given["steps"] - first["steps"])
    return recipe | {"first": first}, given


def train_image(config: TrainConfig, job: ImageJob) -> Weights:
    """Train, with progress on stderr, checkpoints and previews beside the result.

    Raises:
        TrainError: a file is missing or broken, or the loss became infinite.
    """
    return _train(config, job)


def _train(
    config: TrainConfig, job: ImageJob, *, given_up: Sequence[Path] = ()
) -> Weights:
    """Train; what a training that was given up has left goes when steps begin."""
    _check_output(job)
    given, job = job, _with_start(config, job)
    sums = [_checksum(path) for path in job.paintings]
    for style, found in zip(config.styles, sums, strict=True):
        if style.sha256 and style.sha256 != found:
            log.warning(
                "%s: not the file that the recipe was made with; the style will differ",
                style.file,
            )
    network = make_network(config)
    if job.start:
        wanted = [job.start_style] if job.start_style else []
        begin_at(network, job.start, wanted or [s.name for s in config.styles])
    photos = ContentImages(
        job.content,
        size=config.size,
        smallest_crop=config.smallest_crop,
        margin=config.margin,
    )
    log.info("%d photographs, %d styles", len(photos.images), len(config.styles))
    accelerator = Accelerator(mixed_precision=config.mixed_precision)
    device = accelerator.device
    torch.set_float32_matmul_precision("high")  # TF32, where there is a GPU
    if job.is_compiled:
        _check_compiler(device)
        network.compile()
    loss = make_loss(config, job, device)
    schedule = Schedule(
        steps=config.steps,
        learning_rate=config.learning_rate,
        ema=config.ema,
        flat_after=config.flat_after,
        minutes=job.minutes,
    )
    trainer = Trainer(
        network,
        ImageStyle(config, loss, photos_on(device, photos)),
        schedule,
        checkpoint=checkpoint_of(job.out),
        identity=image_identity(config, job, sums),
        optimizer=config.optimizer,
        accelerator=accelerator,
    )
    if job.resume:
        trainer.resume()
    elif accelerator.is_main_process:
        for left in given_up:
            left.unlink(missing_ok=True)
    terms = run_to_end(trainer, _save_preview(config, job.out, photos))
    trained = {
        "steps": trainer.progress.step,
        "seconds": round(trainer.progress.seconds),
        "loss": {name: round(value, 5) for name, value in terms.items()},
        "photographs": len(photos.images),
        "paintings_sha256": sums,
        "loss_weights": job.loss_weights.name if job.loss_weights else "torchvision",
        "start": job.start.name if job.start else None,
        "torch": torch.__version__,
        "rtstyle": rtstyle.__version__,
    }
    weights = Weights(
        trainer.average, describe_network(network), config.as_dict(), trained
    )
    if accelerator.is_main_process:
        save_weights(job.out, weights)
        trainer.checkpoint.unlink(missing_ok=True)
        if given.start is None and job.start == first_of(job.out):
            job.start.unlink()
    accelerator.wait_for_everyone()  # the others read it, as their start
    return weights


def image_identity(
    config: TrainConfig, job: ImageJob, sums: list[str]
) -> dict[str, Any]:
    """Return what a checkpoint must have in common with a training to go on with."""
    return kept_settings(config.as_dict()) | {
        "paintings": list(sums),
        "short_side": [style.short_side for style in config.styles],
        "start": job.start.name if job.start else None,
    }


def _with_start(config: TrainConfig, job: ImageJob) -> ImageJob:
    """Return `job` with the recipe's start, which may have to be trained before."""
    if job.start:
        return job
    first = config.first_part()
    if first is None:
        return replace(job, start=Path(config.start)) if config.start else job
    out = first_of(job.out)
    work = [part.steps * part.batch_size for part in (first, config)]
    minutes = job.minutes * work[0] / sum(work)
    if not (job.resume and out.exists()):
        log.info("%s: first of two parts, %d steps", out.name, first.steps)
        part = replace(job, out=out, minutes=minutes, overwrite=True)
        _train(first, part, given_up=(out, checkpoint_of(out), checkpoint_of(job.out)))
    is_begun = checkpoint_of(job.out).exists()
    rest = job.minutes - minutes
    return replace(job, start=out, minutes=rest, resume=job.resume and is_begun)


def first_of(out: Path) -> Path:
    """Return where the first part of the training to `out` is, until it is finished."""
    return out.with_name(out.stem + ".first.safetensors")


def checkpoint_of(out: Path) -> Path:
    """Return where the checkpoint of the training to `out` is."""
    return out.with_name(out.stem + ".checkpoint.safetensors")


def make_loss(
    config: TrainConfig, job: ImageJob, device: torch.device
) -> PerceptualLoss:
    """Load the loss network and measure the paintings."""
    vgg = load_loss_network(config.loss_network, weights=job.loss_weights)
    images = [
        load_style_image(path, short_side=style.short_side)
        for path, style in zip(job.paintings, config.styles, strict=True)
    ]
    return PerceptualLoss(config, vgg, images).to(device)


def _save_preview(
    config: TrainConfig, out: Path, photos: ContentImages
) -> Callable[[dict[str, Tensor]], None]:
    """Return what writes a preview beside `out` from averaged weights."""
    preview = out.with_name(out.stem + ".preview.png")

    def write(average: dict[str, Tensor]) -> None:
        network = make_network(config)
        network.load_state_dict({k: v.cpu() for k, v in average.items()})
        write_preview(preview, network.eval(), photos, len(config.styles))

    return write


def _check_compiler(device: torch.device) -> None:
    if device.type != "cpu":
        raise ConfigError("--compile: is for a CPU; on a GPU steps are captured anyway")
    compilers = (os.environ.get("CXX", "g++"), "clang++")
    if not any(shutil.which(name) for name in compilers):
        raise ConfigError(
            "--compile: expected a C++ compiler (g++ or clang++), got none"
        )


def _check_output(job: ImageJob) -> None:
    if job.out.suffix != ".safetensors":
        raise ConfigError(f"{job.out}: expected a name that ends in .safetensors")
    if job.out.exists() and not job.overwrite:
        raise TrainError(f"{job.out}: exists already; use --overwrite to replace it")
    if not job.out.parent.is_dir():
        raise ConfigError(f"{job.out.parent}: expected a folder, got none there")


def _checksum(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise TrainError(f"{path}: cannot be read ({error.strerror})") from error
