"""Open who paints the pictures that a student learns from."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from rtstyle_streams.frame import Pixels
from rtstyle_streams.pictures.picture_file import read_picture
from rtstyle_train.errors import ConfigError
from rtstyle_train.evaluation.quality.candidates import open_candidate
from rtstyle_train.jobs.closed_form import ALPHA, ClosedForm
from rtstyle_train.jobs.gatys import GatysJob, gatys_painter
from rtstyle_train.jobs.outputs import checksum
from rtstyle_train.jobs.teacher_command import CommandTeacher, words_of

PAINTERS = ("gatys", "wct", "style-swap")
"""Teachers that need a painting; any other word is a style."""
GATYS_STEPS = 60
"""Iterations for each picture by default; the first ones do most."""


class Teacher(Protocol):
    """Paints pictures of a folder."""

    @property
    def identity(self) -> Mapping[str, Any]:
        """Return what its pictures depend on, as JSON stores it."""
        ...

    def paint(self, paths: list[Path], folder: Path) -> Iterator[tuple[Path, Pixels]]:
        """Yield each picture with what was made of it, RGB ``(H, W, 3)`` uint8.

        Args:
            paths: The pictures, PNG.
            folder: For files of its own; removed afterwards.
        """
        ...

    def close(self) -> None:
        """Let go of what it holds."""
        ...


@dataclass(frozen=True, slots=True)
class TeacherOptions:
    """What the command line says about the teacher."""

    teacher: str | None = None
    """A style's name or file, a checkpoint of others, or one of `PAINTERS`."""
    command: str | None = None
    """Instead: turns a folder of pictures into a folder of pictures."""
    painting: Path | None = None
    """Of `PAINTERS`: the style image."""
    networks: Path | None = None
    """Of WCT and style swap: encoders and decoders."""
    alpha: float = ALPHA
    """Of WCT."""
    style_size: int | None = None
    """Short side of the painting, in pixels."""
    gatys_steps: int = GATYS_STEPS
    """Iterations of Gatys' method for each picture."""
    loss_weights: Path | None = None
    """Loss network of Gatys' method."""

    def check(self) -> None:
        """Refuse what does not belong together, before anything is loaded.

        Raises:
            ConfigError: no teacher or two, or a file that is missing or not used.
        """
        if (self.teacher is None) == (self.command is None):
            got = "none" if self.teacher is None else "both"
            raise ConfigError(
                f"teacher: expected --teacher or --teacher-command, got {got}"
            )
        needs = {
            "--painting": (self.painting, self.teacher in PAINTERS),
            "--networks": (self.networks, self.teacher in ("wct", "style-swap")),
        }
        for option, (given, is_needed) in needs.items():
            if is_needed and given is None:
                raise ConfigError(f"teacher {self.teacher}: expected {option} with it")
            if given is not None and not is_needed:
                name = self.teacher if self.command is None else "command"
                raise ConfigError(f"teacher {name}: expected no {option}, got {given}")
        if self.command is not None:
            words_of(self.command)


@dataclass(frozen=True, slots=True)
class PictureTeacher:
    """Paints one picture after the other, in this process."""

    identity: Mapping[str, Any]
    """As in `Teacher`."""
    stylize: Callable[[Pixels], Pixels]
    """RGB ``(H, W, 3)`` uint8 in and out."""
    close: Callable[[], None] = lambda: None
    """As in `Teacher`."""

    def paint(self, paths: list[Path], folder: Path) -> Iterator[tuple[Path, Pixels]]:
        """Yield each picture with what was made of it."""
        for path in paths:
            yield path, self.stylize(read_picture(path)[0])


def open_teacher(options: TeacherOptions) -> Teacher:
    """Load the teacher.

    Raises:
        ConfigError: as in `TeacherOptions.check`.
        RtstyleError: there is no such style, or a file is missing or broken.
    """
    options.check()
    if options.command is not None:
        return CommandTeacher(options.command)
    assert options.teacher is not None
    if options.painting is None:
        return _style(options.teacher)
    facts: dict[str, Any] = {
        "teacher": options.teacher,
        "painting": checksum(options.painting),
        "style_size": options.style_size,
    }
    if options.teacher == "gatys":
        job = GatysJob(
            photo=options.painting,
            painting=options.painting,
            out=options.painting,
            steps=options.gatys_steps,
            loss_weights=options.loss_weights,
            style_size=options.style_size,
        )
        facts["steps"] = job.steps
        return PictureTeacher(facts, gatys_painter(job))
    assert options.networks is not None, "checked"
    method: Literal["wct", "style-swap"] = "wct"
    if options.teacher == "style-swap":
        method = "style-swap"
    painter = ClosedForm(
        method, options.painting, options.networks, options.alpha, options.style_size
    )
    facts["networks"] = checksum(options.networks)
    if method == "wct":
        facts["alpha"] = options.alpha
    return PictureTeacher(facts, painter.open())


def _style(name: str) -> PictureTeacher:
    candidate = open_candidate(name)
    path = candidate.path or Path(name)
    facts = {"teacher": candidate.name, "sha256": checksum(path)}
    return PictureTeacher(facts, candidate.network, candidate.close)
