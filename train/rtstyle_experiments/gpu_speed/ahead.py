"""Compile all networks at once, before anything is timed.

torch.compile caches its results on disk: separate processes fill that cache at the
same time, and the process that measures afterwards only reads it.
"""

import subprocess
import sys
import time


def compile_ahead(
    networks: list[str], sizes: str, *, weights: list[str], seconds: float
) -> None:
    """Fill torch.compile's cache; stop what does not finish in time.

    Args:
        networks: Names of the networks, one process for each.
        sizes: ``1280x720,...``.
        weights: ``NETWORK=FILE`` for networks that have weights.
        seconds: Longest time to wait.
    """
    module = [sys.executable, "-m", "rtstyle_experiments.gpu_speed", "--no-ahead"]
    options = ["--sizes", sizes, "--seconds-each", "0", "--ways", "fp16 compiled"]
    options += [word for text in weights for word in ("--weights", text)]
    running = [
        subprocess.Popen(
            [*module, *options, "--networks", name],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for name in networks
    ]
    ends_at = time.monotonic() + seconds
    for process in running:
        try:
            process.wait(max(0.1, ends_at - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
