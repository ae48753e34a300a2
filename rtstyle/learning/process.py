"""`rtstyle learn` as a process: run to its end, or beside a live picture."""

import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final

from rtstyle.errors import UsageError
from rtstyle.gallery.find import style_files
from rtstyle.gallery.spec import parse_style
from rtstyle.paintings import is_painting

COMMAND: Final = "learn"
"""Name of the command."""


def painting_of(style: str | None) -> Path:
    """Return the painting that `--style` names.

    Raises:
        UsageError: it names something else, or several.
    """
    parts = parse_style(style).parts if style else ()
    path = Path(parts[0].name).expanduser() if len(parts) == 1 else None
    if path is None or parts[0].name in style_files() or not is_painting(path):
        raise UsageError(
            f"--learn: expected one painting for --style, got {style or 'none'}"
        )
    return path


def learn_words(
    painting: Path,
    target: Path,
    *,
    on: str,
    minutes: float,
    more: Sequence[str] = (),
) -> list[str]:
    """Return the command line that learns a painting.

    Args:
        painting: A picture file.
        target: The style file to write.
        on: What is to be painted, see `rtstyle learn --on`.
        minutes: How long.
        more: Further options.
    """
    words = [sys.executable, "-m", "rtstyle", COMMAND, str(painting)]
    words += ["--on", on, "--minutes", f"{minutes:g}", "--out", str(target)]
    return [*words, *more]


def run_to_end(words: Sequence[str]) -> int:
    """Run a command with our own terminal and return its exit status.

    Raises:
        KeyboardInterrupt: a signal came; the process has kept what it had.
    """
    with subprocess.Popen(words, stdin=subprocess.DEVNULL) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.terminate()  # a second time at a terminal: that is ignored
            process.wait()
            raise


def check_can_learn() -> None:
    """Raise `UsageError` unless the command is installed."""
    names = {point.name for point in entry_points(group="rtstyle.commands")}
    if COMMAND not in names:
        raise UsageError(
            "--learn: expected rtstyle with its training, got one without; install "
            "it with pip install 'rtstyle[train]'"
        )
