"""`rtstyle studio`: the live picture and its controls on a page of this computer."""

from pathlib import Path

import click

from rtstyle.choices import SmoothMode
from rtstyle.commands.options import (
    SizeType,
    look_of,
    look_options,
    microphone_option,
    runtime_options,
    smooth_option,
    style_option,
)
from rtstyle.process.terminal import echo


@click.command()
@style_option
@click.option(
    "--camera",
    metavar="CAMERA",
    help="As for webcam; page is the camera of the browser. Default: the first "
    "camera, or the sample scene without one.",
)
@click.option("--size", type=SizeType(), help="Size to ask the camera for.")
@click.option("--fps", type=click.FloatRange(1, 1000), help="Rate to ask it for.")
@look_options
@smooth_option("gate")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    show_default=True,
    help="Port to listen at; 0 is any that is free.",
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen at; another than this one lets other computers in.",
)
@click.option(
    "--names",
    multiple=True,
    metavar="NAME",
    help="With --host: a name under which browsers know this computer.",
)
@click.option(
    "--browser/--no-browser", default=True, help="Open the page in the browser."
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where recordings and results go.  [default: rtstyle in your videos]",
)
@microphone_option
@click.option(
    "--osc", type=click.IntRange(0, 65535), metavar="PORT", help="Listen to OSC there."
)
@click.option(
    "--export-page",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write a page that needs no server into DIR, and end.",
)
@click.option(
    "--runtime-from",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("node_modules/onnxruntime-web/dist"),
    envvar="RTSTYLE_ONNXRUNTIME_WEB",
    metavar="DIR",
    help="With --export-page: where onnxruntime-web is; default: what "
    "RTSTYLE_ONNXRUNTIME_WEB names, or node_modules.",
)
@runtime_options
@click.pass_context
def studio(
    context: click.Context,
    *,
    style: str | None,
    camera: str | None,
    size: tuple[int, int] | None,
    fps: float | None,
    smooth: SmoothMode,
    port: int,
    host: str,
    names: tuple[str, ...],
    browser: bool,
    folder: Path | None,
    microphone: str | None,
    osc: int | None,
    export_page: Path | None,
    runtime_from: Path,
    runtime: str,
    device: str,
) -> None:
    """Open the studio: a page with the live picture, styles, and everything to turn.

    Nothing leaves this computer. Ctrl-C ends it; recordings are completed.
    """
    if export_page is not None:
        from rtstyle.studio.export_page import export_page as export

        num_bytes = export(export_page, runtime=runtime_from)
        echo(f"{export_page}: {num_bytes / 1e6:.1f} MB")
        return
    import platformdirs

    from rtstyle.process.signals import graceful_stop
    from rtstyle.studio.serve import run_studio
    from rtstyle.studio.settings import StudioSettings, studio_folder
    from rtstyle_streams.camera.capture import CaptureRequest

    width, lines = size or (640, 360)
    settings = StudioSettings(
        camera=camera,
        request=CaptureRequest(width, lines, fps),
        style=style,
        look=look_of(context),
        smooth=smooth,
        runtime=runtime,
        device=device,
        host=host,
        port=port,
        names=names,
        folder=folder or Path(platformdirs.user_videos_dir()) / "rtstyle",
        data=studio_folder(),
        microphone=microphone,
        osc_port=osc,
    )
    with graceful_stop() as stop:
        run_studio(settings, stop=stop, opens_browser=browser)
