"""The command `rtstyle train loss-network`, for the group in `rtstyle_train.cli`."""

from pathlib import Path
from typing import Any

import click

from rtstyle.commands.options import Number
from rtstyle.process.terminal import echo

FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False, exists=True)


@click.command(name="loss-network")
@click.option(
    "--pictures",
    required=True,
    multiple=True,
    type=FOLDER,
    help="Folder of photographs or paintings; may be given several times.",
)
@click.option(
    "--judged-on", required=True, type=FOLDER, help="Folder of other pictures."
)
@click.option("--out", required=True, type=FILE, help="Weights file, .safetensors.")
@click.option("--teacher", type=FILE, help="Local VGG-19, instead of a download.")
@click.option(
    "--deep-teacher", type=FILE, help="Distilled VGG-19 for layers the teacher lacks."
)
@click.option(
    "--steps",
    type=click.IntRange(1),
    default=20_000,
    show_default=True,
    help="At most.",
)
@click.option("--minutes", type=Number(0), default=0.0, help="Time at most.")
@click.option(
    "--batch-size",
    type=click.IntRange(1),
    default=8,
    show_default=True,
    help="Crops a step.",
)
@click.option(
    "--optimizer",
    type=click.Choice(("muon", "adam")),
    default="adam",
    show_default=True,
    help="Adam for all, or Muon for the convolutions.",
)
@click.option(
    "--precision",
    type=click.Choice(("fp32", "bf16")),
    default="fp32",
    show_default=True,
    help="Number format inside both networks.",
)
@click.option("--seed", type=int, default=1234, help="Of weights and crops.")
@click.option("--resume", is_flag=True, help="Go on from the checkpoint beside OUT.")
@click.option("--overwrite", is_flag=True, help="Replace OUT.")
def train_loss_network_command(**options: Any) -> None:
    """Distil a loss network of 2 MB from VGG-19, for training without a download."""
    from rtstyle_train.distillation.job import DistilJob, distil, report

    job = DistilJob(**options)
    echo(*report(job, distil(job)).splitlines())
