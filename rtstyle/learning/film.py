"""Learn a painting on the film that it is for, before the film is painted."""

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rtstyle.errors import UsageError
from rtstyle.learning.process import (
    check_can_learn,
    learn_words,
    painting_of,
    run_to_end,
)
from rtstyle.untrusted.names import style_name
from rtstyle.user_files import cache_folder, write_whole

log = logging.getLogger(__name__)

MOST_KEPT: Final = 64
"""Learned styles that are kept, about 1 MB each; the oldest go first."""


def learned_folder() -> Path:
    """Return where learned styles are kept; it may not exist."""
    return cache_folder() / "learned"


def learned_style(style: str | None, film: str, *, minutes: float) -> tuple[Path, int]:
    """Learn the painting that `style` names on a film, once.

    The same painting, film and time are not learned again: what was learned is kept in
    the cache, so that a film whose painting was interrupted goes on with it.

    Returns:
        The style file, and the exit status of the learning: unless it is 0, it has said
        why, and there may be no file.

    Raises:
        UsageError: there is no painting, no film, or no training is installed.
        KeyboardInterrupt: a signal came; the same command goes on there.
    """
    painting = painting_of(style)
    if film == "-":
        raise UsageError("--learn: expected a film, got -, which is read only once")
    target = learned_folder() / learned_name([painting], film, f"{minutes:g}")
    if target.exists():
        log.info("%s: learned before", target)
        return target, 0
    check_can_learn()
    target.parent.mkdir(parents=True, exist_ok=True)
    more = ("--resume",) if _checkpoint(target).exists() else ()
    status = run_to_end(
        learn_words(painting, target, on=film, minutes=minutes, more=more)
    )
    if not status:
        log.info("%s: keep it with rtstyle styles add %s", painting.name, target)
        forget_oldest(target.parent)
    return target, status


def keep_learned(path: Path) -> Path:
    """Copy a style that was learned beside a camera to the others; return where."""
    data = path.read_bytes()
    name = f"{path.stem[:40]}-{hashlib.sha256(data).hexdigest()[:12]}.onnx"
    target = learned_folder() / name
    write_whole(target, data)
    forget_oldest(target.parent)
    return target


def learned_name(paintings: Sequence[Path], film: str, settings: str) -> str:
    """Return a file's name for what decides a learned style.

    Args:
        paintings: Picture files, at least one.
        film: What the style is for.
        settings: Everything else, as text.
    """
    seen = hashlib.sha256(f"{settings} {film}".encode("utf-8", "surrogateescape"))
    for path in (*paintings, Path(film)):
        try:
            state = path.stat()
        except OSError:  # no file: a camera, the sample scene
            continue
        facts = f"{path.resolve()} {state.st_size} {state.st_mtime_ns}"
        seen.update(facts.encode("utf-8", "surrogateescape"))
    name = style_name(paintings[0].stem, default="painting")[:40]
    return f"{name}-{seen.hexdigest()[:12]}.onnx"


def _checkpoint(target: Path) -> Path:
    """Return where a stopped learning has left off."""
    folder = target.with_name(f".{target.stem}.learn")
    return folder / "weights.checkpoint.safetensors"


def forget_oldest(folder: Path) -> None:
    """Remove the learned styles that were made longest ago, with their twins."""
    styles = [p for p in folder.glob("*.onnx") if not p.stem.endswith(".int8")]
    for path in sorted(styles, key=lambda p: p.stat().st_mtime)[:-MOST_KEPT]:
        path.with_name(f"{path.stem}.int8.onnx").unlink(missing_ok=True)
        path.unlink(missing_ok=True)
