"""`python -m rtstyle_experiments.closed_form`: seconds for a picture, in turns."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import torch
from torch import Tensor

from rtstyle.networks.pixels import to_batch
from rtstyle.process.terminal import echo
from rtstyle_streams.frame import Pixels
from rtstyle_streams.pictures.picture_file import read_picture
from rtstyle_train.data.content_images import load_style_image
from rtstyle_train.evaluation.quality.candidates import open_candidate
from rtstyle_train.methods.autoencoders import read_autoencoders
from rtstyle_train.methods.style_swap import StyleSwap
from rtstyle_train.methods.wct import Wct, whiten_and_colour

FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
SWAP_LEVEL = 3
"""Of style swap."""


@dataclass(frozen=True, slots=True)
class Part:
    """What is measured."""

    name: str
    """Shown in the table."""
    run: Callable[[], object]
    """Paints, or does a part of it."""


@click.command()
@click.argument("photo", type=FILE)
@click.argument("painting", type=FILE)
@click.option("--networks", type=FILE, required=True, help="Encoders and decoders.")
@click.option("--style", default="starry_night", help="Style to compare with.")
@click.option("--width", default=1280, help="Of the picture, pixels.")
@click.option("--height", default=720, help="Of the picture, pixels.")
@click.option("--rounds", default=3, help="Turns; the median counts.")
def main(
    photo: Path,
    painting: Path,
    networks: Path,
    style: str,
    width: int,
    height: int,
    rounds: int,
) -> None:
    """Measure WCT, style swap and a style in turns on one picture."""
    pixels = fitted(read_picture(photo)[0], width=width, height=height)
    candidate = open_candidate(style, device="cpu")
    parts = [Part(style, lambda: candidate.network(pixels))]
    parts += closed_forms(networks, painting, to_batch(pixels))
    table = medians(parts, rounds=rounds)
    echo(f"| {width}x{height} | seconds | x {style} |", "|---|---|---|")
    for name, seconds in table.items():
        echo(f"| {name} | {seconds:.3f} | {seconds / table[style]:.1f} |")
    candidate.close()


@torch.no_grad()
def closed_forms(networks: Path, painting: Path, content: Tensor) -> list[Part]:
    """Return WCT, its closed-form part by itself, and style swap."""
    levels = read_autoencoders(networks)
    style = load_style_image(painting, short_side=512)
    wct, swap = Wct(levels, style), StyleSwap(levels[SWAP_LEVEL], style)
    seen = [level.encode(content) for level in wct.levels]

    def colour() -> None:
        for own, goal in zip(seen, wct.styles, strict=True):
            whiten_and_colour(own, goal)

    return [
        Part("WCT, five levels", lambda: wct(content)),
        Part("of it whitening and colouring", colour),
        Part("style swap", lambda: swap(content)),
    ]


def medians(parts: list[Part], *, rounds: int) -> dict[str, float]:
    """Return the median seconds of each part; they are run in turns."""
    times: dict[str, list[float]] = {part.name: [] for part in parts}
    for turn in range(rounds + 1):
        for part in parts:
            began = time.perf_counter()
            part.run()
            if turn:  # the first one warms up
                times[part.name].append(time.perf_counter() - began)
    return {name: statistics.median(found) for name, found in times.items()}


def fitted(pixels: Pixels, *, width: int, height: int) -> Pixels:
    """Return a picture in another size, repeated rather than enlarged."""
    rows = np.arange(height) % pixels.shape[0]
    columns = np.arange(width) % pixels.shape[1]
    return np.ascontiguousarray(pixels[rows][:, columns])


if __name__ == "__main__":
    main()
