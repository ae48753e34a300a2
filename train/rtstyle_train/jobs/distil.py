"""Run `rtstyle train distil`: a small network learns what a teacher paints."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor

from rtstyle.networks.swift import stylize_padded
from rtstyle.networks.transform_net import TransformNet
from rtstyle.networks.weights_file import Weights
from rtstyle.untrusted.names import RULE, is_style_name
from rtstyle_train.config.distil import DistilConfig, make_distil_config
from rtstyle_train.config.reading import recipe_table
from rtstyle_train.data.preview import NUM_PHOTOS, write_columns
from rtstyle_train.data.teacher_pairs import TeacherPairs
from rtstyle_train.errors import ConfigError
from rtstyle_train.jobs.loss_weights import with_loss_network
from rtstyle_train.jobs.outputs import RunOptions, preview_writer, save_result
from rtstyle_train.jobs.painted_pairs import PairFolder, paint_pairs
from rtstyle_train.jobs.teachers import TeacherOptions, open_teacher
from rtstyle_train.loop.starts import begin_at, load_start, network_settings
from rtstyle_train.loop.trainer import Schedule, Trainer, kept_settings
from rtstyle_train.loop.training_run import run_to_end
from rtstyle_train.loss_networks import load_loss_network
from rtstyle_train.methods.distil import DistilledStyle, PairLoss
from rtstyle_train.methods.johnson import make_network

log = logging.getLogger(__name__)

MAY_DIFFER = ("pixel_weight", "perceptual_weight", "style_weight")
"""Settings that may change when a training goes on."""


@dataclass(frozen=True, slots=True)
class StudentJob:
    """Options of one training on the command line."""

    content: Path
    """Folder of photographs."""
    teacher: TeacherOptions
    """Who paints them."""
    run: RunOptions
    """Where the weights go, where it starts, and how long it takes."""
    pictures: int | None = None
    """How many photographs are painted; None for all."""
    pairs: Path | None = None
    """Where the painted pictures are kept; None for beside the weights."""

    @property
    def folder(self) -> PairFolder:
        """Return where the pairs are kept."""
        beside = self.run.out.with_name(self.run.out.stem + ".pairs")
        return PairFolder(self.pairs or beside)


def resolve_distil(
    recipe: str | None, flags: Mapping[str, Any], *, start: Path | None = None
) -> DistilConfig:
    """Merge recipe and flags; without a recipe the network is that of `start`.

    Raises:
        ConfigError: a setting is wrong.
        RtstyleError: the start does not exist.
    """
    table = recipe_table(recipe) if recipe else {}
    if start is not None and not recipe:
        table = network_settings(load_start(start))
    where = f"recipe {recipe}" if recipe else "command line"
    return make_distil_config(table, flags, where=where)


def train_distil(config: DistilConfig, job: StudentJob) -> Weights:
    """Let the teacher paint, then train, with progress on stderr.

    Raises:
        RtstyleError: a file or a setting is wrong.
        TrainError: the teacher fails, or the loss became infinite.
    """
    run = job.run
    run.check(".safetensors")
    if not is_style_name(run.out.stem):
        raise ConfigError(f"{run.out}: expected {RULE}, got {run.out.stem!r:.60}")
    job.teacher.check()
    run = with_loss_network(run, config.loss_network)
    job = replace(job, run=run)
    vgg = load_loss_network(config.loss_network, weights=run.loss_weights)
    network = make_network(config.network_config())
    if run.start:
        begin_at(network, run.start, [run.start_style] if run.start_style else [])
    pairs, identity = _painted(config, job)
    accelerator = Accelerator(mixed_precision=config.mixed_precision)
    torch.set_float32_matmul_precision("high")  # TF32, where there is a GPU
    trainer = Trainer(
        network,
        DistilledStyle(config, PairLoss(config, vgg).to(accelerator.device), pairs),
        Schedule(
            steps=config.steps,
            learning_rate=config.learning_rate,
            ema=config.ema,
            flat_after=config.flat_after,
            minutes=run.minutes,
        ),
        checkpoint=run.checkpoint,
        identity=_kept(config, run, identity),
        optimizer=config.optimizer,
        accelerator=accelerator,
    )
    if run.resume and run.checkpoint.exists():  # else it was stopped while painting
        trainer.resume()

    def network_with(average: Mapping[str, Tensor]) -> TransformNet:
        shown = make_network(config.network_config())
        shown.load_state_dict(average)
        return shown

    def write(path: Path, shown: TransformNet) -> None:
        _write_preview(path, shown, pairs)

    terms = run_to_end(trainer, preview_writer(run, network_with, write))
    style = {"name": run.out.stem, "file": "", "title": "", "artist": "", "year": ""}
    return save_result(
        trainer,
        run,
        network,
        tensors=trainer.average,
        recipe=config.as_dict() | {"styles": [style]},
        terms=terms,
        facts={"pairs": len(pairs), "teacher": identity},
    )


def _painted(
    config: DistilConfig, job: StudentJob
) -> tuple[TeacherPairs, dict[str, Any]]:
    """Have the pairs painted; return them and what they depend on."""
    options = replace(job.teacher, loss_weights=job.run.loss_weights)
    teacher = open_teacher(options)
    folder = job.folder
    try:
        count = paint_pairs(
            folder,
            teacher,
            job.content,
            short_side=config.short_side,
            smallest=config.size,
            count=job.pictures,
            overwrite=job.run.overwrite,
        )
    finally:
        teacher.close()
    log.info("%d pairs in %s", count, folder.path)
    pairs = TeacherPairs(folder.content, folder.painted, size=config.size)
    return pairs, dict(teacher.identity)


def _kept(
    config: DistilConfig, run: RunOptions, identity: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what a checkpoint must share with the training that goes on from it."""
    kept = kept_settings(config.as_dict())
    start = run.start.name if run.start else None
    return {n: v for n, v in kept.items() if n not in MAY_DIFFER} | {
        "teacher": dict(identity),
        "start": start,
    }


@torch.no_grad()
def _write_preview(path: Path, network: TransformNet, pairs: TeacherPairs) -> None:
    """Write rows of photograph, teacher's and student's picture."""
    content, painted = pairs.batch(NUM_PHOTOS, seed=0, step=0)
    stylized = stylize_padded(network, content, None, padding=network.padding)
    write_columns(path, [content, painted, stylized.clamp(0, 1)])
