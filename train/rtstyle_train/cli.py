"""Commands of the training folder: `rtstyle train`, `rtstyle evaluate`."""

from pathlib import Path
from typing import Any

import click

from rtstyle.commands.options import Number
from rtstyle.process.terminal import echo
from rtstyle_train.commands.adain import train_adain_command
from rtstyle_train.commands.evaluate import evaluate_command as evaluate
from rtstyle_train.commands.gatys import gatys_command
from rtstyle_train.commands.text import train_text_command

__all__ = ["evaluate", "main"]

FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False, exists=True)


@click.group(name="train")
def main() -> None:
    """Learn a style from a painting or a sentence."""


main.add_command(train_text_command)
main.add_command(gatys_command)
main.add_command(train_adain_command)


@main.command(name="image")
@click.argument(
    "paintings", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True)
)
@click.option(
    "--content", required=True, type=FOLDER, help="Folder of photographs to learn on."
)
@click.option("--out", required=True, type=FILE, help="Weights file, .safetensors.")
@click.option("--recipe", help="Bundled recipe's name, or a TOML file with every knob.")
@click.option("--network", help="tiny, small-flat, slim, small, base or johnson.")
@click.option("--steps", type=click.IntRange(1), help="Steps at the most.")
@click.option("--minutes", type=Number(0), default=0.0, help="Time at most.")
@click.option("--batch-size", type=click.IntRange(1), help="Photographs a step.")
@click.option("--seed", type=int, help="Of weights, crops and styles.")
@click.option("--style-weight", type=Number(0), help="More is more painterly.")
@click.option("--loss-weights", type=FILE, help="Local VGG, instead of a download.")
@click.option(
    "--start", type=FILE, help="Style, style file or weights to start from (quicker)."
)
@click.option("--start-style", help="Which style of several in --start.")
@click.option(
    "--compile",
    "is_compiled",
    is_flag=True,
    help="Compile the network first: quicker steps on a CPU. Needs a C++ compiler.",
)
@click.option("--resume", is_flag=True, help="Go on from the checkpoint beside OUT.")
@click.option("--overwrite", is_flag=True, help="Replace OUT.")
def train_image_command(
    paintings: tuple[Path, ...],
    recipe: str | None,
    network: str | None,
    steps: int | None,
    batch_size: int | None,
    seed: int | None,
    style_weight: float | None,
    **job: Any,
) -> None:
    """Learn the style of PAINTINGS (files, or one folder that holds the recipe's)."""
    from rtstyle_train.jobs.image import ImageJob, resolve, train_image

    flags = {
        "network": network,
        "steps": steps,
        "batch_size": batch_size,
        "seed": seed,
        "style_weight": style_weight,
    }
    config, files = resolve(recipe, paintings, flags, start=job["start"])
    train_image(config, ImageJob(paintings=files, **job))
    echo(f"{job['out']}: written; next: rtstyle export {job['out']} STYLE.onnx")
