"""Run `rtstyle train gatys`: read, optimise, write, compare."""

import statistics
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor
from tqdm import tqdm

from rtstyle.networks.pixels import to_batch, to_pixels
from rtstyle_streams.frame import Pixels
from rtstyle_train.config.image import TrainConfig, make_config
from rtstyle_train.config.reading import recipe_table
from rtstyle_train.data.content_images import load_style_image
from rtstyle_train.errors import ConfigError
from rtstyle_train.evaluation.quality.candidates import Candidate, open_candidate
from rtstyle_train.jobs.loss_weights import loss_weights
from rtstyle_train.jobs.still_pictures import STYLE_SIZE, paint_pictures, reduced
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


@dataclass(frozen=True, slots=True)
class GatysJob:
    """Options of the command line."""

    photo: Path
    """A photograph or a folder of them."""
    painting: Path
    """The style image."""
    out: Path
    """A picture file, or a folder if `photo` is a folder."""
    steps: int = 200
    """Iterations."""
    optimizer: Optimizer = "lbfgs"
    """Optimiser."""
    losses: Literal["training", "gatys"] = "training"
    """Which objective."""
    loss_weights: Path | None = None
    """As in `RunOptions`."""
    recipe: str | None = None
    """Layers and weights; None uses those of `style`, or the defaults."""
    style_weight: float | None = None
    """Style weight, in place of the recipe's."""
    style_size: int | None = None
    """Short side of the painting; replaces the recipe's."""
    size: int = 512
    """Long side of the picture, in pixels."""
    start: Literal["content", "noise"] = "content"
    """What the optimisation starts from."""
    seed: int = 1234
    """Seed of the noise."""
    style: str | None = None
    """A network to compare with."""
    overwrite: bool = False
    """Whether `out` may exist."""


def run_gatys(job: GatysJob) -> Iterator[str]:
    """Paint every photograph, and yield a line about each once it is written.

    Raises:
        RtstyleError: a file or a setting is wrong.
        StreamError: a picture cannot be read or written.
    """
    candidate = open_candidate(job.style) if job.style else None
    objective_of = objectives(job, candidate)
    comparisons: list[Comparison] = []

    def paint(pixels: Pixels) -> tuple[Pixels, str]:
        content = to_batch(reduced(pixels, job.size))
        picture, comparison = _paint(job, objective_of(content), content, candidate)
        comparisons.extend([comparison] if comparison else [])
        return to_pixels(picture), describe(comparison) if comparison else ""

    yield from paint_pictures(job.photo, job.out, paint=paint, overwrite=job.overwrite)
    if len(comparisons) > 1:
        yield summary(comparisons)
    if candidate:
        candidate.close()


def gatys_painter(job: GatysJob) -> Callable[[Pixels], Pixels]:
    """Return what paints RGB ``(H, W, 3)`` uint8 in its own size, without a word.

    Raises:
        RtstyleError: a file or a setting is wrong.
    """
    objective_of = objectives(job, None)

    def paint(pixels: Pixels) -> Pixels:
        content = to_batch(pixels)
        objective, last = objective_of(content), content
        for step in optimise(
            objective, _start(job, content), steps=job.steps, optimizer=job.optimizer
        ):
            last = step.pixels
        return to_pixels(last)

    return paint


def objectives(
    job: GatysJob, candidate: Candidate | None
) -> Callable[[Tensor], Objective]:
    """Read the painting and the loss network; return the objective of a photograph.

    Raises:
        RtstyleError: a file or a setting is wrong.
    """
    config = settings(job, candidate)
    rows = {row.file: row for row in config.styles}
    known = rows.get(job.painting.name) or next(iter(config.styles), None)
    short_side = job.style_size or (known.short_side if known else STYLE_SIZE)
    painting = load_style_image(job.painting, short_side=short_side)
    weights = loss_weights(
        config.loss_network, job.loss_weights, may_be_own=job.losses == "training"
    )
    vgg = load_loss_network(config.loss_network, weights=weights)
    return lambda content: make_objective(job, config, vgg, painting, content)


def settings(job: GatysJob, candidate: Candidate | None) -> TrainConfig:
    """Return layers and weights: flags, then the recipe, then the network's own.

    Raises:
        ConfigError: the recipe is not valid, or the network's card has none.
    """
    table: dict[str, Any] = {}
    if job.recipe:
        table = recipe_table(job.recipe)
    elif candidate:
        table = dict(candidate.card.get("recipe", {}))
        if table:  # cards are complete: a missing setting did not exist at the time
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
    """Return the objective to minimise for one photograph."""
    if job.losses == "training":
        return TrainingObjective(config, vgg, painting, content)
    if job.style_weight is None:
        return GatysObjective(vgg, painting, content)
    return GatysObjective(vgg, painting, content, beta=job.style_weight)


def describe(comparison: Comparison) -> str:
    """Describe a comparison in one phrase."""
    reached = f"after {comparison.iterations} iterations"
    if comparison.iterations is None:
        reached = f"not within {comparison.steps} iterations"
    return (
        f"network {comparison.network_loss:.3f}, equalled {reached} "
        f"(photograph {comparison.content_loss:.3f}, "
        f"start {comparison.start_loss:.3f}, best {comparison.best_loss:.3f})"
    )


def summary(comparisons: list[Comparison]) -> str:
    """Return the median over photographs; "never" counts as more than all steps."""
    counts = [
        c.steps + 1 if c.iterations is None else c.iterations for c in comparisons
    ]
    middle = statistics.median(counts)
    text = f"{middle:g} iterations"
    if middle > comparisons[0].steps:
        text = f"more than {comparisons[0].steps} iterations"
    loss = statistics.mean(c.network_loss for c in comparisons)
    best = statistics.mean(c.best_loss for c in comparisons)
    return (
        f"{len(comparisons)} photographs: network {loss:.3f}, equalled after {text} "
        f"(median); best {best:.3f}"
    )


def _paint(
    job: GatysJob, objective: Objective, content: Tensor, candidate: Candidate | None
) -> tuple[Tensor, Comparison | None]:
    """Optimise one photograph."""
    start = _start(job, content)
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
        comparison = compare(
            objective,
            stylized=to_batch(candidate.network(to_pixels(content))),
            content=content,
            start=start,
            steps=job.steps,
            optimizer=job.optimizer,
            on_step=on_step,
        )
    return last[0], comparison


def _start(job: GatysJob, content: Tensor) -> Tensor:
    """Return what the optimisation begins with."""
    if job.start == "content":
        return content
    generator = torch.Generator().manual_seed(job.seed)
    return torch.rand(content.shape, generator=generator)
