"""What ``--runtime auto`` means on this machine: measured once, then remembered."""

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
"""Of the frame that is measured with, in pixels."""
NUM_FRAMES = 4
"""Frames that each runtime stylizes after a first one."""
CACHE_NAME = "runtimes.json"
"""In the user's cache folder; removing it makes everything be measured again."""


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
    fails is left out, also one that was fastest before.

    Args:
        openers: By name of the runtime; at least one.
        model: The graph, whose checksum the choice is kept under.
        facts: What else the choice depends on: device, threads, precision.
        extra_inputs: What the graph takes beside the frame.

    Raises:
        RtstyleError: none of them works; the first one's error.
    """
    key = cache_key(model, facts, tuple(openers))
    chosen = read_cache().get(key, "")
    if chosen in openers:
        try:
            session = openers[chosen]()
        except RtstyleError as error:
            log.warning("%s; runtime auto chooses anew", error)
        else:
            log.debug("runtime auto: %s, as measured before", chosen)
            return chosen, session
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
    chosen = min(
        names, key=lambda name: times[name] * (1.0 if name == names[0] else 1.1)
    )
    text = ", ".join(f"{name} {ms:.1f} ms" for name, ms in times.items())
    log.info("runtime auto: chose %s (%s for %dx%d)", chosen, text, WIDTH, HEIGHT)
    for name, session in sessions.items():
        if name != chosen:
            session.close()
    write_cache({**read_cache(), key: chosen})
    return chosen, sessions[chosen]


def measure_ms(
    sessions: Mapping[str, Session], extra_inputs: Arrays | None = None
) -> dict[str, float]:
    """Return the shortest time of each session, taken in turns."""
    frame = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    frame[::2, ::3] = 180
    times: dict[str, list[float]] = {name: [] for name in sessions}
    for _ in range(NUM_FRAMES + 1):
        for name, session in sessions.items():
            began = time.perf_counter()
            session.run({"frame": frame, **(extra_inputs or {})})
            times[name].append((time.perf_counter() - began) * 1e3)
    return {name: min(taken[1:]) for name, taken in times.items()}


def cache_key(model: bytes, facts: str, runtimes: tuple[str, ...]) -> str:
    """Return what a choice is kept under: graph, machine, versions and `facts`."""
    versions = [f"{name} {_version(name)}" for name in runtimes]
    parts = [platform.machine(), platform.processor(), str(os.cpu_count()), facts]
    digest = hashlib.sha256(model)
    digest.update("|".join([*parts, *versions]).encode())
    return digest.hexdigest()[:32]


def cache_file() -> Path:
    """Return where choices are kept."""
    return cache_folder() / CACHE_NAME


def read_cache() -> dict[str, str]:
    """Return all choices; none when the file is missing or broken."""
    try:
        found = json.loads(cache_file().read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}


def write_cache(choices: Mapping[str, str]) -> None:
    """Keep choices; a folder that cannot be written is no failure."""
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
