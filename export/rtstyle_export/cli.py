"""Define the commands `rtstyle export` and `rtstyle import`."""

import shlex
from collections.abc import Mapping
from pathlib import Path

import click

from rtstyle.process.terminal import echo

FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False, exists=True)
TARGET = click.Path(path_type=Path)
TARGETS = ("ffmpeg", "web", "fp16", "tensorrt")
"""What a style file can become with ``--to``."""


@click.command(name="export")
@click.argument("source", metavar="WEIGHTS|STYLE", type=FILE)
@click.argument("target", metavar="[TARGET]", type=TARGET, required=False)
@click.option("--style", help="Which painting, if WEIGHTS holds several.")
@click.option("--name", help="Name to give to --style; default: the recipe's.")
@click.option("--title", help="Title to show; default: the recipe's.")
@click.option("--painting", type=FILE, help="Painting to fix in WEIGHTS for any.")
@click.option(
    "--int8", "twin", flag_value="int8", help="Make the int8 twin: twice as fast."
)
@click.option("--fp16", "twin", flag_value="fp16", help="Make the fp16 twin, for GPUs.")
@click.option(
    "--calibration", type=FOLDER, help="Folder of photographs for --int8, --fp16."
)
@click.option(
    "--to",
    "program",
    type=click.Choice(TARGETS),
    help="A file for FFmpeg and mpv, a web page, the fp16 twin, or an engine.",
)
@click.option("--device", default="cuda:0", show_default=True, help="Engine's device.")
@click.option("--overwrite", is_flag=True, help="Replace files that exist.")
def main(
    source: Path,
    target: Path | None,
    style: str | None,
    name: str | None,
    title: str | None,
    painting: Path | None,
    twin: str | None,
    calibration: Path | None,
    program: str | None,
    device: str,
    overwrite: bool,
) -> None:
    r"""Make a style file from trained WEIGHTS, or from a STYLE what --to says.

    \b
    rtstyle export mine.safetensors mine.onnx
    rtstyle export mine.onnx --int8 --calibration photos/
    rtstyle export mine.onnx --to ffmpeg
    """
    texts: dict[str, object] = {
        "--style": style,
        "--name": name,
        "--title": title,
        "--painting": painting,
    }
    if program == "tensorrt":
        texts |= {"TARGET": target, "--calibration": calibration}
        _refuse(source, texts | {"--overwrite": overwrite}, program)
        _build_engine(source, precision=twin or "auto", device=device)
        return
    if program in ("ffmpeg", "web"):
        _refuse(source, texts | {"--calibration": calibration}, program)
        _for_program(source, target, program, twin or "fp32", overwrite=overwrite)
        return
    if program == "fp16":
        _refuse(source, {"--int8": twin == "int8"}, program)
        twin = "fp16"
    if source.suffix == ".safetensors":
        from rtstyle_export.from_weights import export_weights

        if target is None:
            raise click.UsageError(f"{source}: name the style file to write")
        export_weights(
            source,
            target,
            style=style,
            name=name,
            title=title,
            painting=painting,
            overwrite=overwrite,
        )
        echo(f"{target}: written; try: rtstyle demo --style {target}")
        source, target = target, None
    elif twin is None:
        raise click.UsageError(
            f"{source}: choose --int8, --fp16 or --to {', '.join(TARGETS)}"
        )
    if twin:
        from rtstyle_export.from_style import export_twin

        twin_path = export_twin(
            source,
            target,
            precision=twin,
            calibration=calibration,
            overwrite=overwrite,
        )
        echo(f"{twin_path}: written; use it with --precision {twin}")


def _refuse(source: Path, given: Mapping[str, object], program: str) -> None:
    """Raise `UsageError` for what was given and means nothing with ``--to``."""
    from rtstyle.errors import UsageError

    why = ": engines are kept in the cache" if program == "tensorrt" else ""
    for word, value in given.items():
        if value:
            raise UsageError(
                f"{source}: expected no {word} with --to {program}{why}; leave it out"
            )


def _for_program(
    source: Path, target: Path | None, program: str, precision: str, *, overwrite: bool
) -> None:
    """Write what another program runs, and say how it is run."""
    if program == "web":
        from rtstyle_export.programs.web import export_web

        made = export_web(source, target, precision=precision, overwrite=overwrite)
        serve = shlex.join(["python", "-m", "http.server", "--directory", str(made)])
        echo(f"{made}: written; try: {serve}")
        echo("then open http://localhost:8000")
        return
    from rtstyle_export.programs import ffmpeg

    made = ffmpeg.export_ffmpeg(
        source, target, precision=precision, overwrite=overwrite
    )
    echo(f"{made}: written; FFmpeg from {ffmpeg.LEAST_FFMPEG} on runs it, where")
    echo("ffmpeg -h filter=dnn_processing names onnx, and so does mpv with it:")
    echo(ffmpeg.ffmpeg_command(made))
    echo(ffmpeg.mpv_command(made))


def _build_engine(source: Path, *, precision: str, device: str) -> None:
    from rtstyle.gallery.find import load_style
    from rtstyle_export.to_tensorrt import export_engine

    path = export_engine(load_style(source), device=device, precision=precision)
    echo(f"{path}: built")


@click.command(name="import")
@click.argument("checkpoint", type=FILE)
@click.argument("style_file", type=FILE)
@click.option("--title", help="Title to show; default: the file's name.")
@click.option(
    "--levels",
    type=click.Choice(("auto", "255", "1", "-1..1")),
    default="auto",
    show_default=True,
    help="How an ONNX network counts colours: to 255, to 1, from -1 to 1.",
)
@click.option("--overwrite", is_flag=True, help="Replace STYLE_FILE.")
def import_checkpoint(
    checkpoint: Path, style_file: Path, title: str | None, levels: str, overwrite: bool
) -> None:
    """Turn a network of others into a style file.

    CHECKPOINT is one of pytorch/examples (.pth, .safetensors) or an ONNX network that
    takes and gives a float picture (.onnx), as those of the ONNX model zoo do.
    """
    if checkpoint.suffix.lower() == ".onnx":
        from rtstyle_export.from_onnx import import_onnx

        lines = import_onnx(
            checkpoint, style_file, title=title, levels=levels, overwrite=overwrite
        )
        echo(*lines)
    else:
        from rtstyle_export.from_checkpoint import import_johnson

        import_johnson(checkpoint, style_file, title=title, overwrite=overwrite)
    echo(f"{style_file}: written; try: rtstyle demo --style {style_file}")
