"""Kills a long job at random moments and tells what each kill cost.

``python -m tests.rtstyle.kill_table [KILLS]`` prints a table; it fails when a film that
was gone on with differs from one that was made in one go.
"""

import random
import re
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from tests.rtstyle.long_film import check_same_film, kill_when, run, start, write_film

NUM_FRAMES: Final = 1000
FRAME_RATE: Final = 25
FOLDER: Final = ".painted.mp4.rtstyle"


def words_for(film: Path, target: str) -> list[str]:
    """Return the command line, with the presets of the table."""
    words = ["video", str(film), target, "--style", "starry_night", "--device", "cpu"]
    return [*words, "--preset", "ultrafast"]


def after(seconds: float) -> Callable[[], bool]:
    """Return what becomes true so many seconds from now."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() >= end


def in_the_join(folder: Path) -> Callable[[], bool]:
    """Return what becomes true while the packets are joined."""
    work = folder / FOLDER
    part = work / "painted.part.mp4"

    def is_joining() -> bool:
        is_whole = (work / f"segment-{NUM_FRAMES // 250 - 1:06}.packets").exists()
        return is_whole and part.exists() and part.stat().st_size > 100_000

    return is_joining


def one_kill(
    film: Path, whole: Path, folder: Path, ready: Callable[[], bool], label: str
) -> str:
    """Kill one run, go on, compare, and return a row; empty when it had ended."""
    words = words_for(film, "painted.mp4")
    was_running = kill_when(start(words, folder=folder), ready)
    if not was_running:
        (folder / "painted.mp4").unlink()
        return ""
    said = (folder / "stderr.txt").read_text("utf-8", "replace")
    seen = [int(n) for n in re.findall(rf"(\d+)/{NUM_FRAMES}", said)]
    code, said = run(words, folder=folder)
    assert code == 0, said
    going_on = re.search(r"behind (\d+) frames", said)
    kept = int(going_on[1]) if going_on else 0
    done = max([kept, *seen])  # what is shown is half a second old
    check_same_film(folder / "painted.mp4", whole)
    assert not (folder / FOLDER).exists()
    (folder / "painted.mp4").unlink()
    return f"| {label} | {done} | {kept} | {(done - kept) / FRAME_RATE:.1f} s |"


def table(num_kills: int, folder: Path, *, seed: int = 1) -> Sequence[str]:
    """Return the rows of the table, each film compared."""
    film = write_film(folder / "film.mp4", NUM_FRAMES, shot_frames=200)
    began = time.monotonic()
    code, said = run(words_for(film, "whole.mp4"), folder=folder)
    assert code == 0, said
    seconds = time.monotonic() - began
    rows = ["| killed | frames seen | kept | film lost |", "|---|---|---|---|"]
    chance = random.Random(seed)
    while len(rows) < num_kills + 2:
        moment = chance.uniform(0.0, seconds)
        label = f"after {moment:.1f} s"
        row = one_kill(film, folder / "whole.mp4", folder, after(moment), label)
        rows += [row] if row else []
        print(row, file=sys.stderr, flush=True)
    ready = in_the_join(folder)
    rows.append(one_kill(film, folder / "whole.mp4", folder, ready, "in the join"))
    return rows


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        kills = int(sys.argv[1]) if len(sys.argv) > 1 else 20
        print("\n".join(table(kills, Path(place))))
