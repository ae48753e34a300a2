"""`rtstyle bench`: how fast styles are on this machine, beside a baseline."""

from pathlib import Path

import click

from rtstyle.choices import PRECISIONS, SmoothMode
from rtstyle.commands.options import (
    json_option,
    overwrite_option,
    parse_size,
    smooth_option,
)
from rtstyle.process.terminal import echo


@click.command()
@click.option("--size", default="1280x720", show_default=True, metavar="WxH")
@click.option(
    "--styles", help="Names or files, with commas; default: the gallery's first."
)
@click.option(
    "--runtimes",
    default="onnxruntime",
    show_default=True,
    help="Of onnxruntime, openvino and tensorrt, with commas.",
)
@click.option(
    "--precision",
    type=click.Choice(PRECISIONS),
    default="auto",
    show_default=True,
    help="auto measures fp32 and, where there is one, the int8 twin.",
)
@click.option(
    "--device", default="auto", show_default=True, help="See rtstyle devices."
)
@click.option(
    "--height",
    type=click.IntRange(16, 8192),
    help="Lines that the network sees in the whole video; its pictures are compared.",
)
@smooth_option("flow")
@click.option(
    "--every",
    type=click.IntRange(1, 3),
    default=1,
    show_default=True,
    help="Which frames the network paints in the whole video.",
)
@click.option(
    "--frames",
    type=click.IntRange(0),
    default=60,
    show_default=True,
    help="Frames of the whole-video measurement; 0 leaves it out.",
)
@click.option(
    "--photos",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Pictures that --height is judged by; default: the built-in scene.",
)
@click.option(
    "--soak",
    type=click.IntRange(0),
    default=0,
    metavar="SECONDS",
    help="Run a video for so long and see whether memory grows; more than 10.",
)
@json_option
@click.option(
    "--plot", type=click.Path(path_type=Path, dir_okay=False), help="Draw a PNG."
)
@click.option(
    "--compare",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="OLD.json",
    help="What --json printed before: tell what became faster or slower since.",
)
@overwrite_option
def bench(
    size: str,
    styles: str | None,
    runtimes: str,
    precision: str,
    device: str,
    height: int | None,
    smooth: SmoothMode,
    every: int,
    frames: int,
    photos: Path | None,
    soak: int,
    as_json: bool,
    plot: Path | None,
    compare: Path | None,
    overwrite: bool,
) -> None:
    """Measure styles beside the Johnson network, in turns, in one run."""
    from rtstyle.benchmark import BenchJob, run_bench
    from rtstyle.benchmark.compare import read_results
    from rtstyle.benchmark.soak import FIRST_SECOND
    from rtstyle.errors import UsageError
    from rtstyle.gallery.find import DEFAULT_STYLE
    from rtstyle_streams.part_file import check_target

    pixels = parse_size(size)
    if pixels is None or min(pixels) < 16:
        raise UsageError(f"size: expected WIDTHxHEIGHT from 16x16 on, got {size!r}")
    if soak and soak <= FIRST_SECOND:
        raise UsageError(f"soak: expected more than 10 seconds, got {soak}")
    if plot is not None:
        check_target(plot, overwrite=overwrite)
    earlier = None
    if compare is not None:
        earlier = read_results(compare, size=f"{pixels[0]}x{pixels[1]}")
    job = BenchJob(
        styles=_words(styles or DEFAULT_STYLE),
        width=pixels[0],
        height=pixels[1],
        runtimes=_words(runtimes),
        precision=precision,
        device=device,
        smooth=smooth,
        every=every,
        work_height=height,
        num_video_frames=frames,
        soak_seconds=float(soak),
        photos=photos,
    )
    report = run_bench(job)
    if earlier is not None:
        report = report.compared_with(earlier)
    echo(*(report.as_json() if as_json else report.as_text()).split("\n"))
    if plot is not None:
        from rtstyle.benchmark.plot import write_plot

        write_plot(report, plot, overwrite=overwrite)


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())
