"""The command `rtstyle train text`, for the group in `cli.py`."""

from pathlib import Path
from typing import Any

import click

from rtstyle.commands.options import Number
from rtstyle.process.terminal import echo

FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False, exists=True)
BANDS = click.Choice(["none", "c1", "c2", "c3"])


@click.command(name="text")
@click.argument("prompt")
@click.option("--content", type=FOLDER, help="Folder of photographs to learn on.")
@click.option(
    "--single",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="One photograph instead, CLIPstyler's way; OUT is a picture.",
)
@click.option("--out", required=True, type=FILE, help="Weights file, .safetensors.")
@click.option("--recipe", help="Bundled recipe's name, or a TOML file with every knob.")
@click.option("--clip", help="open_clip ViT by name, a config .json, or a folder.")
@click.option("--clip-weights", help="open_clip's name of weights, or a local file.")
@click.option("--band", type=BANDS, help="SpectralCLIP's band; none is plain CLIP.")
@click.option("--network", help="tiny, small-flat, slim, small, base or johnson.")
@click.option("--steps", type=click.IntRange(1), help="Steps at the most.")
@click.option("--minutes", type=Number(0), default=0.0, help="Time at most.")
@click.option("--batch-size", type=click.IntRange(1), help="Photographs a step.")
@click.option("--seed", type=int, help="Of weights, crops and patches.")
@click.option(
    "--content-weight", type=Number(0), help="More keeps more of the photograph."
)
@click.option("--patch-weight", type=Number(0), help="More is more of the prompt.")
@click.option("--loss-weights", type=FILE, help="Local VGG, instead of a download.")
@click.option(
    "--start", type=FILE, help="Style, style file or weights to start from (quicker)."
)
@click.option("--start-style", help="Which style of several in --start.")
@click.option("--truncate", is_flag=True, help="Cut a prompt that is too long.")
@click.option("--dry-run", is_flag=True, help="Print the plan and stop.")
@click.option("--resume", is_flag=True, help="Go on from the checkpoint beside OUT.")
@click.option("--overwrite", is_flag=True, help="Replace OUT.")
def train_text_command(
    prompt: str, recipe: str | None, dry_run: bool, **options: Any
) -> None:
    """Learn the style that PROMPT describes, with CLIP as the judge."""
    from dataclasses import fields

    from rtstyle_train.config.fitting import read_recipe
    from rtstyle_train.config.text import make_text_config
    from rtstyle_train.jobs.image import recipe_path
    from rtstyle_train.jobs.text import TextJob, train_text
    from rtstyle_train.methods.single_image import SingleImageConfig

    job_names = {entry.name for entry in fields(TextJob)}
    job = TextJob(**{k: v for k, v in options.items() if k in job_names})
    flags = {k: v for k, v in options.items() if k not in job_names}
    path = recipe_path(recipe) if recipe else None
    table = read_recipe(path) if path else {}
    config = make_text_config(
        table, flags | {"prompt": prompt}, where=str(path or "command line")
    )
    settings = SingleImageConfig.of(config, flags)
    if dry_run:
        from rtstyle_train.jobs.text_plan import describe_plan

        echo(*describe_plan(config, job, settings=settings))
    elif job.single:
        from rtstyle_train.jobs.single_image import stylize_single

        stylize_single(config, job, settings=settings)
        echo(f"{job.out}: written")
    else:
        train_text(config, job)
        echo(f"{job.out}: written; next: rtstyle export {job.out} STYLE.onnx")
