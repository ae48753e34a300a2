"""`rtstyle webcam`: a camera in another style, in a window, a call, a file."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rtstyle.choices import EVERY_MODES, MIRRORS, EveryMode, Mirror, SmoothMode
from rtstyle.commands.options import (
    DurationType,
    Number,
    SizeType,
    json_option,
    look_of,
    look_options,
    microphone_option,
    no_empty_style,
    overwrite_option,
    precision_option,
    runtime_options,
    smooth_option,
)
from rtstyle.errors import UsageError
from rtstyle.process.signals import Stopped, graceful_stop
from rtstyle.process.terminal import echo, echo_json

if TYPE_CHECKING:
    from rtstyle.live.loop import LiveReport


@click.command()
@click.option(
    "--style",
    "styles",
    multiple=True,
    metavar="STYLE",
    callback=no_empty_style,
    help="Name or file of a style, a painting, or a mixture A:0.6,B:0.4; give several "
    "to change between them with n and p. Default: the whole gallery.",
)
@click.option(
    "--camera",
    metavar="CAMERA",
    help="Name, part of it, id or number (see 'rtstyle cameras'); a video file or "
    "sample: plays one; screen: and URLs (rtmp, rtsp, udp, tcp, http) are cameras too. "
    "Default: the first camera.",
)
@click.option("--size", type=SizeType(), help="Size to ask the camera for.")
@click.option("--fps", type=Number(1, 1000), help="Rate to ask it for.")
@click.option(
    "--output",
    "outputs",
    multiple=True,
    metavar="OUTPUT",
    help="window, virtualcam[:DEVICE], null:, a video file, or a URL (rtmp, rtsp, udp, "
    "tcp); may be given several times.  [default: window]",
)
@click.option(
    "--learn",
    "learn_minutes",
    type=DurationType(),
    is_flag=False,
    flag_value="5m",
    help="Learn the painting of --style on what the camera sees while it runs: 5m …",
)
@look_options
@smooth_option("gate")
@click.option(
    "--every",
    type=click.Choice(EVERY_MODES),
    default="auto",
    show_default=True,
    help="Which frames the network paints; motion carries its pictures to the others. "
    "auto: all, if the machine keeps up with the camera.",
)
@click.option(
    "--mirror",
    type=click.Choice(MIRRORS),
    default="preview",
    show_default=True,
    help="Who sees a mirror image.",
)
@click.option(
    "--fade",
    type=Number(0, 10),
    default=0.0,
    metavar="SECONDS",
    help="Let one style fade into the next.",
)
@click.option(
    "--cycle",
    type=Number(1, 3600),
    metavar="SECONDS",
    help="Drift from style to style by itself, one in so many seconds.",
)
@microphone_option
@click.option("--seconds", type=Number(0.1), help="End after so many seconds.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=Path(),
    help="Where the keys r and s put recordings and snapshots.  [default: here]",
)
@overwrite_option
@runtime_options
@precision_option
@json_option
@click.pass_context
def webcam(
    context: click.Context,
    *,
    styles: tuple[str, ...],
    camera: str | None,
    size: tuple[int, int] | None,
    fps: float | None,
    outputs: tuple[str, ...],
    smooth: SmoothMode,
    every: EveryMode,
    learn_minutes: float | None,
    mirror: Mirror,
    fade: float,
    cycle: float | None,
    microphone: str | None,
    seconds: float | None,
    folder: Path,
    overwrite: bool,
    runtime: str,
    device: str,
    precision: str,
    as_json: bool,
) -> None:
    """Show a camera in another style: in a window, a video call, a file.

    Press ? in the window for the keys. Ctrl-C or q ends; recordings are completed.
    """
    from rtstyle.gallery.find import style_files
    from rtstyle.learning.film import keep_learned
    from rtstyle.live.webcam import WebcamSettings, run_webcam
    from rtstyle_streams.camera.capture import CaptureRequest
    from rtstyle_streams.errors import NoFramesError

    width, lines = size or (None, None)
    settings = WebcamSettings(
        styles=all_styles(styles, tuple(style_files())),
        camera=camera,
        request=CaptureRequest(width, lines, fps),
        outputs=outputs or ("window",),
        look=look_of(context),
        smooth=smooth,
        every=every,
        runtime=runtime,
        device=device,
        precision=precision,
        mirror=mirror,
        fade_seconds=fade,
        cycle_seconds=cycle,
        microphone=microphone,
        seconds=seconds,
        folder=folder,
        overwrite=overwrite,
        learn_minutes=learn_minutes,
    )
    learned: list[Path] = []
    with graceful_stop() as stop:
        try:
            report = run_webcam(
                settings,
                stop=stop,
                on_learned=lambda path: learned.append(keep_learned(path)),
            )
        except NoFramesError:
            if stop.is_set():  # before the first frame: nothing is missing
                raise Stopped(stop.number) from None
            raise
    if as_json:
        echo_json(asdict(report), indent=2)
    else:
        echo(*report_lines(report), err=True)
    for path in learned:
        _offer(path)


def _offer(path: Path) -> None:
    """Ask whether a learned style is to be kept; where nobody answers, say how."""
    from rtstyle.gallery.find import add_style

    if sys.stdin.isatty() and click.confirm(
        f"Keep the learned style {path.stem}?", default=True, err=True
    ):
        style = add_style(path, overwrite=True)
        echo(f"{style.name}: added; use it with --style {style.name}", err=True)
    else:
        echo(f"keep the learned style with: rtstyle styles add {path}", err=True)


def all_styles(wanted: tuple[str, ...], gallery: tuple[str, ...]) -> tuple[str, ...]:
    """Return the styles to change between.

    Several that are wanted: these. One: that one first, then the gallery. None: the
    gallery.

    Raises:
        UsageError: there is none at all.
    """
    found = wanted if len(wanted) > 1 else tuple(dict.fromkeys((*wanted, *gallery)))
    if not found:
        raise UsageError("style: expected one, got none; the gallery is empty")
    return found


def report_lines(report: "LiveReport") -> list[str]:
    """Return what a run measured, for people."""
    from rtstyle.live.keys import RECORDER
    from rtstyle.live.webcam import delay_text

    rate = report.num_finished / report.seconds if report.seconds else 0.0
    stages = ", ".join(
        f"{name} {times.p50_ms:.1f} ms"
        for name, times in report.work.items()
        if name != "camera" and name not in report.age
    )
    lines = [
        f"{report.num_finished} frames in {report.seconds:.1f} s ({rate:.1f} fps) of "
        f"{report.num_captured} from the camera; {stages}"
    ]
    for name, age in report.age.items():
        if name in ("virtualcam", "window") and age.num_samples:
            lines.append(delay_text(name, age))
        elif name != RECORDER:
            dropped = report.num_dropped[name]
            lines.append(f"{name}: age {age}; {dropped} frames dropped")
    return lines
