"""Measure loading, first frame and peak memory in a new process."""

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rtstyle.benchmark.candidate import Candidate
from rtstyle.errors import RtstyleError

NUM_FRAMES = 3
"""Number of frames to stylize: enough for memory to reach its peak."""
TIMEOUT_SECONDS = 300
"""Timeout of the process; an engine may have to be built first."""


@dataclass(frozen=True, slots=True)
class FreshStart:
    """Time and memory from an empty process to the first frame."""

    load_ms: float
    """Time to load the graph's bytes into a session."""
    first_frame_ms: float
    """Time of the first frame; later ones reuse its buffers."""
    peak_memory_mb: float | None
    """Peak memory of the process, Python and libraries included; None where the
    system does not report it."""


class BenchError(RtstyleError):
    """A measurement could not be made."""


def measure_fresh(
    candidate: Candidate, *, width: int, height: int, device: str
) -> FreshStart:
    """Load and run `candidate` in a new Python process.

    Raises:
        BenchError: the process failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "candidate.onnx"
        path.write_bytes(candidate.model)
        words = [str(path), candidate.runtime, device, candidate.precision]
        command = [sys.executable, "-m", "rtstyle.benchmark", *words]
        done = subprocess.run(
            [*command, str(width), str(height)],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise BenchError(f"{candidate.name} on {candidate.runtime}: {last}")
    return FreshStart(**json.loads(done.stdout.splitlines()[-1]))


def start_fresh(
    model: bytes, *, runtime: str, device: str, precision: str, width: int, height: int
) -> FreshStart:
    """Load a graph and run it in this process."""
    from rtstyle.runtime import open_session
    from rtstyle.style_file import FRAME_INPUT

    frame = np.full((height, width, 3), 90, np.uint8)
    frame[:, ::3] = 160
    began = time.perf_counter()
    session = open_session(model, runtime=runtime, device=device, precision=precision)
    loaded = time.perf_counter()
    session.run({FRAME_INPUT: frame})
    first = time.perf_counter()
    for _ in range(NUM_FRAMES - 1):
        session.run({FRAME_INPUT: frame})
    session.close()
    return FreshStart((loaded - began) * 1e3, (first - loaded) * 1e3, peak_memory_mb())


def peak_memory_mb() -> float | None:
    """Return the peak memory of this process, in 10^6 bytes."""
    try:  # Linux: getrusage would report the parent's peak if that was higher
        with open("/proc/self/status", encoding="ascii") as file:
            for line in file:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024 / 1e6
    except OSError:
        pass
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6
