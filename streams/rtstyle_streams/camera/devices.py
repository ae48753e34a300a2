"""Cameras by name: what is plugged in, under a name that survives replugging."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from rtstyle_streams.camera.model import Camera
from rtstyle_streams.errors import SourceError


def list_cameras() -> list[Camera]:
    """Return every video device of this machine, virtual cameras included.

    Linux reads sysfs and asks the driver; macOS and Windows ask the system by other
    means, which could not be tried where this was written.
    """
    if sys.platform == "linux":
        from rtstyle_streams.camera.linux import list_v4l2

        return list_v4l2()
    from rtstyle_streams.camera.macos_windows import list_named

    return list_named(sys.platform)


def find_camera(wanted: str | None, cameras: Sequence[Camera]) -> Camera:
    """Return the camera that `wanted` means; virtual cameras are never meant.

    Args:
        wanted: Id, device path, number, name or a part of the name, in this order;
            case does not matter. None: the first that can be used.
        cameras: What there is.

    Raises:
        SourceError: there is none, or more than one, or it is a virtual camera.
    """
    real = [camera for camera in cameras if not camera.is_virtual]
    if wanted is None:
        usable = [camera for camera in real if not camera.problem] or real
        if not usable:
            raise SourceError(
                "camera: expected one to be plugged in, got none; see 'rtstyle doctor'"
                ", or try without one: --camera sample:"
            )
        return usable[0]
    found = _matches(wanted, real)
    if len(found) == 1:
        return found[0]
    if not found and (virtual := _matches(wanted, cameras)):
        raise SourceError(
            f"camera {wanted!r}: expected a real camera, got the virtual camera "
            f"{virtual[0].name!r}, which rtstyle writes to; it cannot be the input too"
        )
    names = ", ".join(f"{camera.name!r} (id {camera.id})" for camera in found or real)
    if found:
        raise SourceError(
            f"camera {wanted!r}: expected one camera to match, got {names}; give the id"
        )
    raise SourceError(
        f"camera {wanted!r}: expected one of {names or 'none is plugged in'}, "
        "got no camera of that name"
    )


def _matches(wanted: str, cameras: Sequence[Camera]) -> list[Camera]:
    """Return the cameras of the first rule by which any of them fits."""
    low = wanted.casefold()
    node = os.path.realpath(wanted) if wanted.startswith("/") else ""
    rules = (
        lambda camera: camera.id.casefold() == low,
        lambda camera: bool(node) and camera.path == node,
        lambda camera: low.isdecimal() and camera.number == int(low),
        lambda camera: camera.name.casefold() == low,
        lambda camera: not low.isdecimal() and low in camera.name.casefold(),
    )
    for rule in rules:
        if found := [camera for camera in cameras if rule(camera)]:
            return found
    return []


def who_holds(path: str, *, proc: Path = Path("/proc")) -> str:
    """Return which program has the device open: "firefox (process 4711)"; else "".

    Only programs of the same user can be seen, unless one is root. Our own process
    does not count.
    """
    for process in sorted(proc.glob("[0-9]*"), key=lambda folder: int(folder.name)):
        if process.name == str(os.getpid()):
            continue
        try:
            if any(os.readlink(link) == path for link in (process / "fd").iterdir()):
                name = (process / "comm").read_text("utf-8").strip()
                return f"{name} (process {process.name})"
        except OSError:
            continue
    return ""
