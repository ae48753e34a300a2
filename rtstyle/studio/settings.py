"""What `rtstyle studio` was asked for, and where it keeps things."""

from dataclasses import dataclass
from pathlib import Path

from rtstyle import user_files
from rtstyle.look import Look
from rtstyle.smoothing import SmoothMode
from rtstyle_streams.camera.capture import CaptureRequest


@dataclass(frozen=True, slots=True)
class StudioSettings:
    """Everything that is fixed at the start."""

    camera: str | None = None
    """As for `rtstyle webcam`; ``page`` is the page's own. None: the first camera."""
    request: CaptureRequest = CaptureRequest(640, 360)
    """Size and rate to ask the camera for."""
    style: str | None = None
    """The first style; None is the gallery's first."""
    look: Look = Look()
    """How it is stylized at the start."""
    smooth: SmoothMode = "gate"
    """How frames are kept steady at the start."""
    runtime: str = "auto"
    """What runs the network."""
    device: str = "auto"
    """Where it runs."""
    host: str = "127.0.0.1"
    """Address to listen at."""
    port: int = 0
    """Port to listen at; 0 is any that is free."""
    names: tuple[str, ...] = ()
    """Names under which browsers elsewhere know this computer."""
    folder: Path = Path()
    """Where recordings, snapshots and finished files go."""
    data: Path = Path()
    """Where paintings, presets and jobs are kept."""
    microphone: str | None = None
    """Microphone of this computer for recordings; None is none."""
    osc_port: int | None = None
    """UDP port for OSC; None is none."""


def studio_folder() -> Path:
    """Return where the studio keeps what the user gave it; it may not exist."""
    return user_files.data_folder() / "studio"
