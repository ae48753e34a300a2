"""Measure which runtime is fastest here (``--runtime auto``), and remember it."""

import hashlib
import json
import logging
import os
import platform
import time
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Protocol

import numpy as np

from rtstyle.errors import RtstyleError
from rtstyle.runtime.protocol import Arrays, Session
from rtstyle.user_files import cache_folder, write_whole

log = logging.getLogger(__name__)

WIDTH, HEIGHT = 640, 360
"""Size of the frame to measure with, in pixels."""
NUM_FRAMES = 4
"""Number of timed frames for each runtime, after a first one."""
CACHE_NAME = "runtimes.json"
"""File in the user's cache folder; deleting it repeats all measurements."""


class Opener(Protocol):
    """Opens a session in one runtime."""

    def __call__(self) -> Session:
        """Return a new session."""
        ...


def fastest(
    openers: Mapping[str, Opener],
    *,
    model: bytes,
    facts: str,
    extra_inputs: Arrays | None = None,
) -> tuple[str, Session]:
    """Return the runtime that is fastest here, and its session.

    The first of `openers` is kept unless another is a tenth faster. A runtime that
    fails is skipped, even if it was fastest before.

    Args:
        openers: Openers by name of the runtime; at least one.
        model: The graph; the choice is stored under its checksum.
        facts: What else the choice depends on: device, threads, precision.
        extra_inputs: What the graph takes beside the frame.

    Raises:
        RtstyleError: no runtime works; this is the first one's error.
    """
    key = cache_key(model, facts, tuple(openers))
    runtime = read_cache().get(key, "")
    if runtime in openers:
        try:
            session = openers[runtime]()
        except RtstyleError as error:
            log.warning("%s; runtime auto chooses anew", error)
        else:
            log.debug("runtime auto: %s, as measured before", runtime)
            return runtime, session
    sessions, first_error = {}, None
    for name, opener in openers.items():
        try:
            sessions[name] = opener()
        except RtstyleError as error:
            first_error = first_error or error
            log.debug("runtime auto: %s left out: %s", name, error)
    if not sessions:
        assert first_error is not None
        raise first_error
    times = measure_ms(sessions, extra_inputs)
    names = list(times)
    runtime = min(
        names, key=lambda name: times[name] * (1.0 if name == names[0] else 1.1)
    )
    text = ", ".join(f"{name} {ms:.1f} ms" for name, ms in times.items())
    log.info("runtime auto: chose %s (%s for %dx%d)", runtime, text, WIDTH, HEIGHT)
    for name, session in sessions.items():
        if name != runtime:
            session.close()
    write_cache({**read_cache(), key: runtime})
    return runtime, sessions[runtime]


def measure_ms(
    sessions: Mapping[str, Session],
    extra_inputs: Arrays | None = None,
    *,
    lines: int = HEIGHT,
) -> dict[str, float]:
    """Return the shortest time of each session, measured in turns.

    Args:
        sessions: By name.
        extra_inputs: What they are given beside the frame.
        lines: Of the frame, which is 16:9.
    """
    frame = np.full((lines, lines * WIDTH // HEIGHT, 3), 90, np.uint8)
    frame[::2, ::3] = 180
    times: dict[str, list[float]] = {name: [] for name in sessions}
    for _ in range(NUM_FRAMES + 1):
        for name, session in sessions.items():
            began = time.perf_counter()
            session.run({"frame": frame, **(extra_inputs or {})})
            times[name].append((time.perf_counter() - began) * 1e3)
    return {name: min(times_ms[1:]) for name, times_ms in times.items()}


def size_text() -> str:
    """Return the size that is measured with, for people."""
    return f"{WIDTH}x{HEIGHT}"


def cache_key(model: bytes, facts: str, runtimes: tuple[str, ...]) -> str:
    """Return the cache key of a choice, from graph, machine, versions and `facts`."""
    versions = [f"{name} {_version(name)}" for name in runtimes]
    parts = [platform.machine(), platform.processor(), str(os.cpu_count()), facts]
    digest = hashlib.sha256(model)
    digest.update("|".join([*parts, *versions]).encode())
    return digest.hexdigest()[:32]


def cache_file() -> Path:
    """Return the path of the cache file."""
    return cache_folder() / CACHE_NAME


def read_cache() -> dict[str, str]:
    """Return all stored choices; none if the file is missing or broken."""
    try:
        choices = json.loads(cache_file().read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return (
        {str(k): str(v) for k, v in choices.items()}
        if isinstance(choices, dict)
        else {}
    )


def write_cache(choices: Mapping[str, str]) -> None:
    """Store choices; a folder that cannot be written to is not an error."""
    path = cache_file()
    try:
        write_whole(path, json.dumps(dict(choices), indent=1).encode())
    except OSError as error:
        log.debug("%s: not written (%s)", path, error.strerror)


def _version(runtime: str) -> str:
    for package in (runtime, f"{runtime}-gpu"):
        try:
            return version(package)
        except PackageNotFoundError:
            continue
    return "none"
