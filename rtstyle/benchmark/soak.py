"""Read the memory of a long `rtstyle video` from outside while it runs."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from rtstyle.benchmark.fresh import BenchError
from rtstyle_streams.sample.source import SampleSource
from rtstyle_streams.video.writer import VideoWriter

NUM_SCENES = 60
"""Number of frames of the built-in scene that the clip repeats."""
FIRST_SECOND = 10.0
"""When to read for the first time: every buffer has been used by then."""
END_SECONDS = 20.0
"""Timeout of stopping the command."""


@dataclass(frozen=True, slots=True)
class Soak:
    """Memory use of a long run."""

    seconds: tuple[float, float]
    """The two times at which memory was read, since the start."""
    memory_mb: tuple[float, float]
    """Memory of the process at those times, in 10^6 bytes."""
    peak_mb: float
    """Peak memory until the second time."""

    @property
    def growth(self) -> float:
        """Return the relative growth of memory from the first time to the second."""
        return self.memory_mb[1] / self.memory_mb[0] - 1.0


def measure_soak(
    style: str, *, width: int, height: int, seconds: float, most_fps: float
) -> Soak:
    """Run `rtstyle video` with its defaults in a process and read its memory.

    Args:
        style: Name or file of a style.
        width: Of the clip, in pixels; even.
        height: Of the clip, in pixels; even.
        seconds: When to read again and stop; more than `FIRST_SECOND`.
        most_fps: Rate that the command cannot reach, so that the clip is long enough.

    Raises:
        BenchError: the command ended too early, or this system does not report memory.
    """
    with tempfile.TemporaryDirectory() as folder:
        clip, target = Path(folder) / "clip.mp4", Path(folder) / "out.mp4"
        write_clip(clip, width=width, height=height, count=int(seconds * most_fps))
        words = ["video", str(clip), str(target), "--style", style]
        words += ["--preset", "ultrafast"]
        running = subprocess.Popen(
            [sys.executable, "-m", "rtstyle", *words],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        try:
            time.sleep(FIRST_SECOND)
            early, _ = memory_mb(running.pid)
            time.sleep(seconds - FIRST_SECOND)
            late, peak = memory_mb(running.pid)
        finally:
            stop(running)
    return Soak((FIRST_SECOND, seconds), (early, late), peak)


def write_clip(path: Path, *, width: int, height: int, count: int) -> None:
    """Write `count` frames that repeat the first ones of the built-in scene."""
    with SampleSource(width=width, height=height, num_frames=NUM_SCENES) as source:
        scenes = list(source)
        with VideoWriter(path, source.info, preset="ultrafast") as writer:
            step = scenes[1].pts - scenes[0].pts
            for index in range(count):
                scene = scenes[index % NUM_SCENES]
                writer.write(replace(scene, index=index, pts=index * step))


def memory_mb(pid: int) -> tuple[float, float]:
    """Return the present and the peak memory of a process, in 10^6 bytes.

    Raises:
        BenchError: it has ended, or this system does not report memory.
    """
    try:
        text = Path(f"/proc/{pid}/status").read_text("ascii")
        rows = dict(line.split(":", 1) for line in text.splitlines())
        now, peak = (int(rows[key].split()[0]) for key in ("VmRSS", "VmHWM"))
    except (OSError, KeyError) as error:
        raise BenchError(
            "soak: expected a running rtstyle video, got none to read the memory of "
            f"({type(error).__name__})"
        ) from error
    return now * 1024 / 1e6, peak * 1024 / 1e6


def stop(running: subprocess.Popen[bytes]) -> None:
    """End a command as Ctrl-C does; kill it if it does not stop."""
    if running.poll() is None:
        running.send_signal(signal.SIGINT)
    try:
        running.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        running.kill()
        running.wait()
