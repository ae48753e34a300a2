"""The cameras that the page may choose among."""

from dataclasses import dataclass
from typing import Final

from rtstyle.errors import UsageError
from rtstyle.live.webcam import WebcamSettings, open_camera
from rtstyle.studio.page_camera import PageCamera
from rtstyle.studio.settings import StudioSettings
from rtstyle_streams.camera.capture import CaptureRequest
from rtstyle_streams.camera.devices import list_cameras
from rtstyle_streams.protocols import Source

SAMPLE: Final = "sample:"
"""The built-in scene."""
PAGE: Final = "page"
"""The camera of the browser."""


SIZES: Final = ("320x180", "640x360", "960x540", "1280x720", "1920x1080")
"""Sizes that the page offers."""


@dataclass(frozen=True, slots=True)
class CameraChoice:
    """One camera."""

    id: str
    """What the page calls it."""
    title: str
    """What people call it."""
    spec: str
    """What `--camera` would say."""


def first_choice(settings: StudioSettings) -> CameraChoice:
    """Return the camera to begin with; without any the built-in scene."""
    choices = all_choices(settings)
    return choices["start"] if "start" in choices else next(iter(choices.values()))


def all_choices(settings: StudioSettings) -> dict[str, CameraChoice]:
    """Return all cameras by id: plugged in, the page's, the screen, the scene."""
    found: dict[str, CameraChoice] = {}
    wanted = settings.camera
    if wanted is not None and wanted not in (SAMPLE, PAGE, "screen:"):
        found["start"] = CameraChoice("start", _safe_title(wanted), wanted)
    for camera in list_cameras():
        if not camera.is_virtual and not camera.problem:
            found[camera.id] = CameraChoice(camera.id, camera.name, camera.id)
    last = [
        CameraChoice(SAMPLE, "Sample scene", SAMPLE),
        CameraChoice(PAGE, "Camera of this browser", PAGE),
        CameraChoice("screen:", "This screen", "screen:"),
    ]
    last.sort(key=lambda choice: choice.spec != wanted)
    if wanted in (SAMPLE, PAGE, "screen:"):
        return {choice.id: choice for choice in (*last, *found.values())}
    return found | {choice.id: choice for choice in last}


def _safe_title(spec: str) -> str:
    """Return a camera's text for people, without a password."""
    from rtstyle_streams.network.urls import without_credentials

    return without_credentials(spec)


def size_named(text: object) -> tuple[int, int]:
    """Return width and height of one of `SIZES`.

    Raises:
        UsageError: it is none of them.
    """
    if not isinstance(text, str) or text not in SIZES:
        raise UsageError(f"size: expected one of {', '.join(SIZES)}, got {text!r:.40}")
    width, _, height = text.partition("x")
    return int(width), int(height)


def open_chosen(choice: CameraChoice, request: CaptureRequest) -> Source:
    """Open a camera.

    Raises:
        SourceError: it cannot be opened.
    """
    if choice.spec == PAGE:
        return PageCamera(width=request.width or 640, height=request.height or 360)
    return open_camera(WebcamSettings((), camera=choice.spec, request=request))
