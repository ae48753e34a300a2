"""Commands of the export folder: `rtstyle export`, `rtstyle import`."""

from pathlib import Path

import click

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(name="export")
@click.argument("weights", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("style_file", type=FILE)
@click.option("--style", help="Which painting, when WEIGHTS holds several.")
@click.option("--name", help="What --style will be called with; default: the recipe's.")
@click.option("--title", help="Title for people; default: the recipe's.")
@click.option("--overwrite", is_flag=True, help="Replace STYLE_FILE.")
def main(
    weights: Path,
    style_file: Path,
    style: str | None,
    name: str | None,
    title: str | None,
    overwrite: bool,
) -> None:
    """Make a style file (.onnx) from trained WEIGHTS (.safetensors)."""
    from rtstyle_export.from_weights import export_weights

    export_weights(
        weights, style_file, style=style, name=name, title=title, overwrite=overwrite
    )
    click.echo(f"{style_file}: written; try: rtstyle demo --style {style_file}")


@click.command(name="import")
@click.argument("checkpoint", type=FILE)
@click.argument("style_file", type=FILE)
@click.option("--title", help="Title for people; default: the file's name.")
@click.option("--overwrite", is_flag=True, help="Replace STYLE_FILE.")
def import_checkpoint(
    checkpoint: Path, style_file: Path, title: str | None, overwrite: bool
) -> None:
    """Turn a CHECKPOINT of pytorch/examples (.pth, .safetensors) into a style file."""
    from rtstyle_export.from_checkpoint import import_johnson

    import_johnson(checkpoint, style_file, title=title, overwrite=overwrite)
    click.echo(f"{style_file}: written; try: rtstyle demo --style {style_file}")
