"""Put a live run together: camera, styles, outputs, window; and take it apart again."""

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from rtstyle.choices import EveryMode, Mirror
from rtstyle.gallery.mixture import check_look
from rtstyle.gallery.spec import StyleSpec, parse_style
from rtstyle.learning.beside import LearnBeside, SeenSource
from rtstyle.learning.process import painting_of
from rtstyle.live.keys import KeyControls
from rtstyle.live.latency import Latency, audio_offset_ms
from rtstyle.live.loop import Live, LiveReport
from rtstyle.live.messages import Messages
from rtstyle.live.meters import LiveMeters
from rtstyle.live.outlets import Outlet
from rtstyle.live.outputs import open_outputs, refuse_input, schemes_of
from rtstyle.live.pace import Pace
from rtstyle.live.style_loader import LiveStyles
from rtstyle.live.style_switcher import Styler, StyleSwitcher
from rtstyle.look import Look
from rtstyle.masks import Mask, mask_of
from rtstyle.smoothing import SmoothMode
from rtstyle.stylizer.controls import controls_of
from rtstyle_streams.camera.as_camera import AsCamera
from rtstyle_streams.camera.capture import CaptureRequest
from rtstyle_streams.camera.webcam import Webcam
from rtstyle_streams.first_frame import PeekedSource
from rtstyle_streams.opening import open_sink, open_source
from rtstyle_streams.protocols import Source, StreamInfo
from rtstyle_streams.recorder import Recorder
from rtstyle_streams.sound.feed import SoundFeed
from rtstyle_streams.sound.microphone import Microphone

log = logging.getLogger(__name__)

TELL_DELAY_SECONDS = 5.0
"""How long after the start the measured delay is told."""
DARK_FRAMES = 15
"""Frames of a camera that pass before one is looked at: half a second,
in which it finds its exposure."""
ENDLESS = 10**9
"""Frames of the sample scene when it plays a camera: a year of them."""


@dataclass(frozen=True, slots=True)
class WebcamSettings:
    """What `rtstyle webcam` was asked for."""

    styles: tuple[str, ...]
    """As for `parse_style`; the first is shown first."""
    camera: str | None = None
    """Name, id or number; a file or ``sample:`` plays one, ``screen:`` and the URL of a
    stream are one. None: the first camera."""
    request: CaptureRequest = CaptureRequest()
    """Size and rate to ask the camera for."""
    outputs: tuple[str, ...] = ("window",)
    """``window``, ``virtualcam[:DEVICE]``, ``null:``, files or the URLs of streams."""
    look: Look = Look()
    """How it is stylized at the start."""
    smooth: SmoothMode = "gate"
    """How frames are kept steady at the start."""
    every: EveryMode = "auto"
    """Which frames the network paints; see `Controls.every`."""
    runtime: str = "auto"
    """What runs the network."""
    device: str = "auto"
    """Where it runs."""
    precision: str = "auto"
    """See `Stylizer`."""
    mirror: Mirror = "preview"
    """Who sees a mirror image."""
    fade_seconds: float = 0.0
    """How long one style fades into the next."""
    cycle_seconds: float | None = None
    """How long it takes to drift from one style to the next; None stays."""
    microphone: str | None = None
    """Whose sound goes into files and streams; None: the stream's that is a camera."""
    seconds: float | None = None
    """When to end; None: never."""
    folder: Path = Path()
    """Where the keys put recordings and snapshots."""
    overwrite: bool = False
    """Whether output files that exist may be replaced."""
    learn_minutes: float | None = None
    """How long to learn the first style, a painting, on what the camera sees, while it
    runs; None: not at all."""


def run_webcam(
    settings: WebcamSettings,
    *,
    stop: threading.Event | None = None,
    build: Callable[[StyleSpec], Styler] | None = None,
    on_learned: Callable[[Path], None] | None = None,
) -> LiveReport:
    """Run until told to stop; everything that was opened is closed.

    Args:
        settings: what was asked for.
        stop: ends the run normally when set.
        build: loads a style; None for a `Stylizer` of it.
        on_learned: called at the end with the style that was learned, which then is
            removed.

    Raises:
        StreamError: the camera or an output cannot be opened, or broke.
        RtstyleError: a style cannot be loaded or run.
        UsageError: a control that means nothing for these styles.
    """
    specs = [parse_style(text) for text in settings.styles]
    check_look(settings.look, specs)
    refuse_input(settings.outputs, settings.camera)
    with ExitStack() as stack:
        camera = stack.enter_context(open_camera(settings))
        learning = _open_learning(settings, on_learned, stack)
        mask = stack.enter_context(mask_of(settings.look))
        source: Source = camera
        if learning is not None:
            source = SeenSource(source, learning.see)
        if settings.look.wants_content:
            source = PeekedSource(source, after=DARK_FRAMES)
        styles = _live_styles(settings, source, mask)
        meters = LiveMeters()
        heard = open_sound(settings.microphone, camera, stack)
        keys = _open_keys(
            settings, specs, camera.info, styles, build, meters, heard, stack
        )
        if learning is not None:
            learning.begin(
                on_better=lambda path: keys.switcher.replace(0, parse_style(str(path))),
                say=keys.switcher.say,
            )
        sinks, window = open_outputs(
            settings.outputs,
            camera.info,
            keys,
            stack,
            overwrite=settings.overwrite,
            heard=heard,
        )
        stylize = keys.stylize
        if settings.every == "auto":
            stylize = Pace(keys.stylize, styles.controls)
        stages = {"stylize": stylize, "smooth": keys.smooth}
        live = Live(source, stages, sinks, preview=window, meters=meters)
        tell = threading.Timer(TELL_DELAY_SECONDS, _tell_delay, [live.outlets])
        tell.daemon = True
        tell.start()
        stack.callback(tell.cancel)
        return live.run(seconds=settings.seconds, stop=stop)


def _open_learning(
    settings: WebcamSettings,
    on_learned: Callable[[Path], None] | None,
    stack: ExitStack,
) -> LearnBeside | None:
    """Prepare to learn the first style, if that was asked for."""
    if settings.learn_minutes is None:
        return None
    painting = painting_of(settings.styles[0])
    learning = LearnBeside(painting, minutes=settings.learn_minutes)
    stack.callback(learning.forget)

    def end() -> None:
        learned = learning.close()
        if learned is not None and on_learned is not None:
            on_learned(learned)

    stack.callback(end)
    return learning


def _live_styles(
    settings: WebcamSettings, source: Source, mask: Mask | None
) -> LiveStyles:
    every = 1 if settings.every == "auto" else int(settings.every)
    return LiveStyles(
        look=settings.look,
        controls=controls_of(settings.look, smooth=settings.smooth, every=every),
        runtime=settings.runtime,
        device=settings.device,
        precision=settings.precision,
        keeps_paintings=settings.cycle_seconds is None,
        matrix=source.info.matrix,
        mask=mask,
        content=source.pixels if isinstance(source, PeekedSource) else None,
    )


def open_camera(settings: WebcamSettings) -> Source:
    """Open what `--camera` means: a camera, or a file or scene that plays one.

    Raises:
        SourceError: it cannot be opened.
    """
    camera, request = settings.camera, settings.request
    if camera is not None and camera.startswith("sample:"):
        spec = camera if "x" in camera else _sample_spec(request)
        return AsCamera(partial(open_source, spec), rate=request.rate)
    if camera is not None and Path(camera).is_file():
        return AsCamera(partial(open_source, camera), rate=request.rate)
    if camera is not None and camera.startswith("screen:"):
        from rtstyle_streams.camera.screen import ScreenSource

        return ScreenSource(
            camera.removeprefix("screen:"),
            rate=request.rate,
            width=request.width,
            height=request.height,
        )
    if camera is not None and "://" in camera:
        return open_source(camera)
    return Webcam(camera, request)


def open_sound(
    microphone: str | None, camera: Source, stack: ExitStack
) -> SoundFeed | None:
    """Return whose sound goes into files and streams; None: there is none.

    Args:
        microphone: Its name; None takes what the camera gives.
        camera: Where the frames come from.
        stack: Closes the microphone.

    Raises:
        SourceError: the microphone cannot be opened.
    """
    if microphone is not None:
        return stack.enter_context(closing(Microphone(microphone))).sound
    sound = camera.sound
    return sound if sound is not None and sound.is_expected else None


def _sample_spec(request: CaptureRequest) -> str:
    """Return the sample scene in the size asked for, practically without end."""
    width, height = request.width or 1280, request.height or 720
    return f"sample:{width}x{height}@{round(request.rate or 30)}x{ENDLESS}"


def _open_keys(
    settings: WebcamSettings,
    specs: Sequence[StyleSpec],
    info: StreamInfo,
    styles: LiveStyles,
    build: Callable[[StyleSpec], Styler] | None,
    meters: LiveMeters,
    heard: SoundFeed | None,
    stack: ExitStack,
) -> KeyControls:
    """Load the first style, run it once, and hand it to the keys."""
    messages = Messages()
    switcher = StyleSwitcher(
        specs,
        build or styles.build,
        fade_seconds=settings.fade_seconds,
        cycle=styles.cycle(specs, settings.cycle_seconds),
        go_on=styles.go_on,
        say=messages.say,
    )
    stack.callback(switcher.close)
    switcher.warm_up(np.full((info.height, info.width, 3), 127, np.uint8))
    recorder = None
    if "window" in schemes_of(settings.outputs):
        opened = partial(open_sink, info=info, heard=heard)
        recorder = Recorder(
            settings.folder,
            opened,
            say=messages.say,
            has_sound=lambda: heard is not None,
        )
    return KeyControls(
        switcher,
        styles.controls,
        mirror=settings.mirror,
        recorder=recorder,
        has_mask=styles.mask is not None,
        messages=messages,
        meters=meters,
    )


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
