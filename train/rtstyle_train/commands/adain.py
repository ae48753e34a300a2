"""The command `rtstyle train adain`, for the group in `cli.py`."""

from pathlib import Path

import click

from rtstyle.commands.options import Number
from rtstyle_train.commands.options import (
    FILE,
    FOLDER,
    recipe_option,
    run_of,
    run_option,
    run_options,
    setting,
    settings_of,
    tell_next,
)


@click.command(name="adain")
@click.option(
    "--content", required=True, type=FOLDER, help="Folder of photographs to learn on."
)
@click.option(
    "--styles",
    required=True,
    multiple=True,
    type=FOLDER,
    help="Folder of paintings to learn on; may be given several times.",
)
@click.option("--textures", type=FOLDER, help="Folder of textures to learn on, too.")
@click.option(
    "--painters",
    type=FILE,
    help="Table (.tsv) with columns file and artist: all artists count alike.",
)
@click.option(
    "--network",
    type=click.Choice(["adain", "swift-adain"]),
    help="Huang and Belongie's, or the light one (default: the recipe's, or light).",
)
@recipe_option
@setting("--placement", type=click.Choice(["instance", "body"]), help="Of norms.")
@setting("--size", type=click.IntRange(64), help="Side of the pictures, pixels.")
@setting("--style-weight", type=Number(0), help="More is more painterly.")
@run_option("--start", type=FILE, help="Weights (.safetensors) to start from.")
@run_options
@click.pass_context
def train_adain_command(
    context: click.Context,
    content: Path,
    styles: tuple[Path, ...],
    textures: Path | None,
    painters: Path | None,
    network: str | None,
    recipe: str | None,
) -> None:
    """Learn one network that stylizes after any painting, without further training."""
    from rtstyle_train.config.adain import make_adain_config
    from rtstyle_train.config.reading import read_recipe, recipe_path
    from rtstyle_train.jobs.adain import AdainJob, train_adain

    run = run_of(context)
    path = recipe_path(recipe or (network or "swift-adain").replace("-", "_"))
    flags = settings_of(context) | {"network": network}
    config = make_adain_config(read_recipe(path), flags, where=str(path))
    train_adain(config, AdainJob(content, styles, run, textures, painters))
    tell_next(run)
