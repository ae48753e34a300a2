"""How many frames a second a network makes of 720p, alone."""

import statistics
import time
from collections.abc import Callable

from rtstyle_streams.frame import Pixels
from rtstyle_streams.opening import open_source

SIZE = "1280x720"
"""Width and height of the frame, in pixels."""
NUM_RUNS = 30
"""Runs at most."""
LONGEST_SECONDS = 5.0
"""After this time no further run begins; three are always made."""


def frames_per_second(
    stylize: Callable[[Pixels], Pixels],
    *,
    content: Pixels | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Return one over the median time of a frame, after two runs to warm up.

    Args:
        stylize: The network.
        content: What it is shown; None takes a 720p frame of the built-in scene.
        clock: Seconds from any start.
    """
    frame = _frame() if content is None else content
    times: list[float] = []
    started = clock()
    for run in range(2 + NUM_RUNS):
        before = clock()
        stylize(frame)
        after = clock()
        if run >= 2:
            times.append(after - before)
        if len(times) >= 3 and after - started > LONGEST_SECONDS:
            break
    return 1.0 / max(statistics.median(times), 1e-9)


def _frame() -> Pixels:
    with open_source(f"sample:{SIZE}@30x1") as source:
        return next(iter(source)).pixels
