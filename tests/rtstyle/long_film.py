"""A film with scene cuts, noise and sound, and what tells two copies of it apart."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.stream import VideoStream

from tests.streams.clips import Picture, frame_times, packets, write_clip

ROOT = Path(__file__).parents[2]
WIDTH, HEIGHT = 160, 90
SHOT_FRAMES = 70
"""From one scene cut to the next."""


def picture(index: int, *, shot_frames: int = SHOT_FRAMES) -> Picture:
    """Return frame `index`: tiles that wander, with noise; other tiles in each shot."""
    shot, step = divmod(index, shot_frames)
    tiles = np.random.default_rng(shot).integers(0, 255, (20, 30, 3), np.uint8)
    large = tiles.repeat(10, 0).repeat(10, 1)
    part = large[step % 60 : step % 60 + HEIGHT, step % 70 : step % 70 + WIDTH]
    noise = np.random.default_rng(index).integers(-4, 5, part.shape)
    return np.asarray(np.clip(part.astype(np.int64) + noise, 0, 255), np.uint8)


def write_film(
    path: Path,
    num_frames: int,
    *,
    pts: Sequence[int] | None = None,
    time_base: Fraction = Fraction(1, 25),
    shot_frames: int = SHOT_FRAMES,
) -> Path:
    """Write a film with a sound track, B-frames and a key frame every 40 frames."""
    sound: list[AudioStream] = []

    def add_sound(container: OutputContainer, video: VideoStream) -> None:
        stream = container.add_stream("aac", rate=8000)
        assert isinstance(stream, AudioStream)
        stream.layout = "mono"
        sound.append(stream)

    def write_sound(container: OutputContainer) -> None:
        for second in range(num_frames // 25):
            tone = np.sin(np.arange(8000, dtype=np.float32) * (0.1 + 0.01 * second))
            frame = av.AudioFrame.from_ndarray(0.3 * tone[None], "fltp", "mono")
            frame.sample_rate, frame.pts = 8000, 8000 * second
            container.mux(sound[0].encode(frame))
        container.mux(sound[0].encode())

    return write_clip(
        path,
        [picture(i, shot_frames=shot_frames) for i in range(num_frames)],
        pts=pts,
        time_base=time_base,
        options={"preset": "fast", "crf": "12", "g": "40"},
        prepare=add_sound,
        before_end=write_sound,
    )


def frame_hashes(path: Path) -> list[str]:
    """Return the hash of every decoded frame."""
    with av.open(str(path)) as container:
        frames = container.decode(video=0)
        return [hashlib.md5(f.to_ndarray().tobytes()).hexdigest() for f in frames]


def video_packet_times(path: Path) -> list[tuple[int | None, int | None]]:
    """Return pts and dts of all video packets, in the file's order."""
    with av.open(str(path)) as container:
        return [(p.pts, p.dts) for p in container.demux(video=0) if p.size]


def check_same_film(path: Path, like: Path) -> None:
    """Assert that two films have the same frames, times and sound."""
    assert frame_hashes(path) == frame_hashes(like)
    assert frame_times(path) == frame_times(like)
    assert video_packet_times(path) == video_packet_times(like)
    assert packets(path, 1) == packets(like, 1)


def environment() -> dict[str, str]:
    """Return that of a process that finds our packages."""
    places = [ROOT, *(ROOT / name for name in ("streams", "train", "export"))]
    return os.environ | {"PYTHONPATH": os.pathsep.join(map(str, places))}


def start(arguments: Sequence[str], *, folder: Path) -> "subprocess.Popen[str]":
    """Start `rtstyle` with its data folder in `folder`; stderr is kept in a file."""
    with (folder / "stderr.txt").open("w") as stderr:
        return subprocess.Popen(
            [sys.executable, "-m", "rtstyle", *arguments],
            cwd=folder,
            env=environment() | {"XDG_DATA_HOME": str(folder / "data")},
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )


def run(arguments: Sequence[str], *, folder: Path) -> tuple[int, str]:
    """Run `rtstyle` to its end; return the exit status and what stderr said."""
    process = start(arguments, folder=folder)
    process.communicate(timeout=240)
    return process.returncode, (folder / "stderr.txt").read_text("utf-8")


def kill_when(process: "subprocess.Popen[str]", ready: Callable[[], bool]) -> bool:
    """Kill a process as soon as `ready`; return whether it was still running."""
    while process.poll() is None:
        if ready():
            process.send_signal(getattr(signal, "SIGKILL", signal.SIGTERM))
            process.communicate()
            return True
        time.sleep(0.005)
    return False
