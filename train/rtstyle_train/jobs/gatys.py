"""What `rtstyle train gatys` does: read, optimise, write, compare."""

import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor
from tqdm import tqdm

from rtstyle.networks.pixels import to_batch, to_pixels
from rtstyle_streams.frame import Pixels
from rtstyle_streams.pictures.images import ImageSink, ImageSource
from rtstyle_train.config.image import TrainConfig, make_config
from rtstyle_train.config.reading import recipe_table
from rtstyle_train.data.content_images import load_style_image
from rtstyle_train.errors import ConfigError
from rtstyle_train.evaluation.quality.candidates import Candidate, open_candidate
from rtstyle_train.evaluation.quality.pictures import resized
from rtstyle_train.loss_networks import VggFeatures, load_loss_network
from rtstyle_train.methods.gatys import (
    Comparison,
    GatysObjective,
    GatysStep,
    Objective,
    Optimizer,
    TrainingObjective,
    compare,
    optimise,
)

STYLE_SIZE = 512
"""Short side of a painting of which no recipe tells, in pixels."""


@dataclass(frozen=True, slots=True)
class GatysJob:
    """What the command line says."""

    photo: Path
    """A photograph or a folder of them."""
    painting: Path
    """The style image."""
    out: Path
    """A picture file, or a folder for a folder."""
    steps: int = 200
    """Iterations."""
    optimizer: Optimizer = "lbfgs"
    """What makes them."""
    losses: Literal["training", "gatys"] = "training"
    """Which objective."""
    loss_weights: Path | None = None
    """Local loss network; None downloads torchvision's."""
    recipe: str | None = None
    """Layers and weights; None takes those of `style`, or the defaults."""
    style_weight: float | None = None
    """Instead of the recipe's."""
    style_size: int | None = None
    """Short side of the painting, instead of the recipe's."""
    size: int = 512
    """Long side of the picture, in pixels."""
    start: Literal["content", "noise"] = "content"
    """What the optimisation begins with."""
    seed: int = 1234
    """Of the noise."""
    style: str | None = None
    """A network to be compared with."""
    overwrite: bool = False
    """Whether `out` may exist."""


def run_gatys(job: GatysJob) -> Iterator[str]:
    """Paint every photograph, and give out a line about each when it is written.

    Raises:
        RtstyleError: a file or a setting is wrong.
        StreamError: a picture cannot be read or written.
    """
    candidate = open_candidate(job.style) if job.style else None
    config = settings(job, candidate)
    rows = {row.file: row for row in config.styles}
    known = rows.get(job.painting.name) or next(iter(config.styles), None)
    short_side = job.style_size or (known.short_side if known else STYLE_SIZE)
    painting = load_style_image(job.painting, short_side=short_side)
    vgg = load_loss_network(config.loss_network, weights=job.loss_weights)
    comparisons: list[Comparison] = []
    with ImageSource(job.photo) as source:
        sink = ImageSink(job.out, template=source, overwrite=job.overwrite)
        with sink:
            for frame in source:
                content = to_batch(_reduced(frame.pixels, job.size))
                objective = make_objective(job, config, vgg, painting, content)
                picture, found = _paint(job, objective, content, candidate)
                sink.write(replace(frame, pixels=to_pixels(picture)))
                comparisons += [found] if found else []
                told = f"; {describe(found)}" if found else ""
                yield f"{source.paths[frame.index].name}: written{told}"
    if len(comparisons) > 1:
        yield summary(comparisons)
    if candidate:
        candidate.close()


def settings(job: GatysJob, candidate: Candidate | None) -> TrainConfig:
    """Return layers and weights: flags over the recipe over the network's own.

    Raises:
        ConfigError: the recipe makes no sense, or the network's card has none.
    """
    table: dict[str, Any] = {}
    if job.recipe:
        table = recipe_table(job.recipe)
    elif candidate:
        table = dict(candidate.card.get("recipe", {}))
        if table:  # cards are complete: what one lacks did not exist in its time
            table = {"scales": [1], "style": "gram"} | table
        else:
            raise ConfigError(
                f"{candidate.name}: expected a card with a recipe, got none; "
                "give one with --recipe"
            )
    flags = {"style_weight": job.style_weight}
    where = job.recipe or (candidate.name if candidate else "recipe")
    return make_config(table, flags, where=where)


def make_objective(
    job: GatysJob,
    config: TrainConfig,
    vgg: VggFeatures,
    painting: Tensor,
    content: Tensor,
) -> Objective:
    """Return what is made small for one photograph."""
    if job.losses == "training":
        return TrainingObjective(config, vgg, painting, content)
    if job.style_weight is None:
        return GatysObjective(vgg, painting, content)
    return GatysObjective(vgg, painting, content, beta=job.style_weight)


def describe(found: Comparison) -> str:
    """Return a comparison in one phrase."""
    reached = f"after {found.iterations} iterations"
    if found.iterations is None:
        reached = f"not within {found.steps} iterations"
    return (
        f"network {found.network_loss:.3f}, equalled {reached} "
        f"(photograph {found.content_loss:.3f}, start {found.start_loss:.3f}, "
        f"best {found.best_loss:.3f})"
    )


def summary(found: list[Comparison]) -> str:
    """Return the median over photographs; never counts as more than all steps."""
    counts = [c.steps + 1 if c.iterations is None else c.iterations for c in found]
    middle = statistics.median(counts)
    text = f"{middle:g} iterations"
    if middle > found[0].steps:
        text = f"more than {found[0].steps} iterations"
    loss = statistics.mean(c.network_loss for c in found)
    best = statistics.mean(c.best_loss for c in found)
    return (
        f"{len(found)} photographs: network {loss:.3f}, equalled after {text} "
        f"(median); best {best:.3f}"
    )


def _paint(
    job: GatysJob, objective: Objective, content: Tensor, candidate: Candidate | None
) -> tuple[Tensor, Comparison | None]:
    """Optimise one photograph."""
    start = content
    if job.start == "noise":
        generator = torch.Generator().manual_seed(job.seed)
        start = torch.rand(content.shape, generator=generator)
    with tqdm(total=job.steps, unit="step", file=sys.stderr) as bar:
        last: list[Tensor] = [start]

        def on_step(step: GatysStep) -> None:
            last[0] = step.pixels
            bar.set_postfix_str(f"loss {step.loss:.3f}", refresh=False)
            bar.update(step.iteration - bar.n)

        if candidate is None:
            steps = optimise(objective, start, steps=job.steps, optimizer=job.optimizer)
            for step in steps:
                on_step(step)
            return last[0], None
        found = compare(
            objective,
            stylized=to_batch(candidate.network(to_pixels(content))),
            content=content,
            start=start,
            steps=job.steps,
            optimizer=job.optimizer,
            on_step=on_step,
        )
    return last[0], found


def _reduced(pixels: Pixels, size: int) -> Pixels:
    if max(pixels.shape[:2]) <= size:
        return pixels
    return resized(pixels, long_side=size)
