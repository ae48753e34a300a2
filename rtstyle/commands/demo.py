"""`rtstyle demo`: pictures and a video in every style, right after installation."""

from pathlib import Path

import click

from rtstyle.commands.options import no_empty_style, smooth_option
from rtstyle.process.terminal import echo

MOST_STYLES = 10
"""Bundled styles that a demonstration shows at most."""


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("rtstyle-demo"),
    show_default=True,
    help="Folder for the video and the contact sheet.",
)
@click.option(
    "--style",
    "names",
    multiple=True,
    callback=no_empty_style,
    help="Only this style; may be given again.",
)
@click.option("--width", type=click.IntRange(64, 7680), default=848, show_default=True)
@click.option("--height", type=click.IntRange(64, 4320), default=480, show_default=True)
@click.option(
    "--frames",
    type=click.IntRange(1),
    default=25,
    show_default=True,
    help="Frames for each style.",
)
@smooth_option("flow")
@click.option(
    "--device", default="auto", show_default=True, help="See rtstyle devices."
)
def demo(
    out: Path,
    names: tuple[str, ...],
    width: int,
    height: int,
    frames: int,
    smooth: str,
    device: str,
) -> None:
    """Show a portrait and a scene in the bundled styles: a sheet and a video."""
    from rtstyle.gallery.find import load_style, style_files
    from rtstyle.offline.demo import run_demo

    chosen = names or tuple(style_files())[:MOST_STYLES]
    result = run_demo(
        [load_style(name) for name in chosen],
        out,
        width=width,
        height=height,
        frames_per_style=frames,
        smooth=smooth,  # type: ignore[arg-type]  # click.Choice has checked it
        device=device,
    )
    rate = result.num_frames / result.seconds
    echo(f"{result.sheet}: a portrait and a scene in every style; look here first")
    echo(f"{result.video}: {result.num_frames} frames, {rate:.1f} a second")
