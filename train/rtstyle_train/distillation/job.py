"""`rtstyle train loss-network`: a small loss network of one's own."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from rtstyle_train.data.content_images import ContentImages
from rtstyle_train.distillation.networks import (
    LAYERS,
    Mapped,
    Student,
    Teacher,
    scaling_of,
    write_loss_network,
)
from rtstyle_train.errors import ConfigError, TrainError
from rtstyle_train.loop.trainer import Schedule, Trainer
from rtstyle_train.loop.training_run import run_to_end
from rtstyle_train.loss_networks import load_loss_network
from rtstyle_train.losses.content import content_loss

log = logging.getLogger(__name__)

JUDGED = 64
"""Crops of pictures that training did not see, by which a student is judged."""


@dataclass(frozen=True, slots=True)
class DistilJob:
    """What the command line says."""

    pictures: tuple[Path, ...]
    """Folders of photographs and paintings, drawn alike often."""
    judged_on: Path
    """Folder of pictures that are not learnt from."""
    out: Path
    """Where the weights go."""
    teacher: Path | None = None
    """VGG-19; None downloads torchvision's."""
    deep_teacher: Path | None = None
    """A distilled network, for layers that the teacher's file lacks."""
    steps: int = 20_000
    """Steps at the most."""
    minutes: float = 0.0
    """Time at most; 0 for no limit."""
    batch_size: int = 8
    """Crops a step."""
    size: int = 128
    """Side of the crops, in pixels."""
    learning_rate: float = 2e-3
    """The highest."""
    optimizer: Literal["adam", "muon"] = "adam"
    """As in `TrainConfig`."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """Number format inside both networks; weights and losses are always fp32."""
    seed: int = 1234
    """Of weights and crops."""
    resume: bool = False
    """Go on from the checkpoint beside `out`."""
    overwrite: bool = False
    """Whether `out` may exist."""


class Distillation:
    """One step: the student is held to see what the teacher sees.

    Each layer counts alike: its squared distance is divided by the teacher's variance.
    """

    def __init__(
        self, teacher: Teacher, pictures: Sequence[ContentImages], job: DistilJob
    ) -> None:
        self.teacher, self.pictures, self.job = teacher, pictures, job

    def losses(
        self, network: nn.Module, *, step: int, rank: int, device: torch.device
    ) -> dict[str, Tensor]:
        """Return the distance of each layer; the same for the same step."""
        images = self.pictures[step % len(self.pictures)]
        seed = self.job.seed + rank
        batch = images.batch(self.job.batch_size, seed=seed, step=step).to(device)
        is_short = self.job.precision == "bf16"
        with torch.autocast(device.type, torch.bfloat16, enabled=is_short):
            wanted, seen = self.teacher(batch), network(batch)
        return {
            name: content_loss(seen[name].float(), wanted[name].float())
            for name in wanted
        }


def distil(job: DistilJob) -> dict[str, float]:
    """Train a student and write it; return its correlations by layer.

    Raises:
        TrainError: a file is missing or broken.
        ConfigError: the result may not be written.
    """
    _check_output(job)
    torch.manual_seed(job.seed)
    accelerator = Accelerator(mixed_precision="no")
    vgg = load_loss_network("vgg19", weights=job.teacher)
    deep = Mapped(job.deep_teacher) if job.deep_teacher else None
    teacher = Teacher(vgg, deep).requires_grad_(False)
    student = Student(wide=teacher.widths, conv0=scaling_of(vgg))
    teacher.to(accelerator.device)
    pictures = [ContentImages(p, size=job.size, smallest_crop=96) for p in job.pictures]
    kept = {"size": job.size, "seed": job.seed, "pictures": len(pictures)}
    trainer = Trainer(
        student,
        Distillation(teacher, pictures, job),
        Schedule(job.steps, job.learning_rate, ema=0.999, minutes=job.minutes),
        checkpoint=job.out.with_name(job.out.stem + ".checkpoint.safetensors"),
        identity=kept,
        optimizer=job.optimizer,
        accelerator=accelerator,
    )
    if job.resume:
        trainer.resume()
    run_to_end(trainer, lambda average: None)
    student.load_state_dict(trainer.average)
    judged = ContentImages(job.judged_on, size=job.size, smallest_crop=96)
    found = correlations(student, teacher, judged.batch(JUDGED, seed=0, step=0))
    if accelerator.is_main_process:
        write_loss_network(job.out, student)
        trainer.checkpoint.unlink(missing_ok=True)
    return found


@torch.no_grad()
def correlations(
    student: Student | Mapped, teacher: Teacher, pixels: Tensor
) -> dict[str, float]:
    """Return how alike both see: by layer, the mean over channels of Pearson's r.

    Args:
        student: Any.
        teacher: On the same device.
        pixels: RGB, shape ``(N, 3, H, W)``, 0..1.
    """
    device = next(student.parameters()).device
    seen, wanted = student(pixels.to(device)), teacher(pixels.to(device))
    return {name: _correlation(seen[name], wanted[name]) for name in wanted}


def _correlation(one: Tensor, other: Tensor) -> float:
    flat = [x.transpose(0, 1).flatten(1).double() for x in (one, other)]
    centred = [x - x.mean(dim=1, keepdim=True) for x in flat]
    norms = [x.norm(dim=1) for x in centred]
    shows = (norms[1] > 0) & (norms[0] > 0)
    inner = (centred[0] * centred[1]).sum(dim=1)[shows]
    return float((inner / (norms[0] * norms[1])[shows]).mean())


def report(job: DistilJob, found: dict[str, float]) -> str:
    """Return the correlations as a table."""
    lines = ["| layer | correlation |", "|---|---|"]
    lines += [f"| {name} | {found[name]:.3f} |" for name in LAYERS if name in found]
    return "\n".join([*lines, f"{job.out}: written", ""])


def _check_output(job: DistilJob) -> None:
    if job.out.suffix != ".safetensors":
        raise ConfigError(f"{job.out}: expected a name that ends in .safetensors")
    if job.out.exists() and not job.overwrite:
        raise TrainError(f"{job.out}: exists already; use --overwrite to replace it")
    if not job.out.parent.is_dir():
        raise ConfigError(f"{job.out.parent}: expected a folder, got none there")
