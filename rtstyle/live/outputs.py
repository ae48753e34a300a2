"""Open what a live run shows itself in: a window, a virtual camera, files."""

import itertools
import logging
from collections.abc import Container, Sequence
from contextlib import ExitStack
from pathlib import Path

from rtstyle.errors import UsageError
from rtstyle.live.keys import RECORDER, KeyControls
from rtstyle_streams.camera.virtual_camera import VirtualCamera
from rtstyle_streams.errors import SinkError
from rtstyle_streams.network.urls import without_credentials
from rtstyle_streams.opening import open_sink
from rtstyle_streams.protocols import Sink, StreamInfo
from rtstyle_streams.sound.feed import SoundFeed
from rtstyle_streams.window import Window

log = logging.getLogger(__name__)


def open_outputs(
    outputs: Sequence[str],
    info: StreamInfo,
    keys: KeyControls,
    stack: ExitStack,
    *,
    overwrite: bool,
    heard: SoundFeed | None = None,
) -> tuple[dict[str, Sink], Window | None]:
    """Open the sinks, by name, and the window if one is asked for.

    Args:
        outputs: As for `WebcamSettings`.
        info: What is known of the frames.
        keys: Of the window.
        stack: Closes what is opened.
        overwrite: Whether files that exist may be replaced.
        heard: Sound for files and streams; None: none.

    Raises:
        SinkError: one cannot be opened.
        UsageError: the window or the virtual camera is asked for twice.
    """
    sinks: dict[str, Sink] = {}
    window: Window | None = None
    schemes = schemes_of(outputs)
    for scheme, output in zip(schemes, outputs, strict=True):
        if scheme in ("window", "virtualcam") and schemes.count(scheme) > 1:
            raise UsageError(f"output: expected {scheme} once, got it several times")
        if scheme == "window":
            window = _open_window(info, keys)
            stack.callback(window.close)
            continue
        if scheme == "virtualcam":
            sink: Sink = _open_virtual_camera(output, info)
        else:
            sink = open_sink(output, info, overwrite=overwrite, heard=heard)
            if scheme == "file" and heard is None:
                log.warning(
                    "%s: without sound, which this camera does not give; --microphone "
                    "default adds that of a microphone",
                    without_credentials(output),
                )
        stack.callback(sink.close)
        name = without_credentials(output) if scheme == "file" else scheme
        sinks[_free_name(name, sinks)] = sink
    if keys.recorder is not None:
        sinks[RECORDER] = keys.recorder
    return sinks, window


def refuse_input(outputs: Sequence[str], camera: str | None) -> None:
    """Refuse to write to the file that plays the camera.

    Raises:
        SinkError: one of `outputs` is this file.
    """
    if camera is None or not Path(camera).is_file():
        return
    for output in outputs:
        if Path(output).exists() and Path(output).samefile(camera):
            raise SinkError(
                f"{output}: expected an output other than the input, got the same file"
            )


def _open_window(info: StreamInfo, keys: KeyControls) -> Window:
    window = Window(
        width=info.width, height=info.height, on_key=keys.on_key, lines=keys.lines
    )
    keys.show_in(window)
    log.info("keys: press ? in the window")
    return window


def _open_virtual_camera(output: str, info: StreamInfo) -> VirtualCamera:
    return VirtualCamera(
        width=info.width,
        height=info.height,
        rate=float(info.frame_rate or 30),
        device=output.partition(":")[2] or None,
    )


def schemes_of(outputs: Sequence[str]) -> list[str]:
    """Return "window", "virtualcam", "null" or "file" for each output."""
    heads = [output.partition(":")[0] for output in outputs]
    known = ("window", "virtualcam", "null")
    return [head if head in known else "file" for head in heads]


def _free_name(name: str, taken: Container[str]) -> str:
    """Return `name`, with a number behind it if it is taken."""
    names = (f"{name} {count}" if count > 1 else name for count in itertools.count(1))
    return next(free for free in names if free not in taken)
