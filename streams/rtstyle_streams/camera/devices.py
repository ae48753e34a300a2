"""List cameras and find them by names that stay the same after replugging."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from rtstyle_streams.camera.model import Camera
from rtstyle_streams.errors import SourceError


def list_cameras() -> list[Camera]:
    """Return every video device of this machine, virtual cameras included.

    On Linux this reads sysfs and queries the driver; on macOS and Windows it queries
    the system in other ways, which have not been tested.
    """
    if sys.platform == "linux":
        from rtstyle_streams.camera.linux import list_v4l2

        return list_v4l2()
    from rtstyle_streams.camera.macos_windows import list_named

    return list_named(sys.platform)


def find_camera(query: str | None, cameras: Sequence[Camera]) -> Camera:
    """Return the camera that `query` names; virtual cameras never match.

    Args:
        query: Id, device path, number, name or a part of the name, in this order;
            case does not matter. None: the first usable camera.
        cameras: All cameras.

    Raises:
        SourceError: no camera matches, several do, or it is a virtual camera.
    """
    real = [camera for camera in cameras if not camera.is_virtual]
    if query is None:
        usable = [camera for camera in real if not camera.problem] or real
        if not usable:
            raise SourceError(
                "camera: expected one to be plugged in, got none; see 'rtstyle doctor'"
                ", or try without one: --camera sample:"
            )
        return usable[0]
    matches = _matches(query, real)
    if len(matches) == 1:
        return matches[0]
    if not matches and (virtual := _matches(query, cameras)):
        raise SourceError(
            f"camera {query!r}: expected a real camera, got the virtual camera "
            f"{virtual[0].name!r}, which rtstyle writes to; it cannot be the input too"
        )
    names = ", ".join(f"{camera.name!r} (id {camera.id})" for camera in matches or real)
    if matches:
        raise SourceError(
            f"camera {query!r}: expected one camera to match, got {names}; give the id"
        )
    if not names:
        raise SourceError(
            f"camera {query!r}: expected a video file of that name or a camera, found "
            "no such file, and no camera is plugged in; see 'rtstyle doctor'"
        )
    raise SourceError(
        f"camera {query!r}: expected one of {names}, got no camera of that name"
    )


def _matches(query: str, cameras: Sequence[Camera]) -> list[Camera]:
    """Return the cameras that match the first rule which matches any."""
    low = query.casefold()
    node = os.path.realpath(query) if query.startswith("/") else ""
    rules = (
        lambda camera: camera.id.casefold() == low,
        lambda camera: bool(node) and camera.path == node,
        lambda camera: low.isdecimal() and camera.number == int(low),
        lambda camera: camera.name.casefold() == low,
        lambda camera: not low.isdecimal() and low in camera.name.casefold(),
    )
    for rule in rules:
        if matches := [camera for camera in cameras if rule(camera)]:
            return matches
    return []


def who_holds(path: str, *, proc: Path = Path("/proc")) -> str:
    """Return which program has the device open: "firefox (process 4711)"; else "".

    Only programs of the same user are visible, except to root. This process does not
    count.
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
