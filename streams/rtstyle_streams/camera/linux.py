"""Cameras of a Linux machine, from sysfs and the drivers."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from rtstyle_streams.camera.model import Camera, CameraMode
from rtstyle_streams.camera.v4l2 import Capability, query_capability, query_modes


def list_v4l2(
    *,
    sysfs: Path = Path("/sys/class/video4linux"),
    dev: Path = Path("/dev"),
    capability: Callable[[Path], Capability] = query_capability,
    modes: Callable[[Path], tuple[CameraMode, ...]] = query_modes,
) -> list[Camera]:
    """Return the capture devices and virtual cameras, by number.

    Nodes that carry no pictures (metadata, radio, pure outputs) are left out.
    """
    links = _by_id(dev / "v4l" / "by-id")
    found = []
    for folder in sysfs.glob("video[0-9]*"):
        node = dev / folder.name
        camera = Camera(
            name=_read(folder / "name") or folder.name,
            id=links.get(folder.name, ""),
            number=int(folder.name.removeprefix("video")),
            path=str(node),
        )
        told = _ask(camera, capability, modes)
        if told is not None:
            found.append(told)
    return _with_unique_ids(sorted(found, key=lambda camera: camera.number))


def _ask(
    camera: Camera,
    capability: Callable[[Path], Capability],
    modes: Callable[[Path], tuple[CameraMode, ...]],
) -> Camera | None:
    """Return `camera` with what its driver says; None when it gives no pictures."""
    node = Path(camera.path)
    try:
        told = capability(node)
        if not told.can_capture and not told.is_loopback:
            return None
        return replace(
            camera,
            name=told.card or camera.name,
            id=camera.id or told.bus,
            modes=() if told.is_loopback else modes(node),
            is_virtual=told.is_loopback,
        )
    except PermissionError:
        problem = (
            f"may not be opened; add yourself to the group 'video' "
            f"(sudo usermod -aG video $USER) and log in again, or check {node}"
        )
    except OSError as error:
        problem = f"cannot be asked: {error.strerror or error}"
    return replace(camera, id=camera.id or camera.path, problem=problem)


def _by_id(folder: Path) -> dict[str, str]:
    """Return the stable names that udev gives, by node name; empty without udev."""
    if not folder.is_dir():
        return {}
    return {link.resolve().name: link.name for link in sorted(folder.iterdir())}


def _with_unique_ids(cameras: Sequence[Camera]) -> list[Camera]:
    """Return the cameras with a counter behind an id that occurs more than once."""
    seen: dict[str, int] = {}
    unique = []
    for camera in cameras:
        seen[camera.id] = seen.get(camera.id, 0) + 1
        if seen[camera.id] > 1:
            camera = replace(camera, id=f"{camera.id}#{seen[camera.id]}")
        unique.append(camera)
    return unique


def _read(path: Path) -> str:
    """Return a sysfs file's text in one line; empty when there is none."""
    try:
        return re.sub(r"\s+", " ", path.read_text("utf-8", "replace")).strip()
    except OSError:
        return ""
