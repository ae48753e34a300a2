"""List the cameras of a Linux machine from sysfs and the drivers."""

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

    Nodes without pictures to read (metadata, radio, pure outputs) are left out.
    """
    links = _by_id(dev / "v4l" / "by-id")
    cameras = []
    for folder in sysfs.glob("video[0-9]*"):
        node = dev / folder.name
        camera = Camera(
            name=_read(folder / "name") or folder.name,
            id=links.get(folder.name, ""),
            number=int(folder.name.removeprefix("video")),
            path=str(node),
        )
        detailed = _ask(camera, capability, modes)
        if detailed is not None:
            cameras.append(detailed)
    return _with_unique_ids(sorted(cameras, key=lambda camera: camera.number))


def _ask(
    camera: Camera,
    capability: Callable[[Path], Capability],
    modes: Callable[[Path], tuple[CameraMode, ...]],
) -> Camera | None:
    """Return `camera` with its driver's answers; None if it delivers no pictures."""
    node = Path(camera.path)
    try:
        answer = capability(node)
        if not answer.can_capture and not answer.is_loopback:
            return None
        return replace(
            camera,
            name=answer.card or camera.name,
            id=camera.id or answer.bus,
            modes=() if answer.is_loopback else modes(node),
            is_virtual=answer.is_loopback,
        )
    except PermissionError:
        problem = (
            f"may not be opened; add yourself to the group 'video' "
            f"(sudo usermod -aG video $USER) and log in again, or check {node}"
        )
    except OSError as error:
        problem = f"cannot be queried: {error.strerror or error}"
    return replace(camera, id=camera.id or camera.path, problem=problem)


def _by_id(folder: Path) -> dict[str, str]:
    """Return the stable names that udev assigns, by node name; empty without udev."""
    if not folder.is_dir():
        return {}
    return {link.resolve().name: link.name for link in sorted(folder.iterdir())}


def _with_unique_ids(cameras: Sequence[Camera]) -> list[Camera]:
    """Return the cameras, with a counter appended to an id that occurs again."""
    counts: dict[str, int] = {}
    unique = []
    for camera in cameras:
        counts[camera.id] = counts.get(camera.id, 0) + 1
        if counts[camera.id] > 1:
            camera = replace(camera, id=f"{camera.id}#{counts[camera.id]}")
        unique.append(camera)
    return unique


def _read(path: Path) -> str:
    """Return a sysfs file's text as one line; empty if it does not exist."""
    try:
        return re.sub(r"\s+", " ", path.read_text("utf-8", "replace")).strip()
    except OSError:
        return ""
