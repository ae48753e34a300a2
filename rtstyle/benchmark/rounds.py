"""Times of several sessions, taken in turns so that all see the same machine."""

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from rtstyle.runtime import Session
from rtstyle.style_file import FRAME_INPUT
from rtstyle_streams.frame import Pixels

NUM_ROUNDS = 7
"""Rounds at most."""
LEAST_ROUNDS = 3
"""Rounds at least, however long they take."""
MOST_SECONDS = 20.0
"""After this no further round is begun."""
TURN_SECONDS = 0.25
"""How long one session's turn lasts; at least one frame."""

Times = npt.NDArray[np.float64]


def interleaved_ms(
    sessions: Mapping[str, Session],
    frame: Pixels,
    *,
    most_seconds: float = MOST_SECONDS,
) -> dict[str, Times]:
    """Run every session in turns and return its times.

    Args:
        sessions: By name.
        frame: RGB, shape ``(H, W, 3)``, uint8.
        most_seconds: After this no further round is begun.

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


def _turn(session: Session, inputs: dict[str, npt.NDArray[Any]]) -> list[float]:
    taken: list[float] = []
    end = time.perf_counter() + TURN_SECONDS
    while not taken or time.perf_counter() < end:
        began = time.perf_counter()
        session.run(inputs)
        taken.append((time.perf_counter() - began) * 1e3)
    return taken
