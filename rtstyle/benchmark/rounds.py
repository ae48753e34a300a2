"""Time several sessions in turns, so that all see the machine in the same state."""

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from rtstyle.runtime import Session
from rtstyle.style_file import FRAME_INPUT
from rtstyle_streams.frame import Pixels

NUM_ROUNDS = 7
"""Largest number of rounds."""
LEAST_ROUNDS = 3
"""Smallest number of rounds, however long they take."""
MOST_SECONDS = 20.0
"""No further round starts after this time."""
TURN_SECONDS = 0.25
"""Length of one session's turn; at least one frame is run."""

Times = npt.NDArray[np.float64]


def interleaved_ms(
    sessions: Mapping[str, Session],
    frame: Pixels,
    *,
    most_seconds: float = MOST_SECONDS,
) -> dict[str, Times]:
    """Run the sessions in turns and return their times.

    Args:
        sessions: Sessions by name.
        frame: RGB, shape ``(H, W, 3)``, uint8.
        most_seconds: No further round starts after this time.

    Returns:
        Milliseconds of every frame but the first, by name.
    """
    inputs: dict[str, npt.NDArray[Any]] = {FRAME_INPUT: frame}
    times: dict[str, list[float]] = {name: [] for name in sessions}
    for session in sessions.values():
        session.run(inputs)
    end = time.perf_counter() + most_seconds
    for number in range(NUM_ROUNDS):
        if number >= LEAST_ROUNDS and time.perf_counter() > end:
            break
        for name, session in sessions.items():
            times[name] += _turn(session, inputs)
    return {name: np.array(values) for name, values in times.items()}


def noise_of(times_ms: Times) -> float:
    """Return half the distance of the times' quartiles, as a share of their median."""
    low, middle, high = np.percentile(times_ms, (25, 50, 75))
    return float((high - low) / 2.0 / middle)


def _turn(session: Session, inputs: dict[str, npt.NDArray[Any]]) -> list[float]:
    times_ms: list[float] = []
    end = time.perf_counter() + TURN_SECONDS
    while not times_ms or time.perf_counter() < end:
        began = time.perf_counter()
        session.run(inputs)
        times_ms.append((time.perf_counter() - began) * 1e3)
    return times_ms
