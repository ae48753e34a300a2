"""Define the commands `rtstyle export` and `rtstyle import`."""

from collections.abc import Mapping
from pathlib import Path

import click

from rtstyle.process.terminal import echo

FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False, exists=True)


@click.command(name="export")
@click.argument("source", metavar="WEIGHTS|STYLE", type=FILE)
@click.argument("target", metavar="[STYLE.onnx]", type=FILE, required=False)
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
    "--to", "engine", type=click.Choice(("tensorrt",)), help="Build an engine."
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
    engine: str | None,
    device: str,
    overwrite: bool,
) -> None:
    r"""Make a style file from trained WEIGHTS, or a twin or an engine of a STYLE.

    \b
    rtstyle export mine.safetensors mine.onnx
    rtstyle export mine.onnx --int8 --calibration photos/
    rtstyle export mine.onnx --to tensorrt
    """
    if engine:
        given = {
            "STYLE.onnx": target,
            "--style": style,
            "--name": name,
            "--title": title,
            "--painting": painting,
            "--calibration": calibration,
            "--overwrite": overwrite,
        }
        _build_engine(source, given, precision=twin or "auto", device=device)
        return
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
        raise click.UsageError(f"{source}: choose --int8, --fp16 or --to tensorrt")
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


def _build_engine(
    source: Path, given: Mapping[str, object], *, precision: str, device: str
) -> None:
    from rtstyle.errors import UsageError
    from rtstyle.gallery.find import load_style
    from rtstyle_export.to_tensorrt import export_engine

    for word, value in given.items():
        if value:
            raise UsageError(
                f"{source}: expected no {word} with --to tensorrt: engines are "
                "kept in the cache; leave it out"
            )
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
