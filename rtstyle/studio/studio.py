"""All that one running studio holds."""

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from rtstyle.look import Look
from rtstyle.looks.control_table import CONTROLS
from rtstyle.looks.look_file import LookFile, LookStyle
from rtstyle.studio.cameras import CameraChoice, all_choices, first_choice
from rtstyle.studio.jobs import StudioJobs
from rtstyle.studio.presets import Presets
from rtstyle.studio.session import LiveSession
from rtstyle.studio.settings import StudioSettings
from rtstyle.studio.shelf import Shelf
from rtstyle.studio.thumbnails import Thumbnails

TICKET_SECONDS = 60.0
"""How long a ticket for a download holds."""


@dataclass(slots=True)
class Studio:
    """What actions change and what the state is made of."""

    settings: StudioSettings
    """What is fixed."""
    session: LiveSession
    """The live run."""
    shelf: Shelf
    """The styles."""
    jobs: StudioJobs
    """The files."""
    presets: Presets
    """The saved looks."""
    thumbnails: Thumbnails
    """Pictures of the gallery."""
    style: list[tuple[str, float]]
    """Ids and weights of what is shown."""
    cameras: dict[str, CameraChoice] = field(default_factory=dict)
    """What can be chosen."""
    lock: threading.RLock = field(default_factory=threading.RLock)
    """Held by whoever changes something."""
    on_change: list[Callable[[], None]] = field(default_factory=list)
    """Called after each change."""
    tickets: dict[str, tuple[Path, float]] = field(default_factory=dict)
    """Files that may be fetched once, and until when."""

    def changed(self) -> None:
        """Tell whoever shows the state."""
        for call in list(self.on_change):
            call()

    @property
    def uploads(self) -> Path:
        """Return the folder of what is being sent."""
        return self.settings.data / "files"

    def look_file(self, title: str = "") -> LookFile:
        """Return the present look, to be kept or shared."""
        styles = []
        for style_id, weight in self.style:
            style = self.shelf.get(style_id)
            name = Path(style.name).name if style.is_painting else style.name
            styles.append(LookStyle(name, weight, style.sha256))
        kept = [control.name for control in CONTROLS.values() if control.in_look]
        values = {name: self.session.values[name] for name in kept}
        return LookFile(tuple(styles), values, title)

    def look(self) -> Look:
        """Return the present look as file jobs want it; paintings at their strength."""
        controls = self.session.controls
        has_strength = any(self.shelf.get(key).has_strength for key, _ in self.style)
        return Look(
            controls.strength,
            controls.keep_colors,
            controls.height,
            controls.scale,
            controls.style_strength if has_strength else None,
        )

    def take_ticket(self, ticket: str) -> Path | None:
        """Return the file that a ticket stands for, once."""
        path, end = self.tickets.pop(ticket, (None, 0.0))
        return path if time.monotonic() < end else None

    def close(self) -> None:
        """End everything; recordings are completed."""
        with ExitStack() as stack:
            stack.callback(self.jobs.close)
            stack.callback(self.thumbnails.close)
            stack.callback(self.session.close)


def open_studio(settings: StudioSettings) -> Studio:
    """Begin the live run and return the studio around it.

    Raises:
        RtstyleError: the first style is not known.
    """
    shelf = Shelf(settings.data / "paintings")
    style = _first_style(shelf, settings)
    session = LiveSession(settings, shelf.spec(style), first_choice(settings))
    session.start()
    (settings.data / "files").mkdir(parents=True, exist_ok=True, mode=0o700)
    return Studio(
        settings,
        session,
        shelf,
        StudioJobs(settings.data / "jobs.sqlite", shelf.title_of),
        Presets(settings.data / "looks"),
        Thumbnails(),
        style,
        all_choices(settings),
    )


def _first_style(shelf: Shelf, settings: StudioSettings) -> list[tuple[str, float]]:
    """Return ids and weights of the first style; a path joins the shelf."""
    from rtstyle.gallery.spec import parse_style

    if settings.style is None:
        return [(next(s.id for s in shelf.all() if not s.is_painting), 1.0)]
    parts = []
    for part in parse_style(settings.style).parts:
        parts.append((shelf.id_of(part.name), part.weight))
    return parts
