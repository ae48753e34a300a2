"""List the cameras of macOS and Windows by name; written from documentation, untested.

OpenCV identifies cameras only by number, so the names must be in OpenCV's order:
that of DirectShow on Windows, that of the devices' unique ids on macOS.
"""

import json
import subprocess
from collections.abc import Sequence

from rtstyle_streams.camera.model import Camera

VIRTUAL_NAMES = ("obs virtual camera", "obs-camera", "unity video capture")
"""Cameras that pyvirtualcam writes to."""


def list_named(platform: str) -> list[Camera]:
    """Return the cameras of a machine of this `platform` (as `sys.platform`).

    Modes are not known there. If names are not available the list is empty; a number
    still works.
    """
    if platform == "darwin":
        return from_system_profiler(_output(["system_profiler", "-json", _MAC_TYPE]))
    if platform == "win32":
        return from_names(_directshow_names())
    return []


_MAC_TYPE = "SPCameraDataType"


def from_system_profiler(text: str) -> list[Camera]:
    """Return the cameras of macOS's ``system_profiler -json SPCameraDataType``.

    They are numbered in the order of their unique ids, as in OpenCV.
    """
    try:
        rows = json.loads(text or "{}").get(_MAC_TYPE, [])
    except ValueError:
        return []
    pairs = [(row.get("spcamera_unique-id", ""), row.get("_name", "")) for row in rows]
    return [
        Camera(name, unique_id or name, number, is_virtual=_is_virtual(name))
        for number, (unique_id, name) in enumerate(sorted(pairs))
    ]


def from_names(names: Sequence[tuple[str, str]]) -> list[Camera]:
    """Return cameras from pairs of name and stable id, numbered in this order."""
    return [
        Camera(name, unique_id or name, number, is_virtual=_is_virtual(name))
        for number, (name, unique_id) in enumerate(names)
    ]


def _is_virtual(name: str) -> bool:
    """Return whether programs write into a camera of this name."""
    return any(known in name.casefold() for known in VIRTUAL_NAMES)


def _output(command: list[str]) -> str:
    """Return a command's output; empty if the command is missing or fails."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def _directshow_names() -> list[tuple[str, str]]:
    """Return name and id of DirectShow's video inputs, in its order."""
    import av

    enumerate_devices = getattr(av, "enumerate_input_devices", None)
    if enumerate_devices is None:  # PyAV before 17
        return []
    try:
        devices = enumerate_devices("dshow")
    except (ValueError, av.FFmpegError):
        return []
    return [
        (device.description, device.name)
        for device in devices
        if "video" in getattr(device, "media_types", ["video"])
    ]
