"""Learn painted frames of a film, before the film is painted."""

import logging
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from rtstyle.errors import UsageError
from rtstyle.learning.film import forget_oldest, learned_folder, learned_name
from rtstyle.learning.process import check_can_learn, run_to_end

log = logging.getLogger(__name__)


def learned_frames(
    painted: Sequence[str],
    film: str,
    *,
    minutes: float,
    at_seconds: Sequence[float] = (),
) -> tuple[Path, int]:
    """Learn painted frames of a film, once, and export the style.

    The same pictures, film and time are not learned again, as for `learned_style`.

    Args:
        painted: Picture files, at least one.
        film: The film that they are frames of.
        minutes: How long.
        at_seconds: When the frames are shown; empty: found by name or by look.

    Returns:
        The style file, and the exit status of the learning: unless it is 0, it has said
        why, and there may be no file.

    Raises:
        UsageError: the film can be read only once, or no training is installed.
        KeyboardInterrupt: a signal came; the same command goes on there.
    """
    if film == "-":
        raise UsageError("--learn: expected a film, got -, which is read only once")
    paths = [Path(path) for path in painted]
    times = ",".join(f"{time:g}" for time in at_seconds)
    target = learned_folder() / learned_name(paths, film, f"{minutes:g} {times}")
    if target.exists():
        log.info("%s: learned before", target)
        return target, 0
    check_can_learn()
    folder = target.with_name(f".{target.stem}.frames")
    folder.mkdir(parents=True, exist_ok=True)
    weights = folder / f"{target.stem}.safetensors"
    own = [sys.executable, "-m", "rtstyle"]
    log.info("what is learned so far: %s", weights.with_suffix(".preview.png"))
    if not weights.exists():
        words = [*own, "train", "frames", film, "--minutes", f"{minutes:g}"]
        words += [word for path in paths for word in ("--painted", str(path))]
        words += [word for time in at_seconds for word in ("--at", f"{time:g}s")]
        words += ["--out", str(weights)]
        if weights.with_suffix(".checkpoint.safetensors").exists():
            words.append("--resume")
        if status := run_to_end(words):
            return target, status
    if status := run_to_end([*own, "export", str(weights), str(target)]):
        return target, status
    shutil.rmtree(folder, ignore_errors=True)
    log.info("keep it with: rtstyle styles add %s", target)
    forget_oldest(target.parent)
    return target, 0
