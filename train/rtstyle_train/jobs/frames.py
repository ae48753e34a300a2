"""Run `rtstyle train frames`: learn how a film is painted from a few of its frames."""

import hashlib
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor

from rtstyle.networks.transform_net import TransformNet
from rtstyle.networks.weights_file import Weights, load_tensors
from rtstyle.painted_frames.finding import read_painted
from rtstyle_streams.opening import open_source
from rtstyle_streams.pictures.picture_file import PICTURE_SUFFIXES
from rtstyle_streams.protocols import Source
from rtstyle_train.config.frames import FramesConfig
from rtstyle_train.data.film_frames import FilmFrames
from rtstyle_train.data.frames_preview import write_frames_preview
from rtstyle_train.data.painted_pairs import (
    Gathered,
    from_clips,
    from_film,
    from_folders,
    spread,
)
from rtstyle_train.errors import ConfigError
from rtstyle_train.jobs.frame_starts import Start, make_network, nearest_start
from rtstyle_train.jobs.loss_weights import with_loss_network
from rtstyle_train.jobs.outputs import RunOptions, preview_writer, save_result
from rtstyle_train.loop.number_format import is_bfloat16_quick
from rtstyle_train.loop.trainer import Schedule, Trainer, kept_settings
from rtstyle_train.loop.training_run import run_to_end
from rtstyle_train.loss_networks import load_loss_network
from rtstyle_train.losses.painted import PaintedLoss
from rtstyle_train.methods.frames import PaintedFrames, painted_crops

log = logging.getLogger(__name__)

WARMUP_STEPS = 20
"""Steps over which the learning rate rises: the network was trained before."""


@dataclass(frozen=True, slots=True)
class FramesJob:
    """Options of one training on the command line."""

    run: RunOptions
    """Where the weights go and how long it takes."""
    film: str | None = None
    """The film; None with `pairs` and `clip`."""
    painted: tuple[Path, ...] = ()
    """Painted frames of the film, or folders of them."""
    at: tuple[float, ...] = ()
    """When they are shown, in seconds, in the same order; empty: found by name or by
    comparison."""
    masks: tuple[Path, ...] = ()
    """Pictures that are black where the painting does not count, in the same order."""
    pairs: tuple[Path, Path] | None = None
    """Folders of frames before and after, paired by name."""
    clip: tuple[str, str] | None = None
    """The film, and all of it painted."""
    every: int = 1
    """Take one frame of so many of `clip`."""

    def check(self) -> None:
        """Refuse what cannot be meant, before anything is read.

        Raises:
            ConfigError: not one kind of pairs, or counts that differ.
            TrainError: as for `RunOptions.check`.
        """
        self.run.check(".safetensors")
        kinds = sum(bool(x) for x in (self.painted, self.pairs, self.clip))
        if kinds != 1:
            raise ConfigError(
                "painted frames: expected one of --painted, --pairs and --clip, "
                f"got {kinds or 'none'}"
            )
        if self.painted and self.film is None:
            raise ConfigError("--painted: expected the FILM that it is a frame of")
        if self.clip and self.film is not None:
            raise ConfigError(
                f"--clip: expected no other film, got {self.film} as well"
            )
        if (self.at or self.masks) and not self.painted:
            raise ConfigError("--at, --mask: expected with --painted alone")


def train_frames(config: FramesConfig, job: FramesJob) -> Weights:
    """Train, with progress on stderr, checkpoints and previews beside the result.

    Raises:
        RtstyleError: a picture fits no frame, a file is missing or broken, or the
            loss became infinite.
    """
    job.check()
    gathered = gather(job, num_others=config.num_others)
    return train_gathered(config, job.run, gathered)


def train_gathered(
    config: FramesConfig,
    run: RunOptions,
    gathered: Gathered,
    *,
    leave_out: Collection[str] = (),
) -> Weights:
    """Train on frames that were read.

    Args:
        config: The settings; what a start brings along is the start's.
        run: Where the weights go and how long it takes.
        gathered: The frames.
        leave_out: Bundled styles that the training may not begin at.

    Raises:
        RtstyleError: a file is missing or broken, or the loss became infinite.
    """
    log.warning(
        "%d painted frames, %d others", len(gathered.painted), len(gathered.others)
    )
    run = with_loss_network(run, config.loss_network)
    torch.set_float32_matmul_precision("high")  # TF32, where there is a GPU
    accelerator = Accelerator(mixed_precision=config.mixed_precision)
    known = _known(run) if run.resume else {}
    config = replace(config, **{n: known[n] for n in Start.settings if n in known})
    method = make_method(config, run, gathered, accelerator.device)
    start = known.get("start", "")
    if run.resume:
        network = make_network(config)
    else:
        found = nearest_start(config, method, run, leave_out=leave_out)
        config, network, start = found.config, found.network, found.name
        method.config = method.frames.config = config
    trainer = Trainer(
        network,
        method,
        Schedule(
            steps=config.steps,
            learning_rate=config.learning_rate,
            ema=config.ema,
            flat_after=config.flat_after,
            minutes=run.minutes,
            warmup=WARMUP_STEPS,
        ),
        checkpoint=run.checkpoint,
        identity=_identity(config, gathered, start),
        optimizer=config.optimizer,
        accelerator=accelerator,
    )
    if run.resume:
        trainer.resume()

    def network_with(average: Mapping[str, Tensor]) -> TransformNet:
        shown = make_network(config)
        shown.load_state_dict(average)
        return shown

    def write(path: Path, shown: TransformNet) -> None:
        write_frames_preview(path, shown, gathered.painted, gathered.others)

    terms = run_to_end(trainer, preview_writer(run, network_with, write))
    return save_result(
        trainer,
        run,
        network,
        tensors=trainer.average,
        recipe=config.as_dict(),
        terms=terms,
        facts={
            "painted_frames": len(gathered.painted),
            "other_frames": len(gathered.others),
            "start": start or None,
        },
    )


def quick_formats() -> dict[str, str]:
    """Return the settings of number formats with which a step is quick here."""
    if is_bfloat16_quick():
        return {"loss_precision": "bf16", "mixed_precision": "bf16"}
    return {"loss_precision": "fp32", "mixed_precision": "no"}


def gather(job: FramesJob, *, num_others: int) -> Gathered:
    """Read painted frames and others, as a job asks for.

    Raises:
        RtstyleError: a picture fits no frame, or a file cannot be read.
    """
    if job.clip is not None:
        before, after = (partial(open_film, spec) for spec in job.clip)
        return from_clips(before, after, every=job.every)
    film = partial(open_film, job.film) if job.film is not None else None
    if job.pairs is not None:
        found = from_folders(*job.pairs)
        if film is None:
            return found
        with film() as source:
            num_frames = sum(1 for _ in source)
        others = spread([], film, num_frames=num_frames, num_others=num_others)
        return Gathered(found.painted, others)
    paths = _files(job.painted)
    for name, given in (("--at", job.at), ("--mask", job.masks)):
        if given and len(given) != len(paths):
            raise ConfigError(
                f"{name}: expected {len(paths)}, one for each painted frame, "
                f"got {len(given)}"
            )
    pictures = [
        read_painted(
            path,
            mask=job.masks[number] if job.masks else None,
            at_seconds=job.at[number] if job.at else None,
        )
        for number, path in enumerate(paths)
    ]
    assert film is not None  # `check` saw to it
    return from_film(pictures, film, num_others=num_others)


def open_film(spec: str) -> Source:
    """Open a film from its beginning."""
    return open_source(spec, kind="film")


def make_method(
    config: FramesConfig, run: RunOptions, gathered: Gathered, device: torch.device
) -> PaintedFrames:
    """Load the loss network and measure painted crops."""
    vgg = load_loss_network(config.loss_network, weights=run.loss_weights)
    contents, paintings = painted_crops(gathered.painted, config)
    loss = PaintedLoss(config, vgg, contents, paintings).to(device)
    frames = FilmFrames(gathered.painted, gathered.others, config)
    return PaintedFrames(config, loss, frames)


def _files(paths: tuple[Path, ...]) -> list[Path]:
    """Return painted pictures; a folder stands for those in it, by name."""
    files: list[Path] = []
    for path in paths:
        if not path.is_dir():
            files.append(path)
            continue
        inside = sorted(
            entry
            for entry in path.iterdir()
            if entry.suffix.lower() in PICTURE_SUFFIXES
        )
        if not inside:
            raise ConfigError(f"{path}: expected painted pictures, got none")
        files += inside
    return files


def _known(run: RunOptions) -> dict[str, Any]:
    """Return what a checkpoint says about the training that it is of."""
    _, meta = load_tensors(run.checkpoint)
    identity = meta.get("identity", {})
    return dict(identity) if isinstance(identity, dict) else {}


def _identity(config: FramesConfig, gathered: Gathered, start: str) -> dict[str, Any]:
    """Return what a checkpoint must share with the training that resumes from it."""
    digest = hashlib.sha256()
    for frame in gathered.painted:
        digest.update(frame.content.tobytes())
        digest.update(frame.painted.tobytes())
    kept = kept_settings(config.as_dict())
    return kept | {"painted": digest.hexdigest(), "start": start}
