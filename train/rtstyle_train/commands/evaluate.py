"""`rtstyle evaluate`: styles and peers in figures and on one sheet."""

from pathlib import Path

import click

from rtstyle.commands.options import json_option, runtime_options
from rtstyle.process.terminal import echo

FILE = click.Path(path_type=Path, dir_okay=False, exists=True)
FOLDER = click.Path(path_type=Path, file_okay=False, exists=True)
EITHER = click.Path(path_type=Path, exists=True)


@click.command(name="evaluate")
@click.argument("styles", metavar="STYLE...", nargs=-1, required=True)
@click.option(
    "--against",
    "peers",
    metavar="PEER",
    multiple=True,
    help="A network of pytorch/examples (.pth, .safetensors) or a style; repeatable.",
)
@click.option("--photos", type=EITHER, help="Photographs that training did not see.")
@click.option(
    "--clips", type=EITHER, multiple=True, help="Clip or folder of clips; repeatable."
)
@click.option("--painting", type=FILE, help="The painting of all styles.")
@click.option("--paintings", type=FOLDER, help="Folder with the recipes' paintings.")
@click.option(
    "--held-out-weights",
    type=FILE,
    help="VGG that was not trained on; default: torchvision's VGG-16, downloaded.",
)
@click.option("--loss-weights", type=FILE, help="VGG that was trained on; flatters.")
@click.option(
    "--size",
    type=click.IntRange(224, 4096),
    default=512,
    show_default=True,
    help="Long side of the pictures, in pixels.",
)
@click.option(
    "--frames",
    type=click.IntRange(1),
    default=3,
    show_default=True,
    help="Frames of each clip, 30 apart.",
)
@click.option("--speed/--no-speed", default=True, help="Measure fps at 720p.")
@click.option(
    "--temporal", is_flag=True, help="Also how steady films are, smoothed too."
)
@click.option(
    "--write-card", is_flag=True, help="Put the figures into the style files."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("evaluation"),
    show_default=True,
    help="Folder for the sheet and the tables; those there are replaced.",
)
@runtime_options
@json_option
def evaluate_command(
    styles: tuple[str, ...],
    peers: tuple[str, ...],
    photos: Path | None,
    clips: tuple[Path, ...],
    painting: Path | None,
    paintings: Path | None,
    held_out_weights: Path | None,
    loss_weights: Path | None,
    size: int,
    frames: int,
    speed: bool,
    temporal: bool,
    write_card: bool,
    out: Path,
    runtime: str,
    device: str,
    as_json: bool,
) -> None:
    """Judge each STYLE, a gallery name or a style file, by figures and on a sheet.

    A row called (content) tells what a network that changes nothing would get.
    Without --photos and --clips only the speed is measured.
    """
    from rtstyle_train.evaluation.job import EvaluateJob, run_evaluation

    result = run_evaluation(
        EvaluateJob(
            styles=styles,
            peers=peers,
            photos=photos,
            clips=clips,
            painting=painting,
            paintings=paintings,
            held_out_weights=held_out_weights,
            loss_weights=loss_weights,
            size=size,
            num_frames=frames,
            speed=speed,
            temporal=temporal,
            write_card=write_card,
            out=out,
            runtime=runtime,
            device=device,
        )
    )
    text = result.as_json() if as_json else result.as_text()
    echo(*text.removesuffix("\n").split("\n"))
