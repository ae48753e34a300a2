"""Put a live run together: camera, styles, outputs, window; and take it apart again."""

import itertools
import logging
import threading
from collections.abc import Callable, Container, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from rtstyle.errors import UsageError
from rtstyle.live import Live, LiveReport
from rtstyle.metrics.latency import Latency, audio_offset_ms
from rtstyle.outlets import Outlet
from rtstyle.recorder import Recorder
from rtstyle.studio import RECORDER, Mirror, Studio
from rtstyle.style_switcher import Styler, StyleSwitcher
from rtstyle.stylizer import Controls, Stylizer
from rtstyle_streams.as_camera import AsCamera
from rtstyle_streams.capture import Wish
from rtstyle_streams.opening import open_sink, open_source
from rtstyle_streams.protocols import Sink, Source, StreamInfo
from rtstyle_streams.virtual_camera import VirtualCamera
from rtstyle_streams.webcam import Webcam
from rtstyle_streams.window import Window

log = logging.getLogger(__name__)

TELL_DELAY_SECONDS = 5.0
"""How long after the start the measured delay is told."""
ENDLESS = 10**9
"""Frames of the sample scene when it plays a camera: a year of them."""


@dataclass(frozen=True, slots=True)
class WebcamSettings:
    """What `rtstyle webcam` was asked for."""

    styles: tuple[str, ...]
    """Names or paths; the first is shown first."""
    camera: str | None = None
    """Name, id or number; a file or ``sample:`` plays one. None: the first camera."""
    wish: Wish = Wish()
    """Size and rate to ask the camera for."""
    outputs: tuple[str, ...] = ("window",)
    """``window``, ``virtualcam[:DEVICE]``, ``null:`` or files."""
    controls: Controls = field(default_factory=Controls)
    """How it is stylized at the start."""
    runtime: str = "auto"
    """What runs the network."""
    device: str = "auto"
    """Where it runs."""
    mirror: Mirror = "preview"
    """Who sees a mirror image."""
    fade_seconds: float = 0.0
    """How long one style fades into the next."""
    seconds: float | None = None
    """When to end; None: never."""
    folder: Path = Path()
    """Where the keys put recordings and snapshots."""
    overwrite: bool = False
    """Whether output files that exist may be replaced."""


def run_webcam(
    settings: WebcamSettings,
    *,
    stop: threading.Event | None = None,
    build: Callable[[str], Styler] | None = None,
) -> LiveReport:
    """Run until told to stop; everything that was opened is closed.

    Args:
        settings: what was asked for.
        stop: ends the run normally when set.
        build: loads a style; None for a `Stylizer` of it.

    Raises:
        StreamError: the camera or an output cannot be opened, or broke.
        RtstyleError: a style cannot be loaded or run.
    """
    with ExitStack() as stack:
        source = stack.enter_context(open_camera(settings))
        build = build or partial(_build, settings=settings, info=source.info)
        studio = _open_studio(settings, source.info, build, stack)
        sinks, window = _open_outputs(settings, source.info, studio, stack)
        stages = {"stylize": studio.stylize, "smooth": studio.smooth}
        studio.live = live = Live(source, stages, sinks, preview=window)
        tell = threading.Timer(TELL_DELAY_SECONDS, _tell_delay, [live.outlets])
        tell.daemon = True
        tell.start()
        stack.callback(tell.cancel)
        return live.run(seconds=settings.seconds, stop=stop)


def open_camera(settings: WebcamSettings) -> Source:
    """Open what `--camera` means: a camera, or a file or scene that plays one.

    Raises:
        SourceError: it cannot be opened.
    """
    camera, wish = settings.camera, settings.wish
    if camera is not None and camera.startswith("sample:"):
        spec = camera if "x" in camera else _sample_spec(wish)
        return AsCamera(partial(open_source, spec), rate=wish.rate)
    if camera is not None and Path(camera).is_file():
        return AsCamera(partial(open_source, camera), rate=wish.rate)
    return Webcam(camera, wish)


def _sample_spec(wish: Wish) -> str:
    """Return the sample scene in the size asked for, practically without end."""
    width, height = wish.width or 1280, wish.height or 720
    return f"sample:{width}x{height}@{round(wish.rate or 30)}x{ENDLESS}"


def _build(name: str, *, settings: WebcamSettings, info: StreamInfo) -> Stylizer:
    return Stylizer(
        name,
        controls=settings.controls,
        runtime=settings.runtime,
        device=settings.device,
        matrix=info.matrix,
    )


def _open_studio(
    settings: WebcamSettings,
    info: StreamInfo,
    build: Callable[[str], Styler],
    stack: ExitStack,
) -> Studio:
    """Load the first style, run it once, and hand it to the keys."""
    switcher = StyleSwitcher(settings.styles, build, fade_seconds=settings.fade_seconds)
    stack.callback(switcher.close)
    switcher.warm_up(np.full((info.height, info.width, 3), 127, np.uint8))
    recorder = None
    if "window" in _schemes(settings.outputs):
        recorder = Recorder(settings.folder, partial(open_sink, info=info))
    return Studio(
        switcher, settings.controls, mirror=settings.mirror, recorder=recorder
    )


def _open_outputs(
    settings: WebcamSettings, info: StreamInfo, studio: Studio, stack: ExitStack
) -> tuple[dict[str, Sink], Window | None]:
    """Open the sinks, by name, and the window if one is asked for.

    Raises:
        SinkError: one cannot be opened.
        UsageError: the window or the virtual camera is asked for twice.
    """
    sinks: dict[str, Sink] = {}
    window: Window | None = None
    schemes = _schemes(settings.outputs)
    for scheme, output in zip(schemes, settings.outputs, strict=True):
        if scheme in ("window", "virtualcam") and schemes.count(scheme) > 1:
            raise UsageError(f"output: expected {scheme} once, got it several times")
        if scheme == "window":
            window = _open_window(info, studio)
            stack.callback(window.close)
            continue
        if scheme == "virtualcam":
            sink: Sink = _open_virtual_camera(output, info)
        else:
            sink = open_sink(output, info, overwrite=settings.overwrite)
            if scheme == "file":
                log.warning("%s: recorded without sound", output)
        stack.callback(sink.close)
        sinks[_free_name(output if scheme == "file" else scheme, sinks)] = sink
    if studio.recorder is not None:
        sinks[RECORDER] = studio.recorder
    return sinks, window


def _open_window(info: StreamInfo, studio: Studio) -> Window:
    window = Window(
        width=info.width, height=info.height, on_key=studio.on_key, lines=studio.lines
    )
    studio.show_in(window)
    log.info("keys: press ? in the window")
    return window


def _open_virtual_camera(output: str, info: StreamInfo) -> VirtualCamera:
    return VirtualCamera(
        width=info.width,
        height=info.height,
        rate=float(info.frame_rate or 30),
        device=output.partition(":")[2] or None,
    )


def _schemes(outputs: Sequence[str]) -> list[str]:
    """Return "window", "virtualcam", "null" or "file" for each output."""
    heads = [output.partition(":")[0] for output in outputs]
    known = ("window", "virtualcam", "null")
    return [head if head in known else "file" for head in heads]


def _free_name(name: str, taken: Container[str]) -> str:
    """Return `name`, with a number behind it if it is taken."""
    names = (f"{name} {count}" if count > 1 else name for count in itertools.count(1))
    return next(free for free in names if free not in taken)


def _tell_delay(outlets: Sequence[Outlet]) -> None:
    """Say how far the picture is behind, and what to set so that the voice fits."""
    for outlet in outlets:
        age = outlet.age.summary()
        if outlet.name in ("virtualcam", "window") and age.num_samples:
            log.info(delay_text(outlet.name, age))


def delay_text(name: str, age: Latency) -> str:
    """Return one line about the delay at a sink and the audio offset that fits it."""
    return (
        f"{name}: the picture is {age.p50_ms:.0f} ms old there ({age}); in OBS set "
        f"the microphone's sync offset to {audio_offset_ms(age)} ms (Advanced Audio "
        "Properties), in a call program its audio delay; add your camera's own delay, "
        "often 30 to 60 ms"
    )
