"""The command `rtstyle train adain`, for the group in `cli.py`."""

from pathlib import Path
from typing import Any

import click

from rtstyle.commands.options import Number
from rtstyle.process.terminal import echo

FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False, exists=True)


@click.command(name="adain")
@click.option(
    "--content", required=True, type=FOLDER, help="Folder of photographs to learn on."
)
@click.option(
    "--styles", required=True, type=FOLDER, help="Folder of paintings to learn on."
)
@click.option("--out", required=True, type=FILE, help="Weights file, .safetensors.")
@click.option(
    "--network",
    type=click.Choice(["adain", "swift-adain"]),
    help="Huang and Belongie's, or the light one (default: the recipe's, or light).",
)
@click.option("--recipe", help="Bundled recipe's name, or a TOML file with every knob.")
@click.option("--placement", type=click.Choice(["instance", "body"]), help="Of norms.")
@click.option("--steps", type=click.IntRange(1), help="Steps at the most.")
@click.option("--minutes", type=Number(0), default=0.0, help="Time at most.")
@click.option("--batch-size", type=click.IntRange(1), help="Photographs a step.")
@click.option("--size", type=click.IntRange(64), help="Side of the pictures, pixels.")
@click.option("--seed", type=int, help="Of weights, crops and styles.")
@click.option("--style-weight", type=Number(0), help="More is more painterly.")
@click.option("--loss-weights", type=FILE, help="Local VGG, instead of a download.")
@click.option("--resume", is_flag=True, help="Go on from the checkpoint beside OUT.")
@click.option("--overwrite", is_flag=True, help="Replace OUT.")
def train_adain_command(
    network: str | None, recipe: str | None, **options: Any
) -> None:
    """Learn one network that stylizes after any painting, without further training."""
    from dataclasses import fields

    from rtstyle_train.config.adain import make_adain_config
    from rtstyle_train.config.fitting import read_recipe
    from rtstyle_train.jobs.adain import AdainJob, train_adain
    from rtstyle_train.jobs.image import recipe_path

    job_names = {entry.name for entry in fields(AdainJob)}
    job = AdainJob(**{k: v for k, v in options.items() if k in job_names})
    flags = {k: v for k, v in options.items() if k not in job_names}
    path = recipe_path(recipe or (network or "swift-adain").replace("-", "_"))
    config = make_adain_config(
        read_recipe(path), flags | {"network": network}, where=str(path)
    )
    train_adain(config, job)
    echo(f"{job.out}: written; next: rtstyle export {job.out} STYLE.onnx")
