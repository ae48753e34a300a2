"""Run `rtstyle train image`: learn one painting, or several, into a weights file."""

import logging
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from rtstyle.networks.transform_net import TransformNet
from rtstyle.networks.weights_file import Weights
from rtstyle_train.config.image import StyleImage, TrainConfig, make_config
from rtstyle_train.config.reading import recipe_table
from rtstyle_train.data.content_images import (
    ContentImages,
    PicturesAsContent,
    load_style_image,
)
from rtstyle_train.data.device_photos import photos_on
from rtstyle_train.data.film_motion import Motion
from rtstyle_train.data.material import Material
from rtstyle_train.data.preview import write_preview
from rtstyle_train.errors import ConfigError
from rtstyle_train.jobs.loss_weights import with_loss_network
from rtstyle_train.jobs.outputs import (
    RunOptions,
    checksum,
    preview_writer,
    save_result,
)
from rtstyle_train.loop.starts import begin_at, load_start, network_settings
from rtstyle_train.loop.trainer import Schedule, Trainer, kept_settings
from rtstyle_train.loop.training_run import run_to_end
from rtstyle_train.loss_networks import load_loss_network
from rtstyle_train.losses.perceptual import PerceptualLoss
from rtstyle_train.methods.johnson import ImageStyle, make_network

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ImageJob:
    """Options of one training on the command line."""

    paintings: tuple[Path, ...]
    """Files of the style images, in the order of the recipe's styles."""
    content: Path | Material
    """Folder of photographs, or pictures in memory."""
    run: RunOptions
    """Where the weights go and how long it takes; without a `start_style` the styles
    named in the recipe are used."""
    is_compiled: bool = False
    """Whether to speed the network up with ``torch.compile`` first; on a CPU only."""


def resolve(
    recipe: str | None,
    paintings: Sequence[Path],
    flags: dict[str, Any],
    *,
    start: Path | None = None,
) -> tuple[TrainConfig, tuple[Path, ...]]:
    """Merge recipe and flags, and pair every style with the file of a painting.

    A folder among the paintings stands for the recipe's files in it. Without a recipe
    the network is that of `start`.

    Raises:
        ConfigError: the recipe and the paintings do not fit each other.
        RtstyleError: the start does not exist.
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
    """Return a recipe and flags that apply the flags to the recipe's first part too.

    The number of steps is divided between both parts in the recipe's proportion.
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


def train_image(
    config: TrainConfig,
    job: ImageJob,
    *,
    on_save: Callable[[TransformNet], None] | None = None,
    go_on_by: str = "the same command and --resume",
) -> Weights:
    """Train, with progress on stderr, checkpoints and previews beside the result.

    Args:
        config: The recipe.
        job: What is learned, on what, and where it goes.
        on_save: Called after each checkpoint with the network as learned so far, on
            the CPU.
        go_on_by: How to resume after Ctrl-C, as text for the user.

    Raises:
        TrainError: a file is missing or broken, or the loss became infinite.
    """
    job.run.check(".safetensors")
    job = replace(job, run=with_loss_network(job.run, config.loss_network))
    return _train(config, job, on_save=on_save, go_on_by=go_on_by)


def _train(
    config: TrainConfig,
    job: ImageJob,
    *,
    given_up: Sequence[Path] = (),
    on_save: Callable[[TransformNet], None] | None = None,
    go_on_by: str = "the same command and --resume",
) -> Weights:
    """Train; files of an abandoned training are removed when the steps begin."""
    job.run.check(".safetensors")
    given, job = job.run, _with_start(config, job)
    run = job.run
    sums = [checksum(path) for path in job.paintings]
    for style, digest in zip(config.styles, sums, strict=True):
        if style.sha256 and style.sha256 != digest:
            log.warning(
                "%s: not the file that the recipe was made with; the style will differ",
                style.file,
            )
    network = make_network(config)
    if run.start:
        names = [run.start_style] if run.start_style else []
        begin_at(network, run.start, names or [s.name for s in config.styles])
    if config.learned == "norms":
        keep_all_but_norms(network)
    photos, motion = _content(config, job.content)
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
        minutes=run.minutes,
        save_seconds=run.save_seconds,
    )
    trainer = Trainer(
        network,
        ImageStyle(config, loss, photos_on(device, photos), motion),
        schedule,
        checkpoint=run.checkpoint,
        identity=image_identity(config, job, sums),
        optimizer=config.optimizer,
        accelerator=accelerator,
    )
    if run.resume:
        trainer.resume()
    elif accelerator.is_main_process:
        for left in given_up:
            left.unlink(missing_ok=True)

    def network_with(average: Mapping[str, Tensor]) -> TransformNet:
        shown = make_network(config)
        shown.load_state_dict(average)
        return shown

    def write(path: Path, shown: TransformNet) -> None:
        write_preview(path, shown, photos, len(config.styles))
        if on_save is not None:
            on_save(shown)

    terms = run_to_end(
        trainer, preview_writer(run, network_with, write), go_on_by=go_on_by
    )
    weights = save_result(
        trainer,
        run,
        network,
        tensors=trainer.average,
        recipe=config.as_dict(),
        terms=terms,
        facts={"photographs": len(photos.images), "paintings_sha256": sums},
    )
    if accelerator.is_main_process and given.start is None:
        if run.start == given.first_part:
            run.start.unlink()
    accelerator.wait_for_everyone()  # the others start from it
    return weights


def keep_all_but_norms(network: nn.Module) -> None:
    """Let nothing of a network learn but the scales and shifts of its norms."""
    for name, parameter in network.named_parameters():
        parameter.requires_grad_("norm" in name.rpartition(".")[0])


def _content(
    config: TrainConfig, content: Path | Material
) -> tuple[ContentImages, Motion | None]:
    """Return what is painted, and what is to be steady if that is a film."""
    sides = {
        "size": config.size,
        "smallest_crop": config.smallest_crop,
        "margin": config.margin,
    }
    if isinstance(content, Path):
        return ContentImages(content, **sides), None
    return PicturesAsContent(content.pictures, **sides), content.motion(config.size)


def image_identity(
    config: TrainConfig, job: ImageJob, sums: list[str]
) -> dict[str, Any]:
    """Return what a checkpoint must share with the training that resumes from it."""
    return kept_settings(config.as_dict()) | {
        "paintings": list(sums),
        "short_side": [style.short_side for style in config.styles],
        "start": job.run.start.name if job.run.start else None,
    }


def _with_start(config: TrainConfig, job: ImageJob) -> ImageJob:
    """Return `job` with the recipe's start, training it first if necessary."""
    run = job.run
    if run.start:
        return job
    first = config.first_part()
    if first is None:
        start = Path(config.start) if config.start else None
        return replace(job, run=replace(run, start=start))
    work = [part.steps * part.batch_size for part in (first, config)]
    minutes = run.minutes * work[0] / sum(work)
    if not (run.resume and run.first_part.exists()):
        log.info("%s: first of two parts, %d steps", run.first_part.name, first.steps)
        part = replace(run, out=run.first_part, minutes=minutes, overwrite=True)
        given_up = (part.out, part.checkpoint, run.checkpoint)
        _train(first, replace(job, run=part), given_up=given_up)
    rest = replace(
        run,
        start=run.first_part,
        minutes=run.minutes - minutes,
        resume=run.resume and run.checkpoint.exists(),
    )
    return replace(job, run=rest)


def make_loss(
    config: TrainConfig, job: ImageJob, device: torch.device
) -> PerceptualLoss:
    """Load the loss network and measure the paintings."""
    vgg = load_loss_network(config.loss_network, weights=job.run.loss_weights)
    images = [
        load_style_image(path, short_side=style.short_side)
        for path, style in zip(job.paintings, config.styles, strict=True)
    ]
    return PerceptualLoss(config, vgg, images).to(device)


def _check_compiler(device: torch.device) -> None:
    if device.type != "cpu":
        raise ConfigError("--compile: is for a CPU; on a GPU steps are captured anyway")
    compilers = (os.environ.get("CXX", "g++"), "clang++")
    if not any(shutil.which(name) for name in compilers):
        raise ConfigError(
            "--compile: expected a C++ compiler (g++ or clang++), got none"
        )
