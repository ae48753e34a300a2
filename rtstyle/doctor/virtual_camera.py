"""Check the virtual camera's driver: installed, writable and well configured."""

import importlib.util
import os
import sys
from pathlib import Path
from typing import Final

from rtstyle.doctor.check import Check
from rtstyle_streams.camera.devices import list_cameras, who_holds
from rtstyle_streams.camera.model import Camera
from rtstyle_streams.camera.virtual_camera import how_to_install

MODULE: Final = Path("/sys/module/v4l2loopback")
NAME: Final = "virtual camera"


def virtual_camera_state(*, module: Path = MODULE) -> Check:
    """Check driver, device, permissions and options; no driver is only a note."""
    package = importlib.util.find_spec("pyvirtualcam") is not None
    missing = "" if package else "pip install 'rtstyle[virtualcam]'"
    devices = [camera for camera in list_cameras() if camera.is_virtual]
    if not devices:
        todo = "; ".join(filter(None, (missing, how_to_install())))
        return Check(NAME, "note", "no driver, or no device of it", todo)
    state = ", ".join(f"{camera.name} {camera.path}".strip() for camera in devices)
    if not package:
        return Check(
            NAME, "note", f"{state}, but pyvirtualcam is not installed", missing
        )
    if sys.platform != "linux":
        return Check(NAME, "ok", state)
    return _linux_state(devices, state, module)


def _linux_state(devices: list[Camera], state: str, module: Path) -> Check:
    """Check permissions, writing programs and the options of v4l2loopback."""
    state += f"; {options_text(module)}"
    writable = [camera for camera in devices if os.access(camera.path, os.W_OK)]
    if not writable:
        return Check(
            NAME,
            "fail",
            f"{state}; it may not be written to",
            "add yourself to the group 'video' (sudo usermod -aG video $USER) and log "
            "in again",
        )
    holders = [who for camera in devices if (who := who_holds(camera.path))]
    if holders:
        state += f"; open in {', '.join(holders)}"
    return Check(NAME, "ok", state, options_advice(module))


def options_text(module: Path) -> str:
    """Return the options of the loaded driver, as listed by its module."""
    exclusive = "on" if _has_exclusive_caps(module) else "off"
    buffers = _parameter(module, "max_buffers") or "unknown"
    return f"exclusive_caps {exclusive}, max_buffers {buffers}"


def options_advice(module: Path) -> str:
    """Return which options to change for video calls; empty for none."""
    advice = []
    if not _has_exclusive_caps(module):
        advice.append(
            "Chrome and Zoom only list a camera with exclusive_caps=1; it then "
            "takes one sending program per load of the driver"
        )
    buffers = _parameter(module, "max_buffers")
    if buffers.isdecimal() and int(buffers) < 4:
        advice.append("slow readers see torn pictures with less than max_buffers=8")
    if not advice:
        return ""
    options = "video_nr=10 card_label=rtstyle exclusive_caps=1 max_buffers=8"
    return (
        "; ".join(advice) + "; to change it: sudo modprobe -r v4l2loopback && sudo "
        f"modprobe v4l2loopback {options}"
    )


def _has_exclusive_caps(module: Path) -> bool:
    return _parameter(module, "exclusive_caps").startswith(("Y", "1"))


def _parameter(module: Path, name: str) -> str:
    """Return a parameter of the loaded driver; empty when it cannot be read."""
    try:
        return (module / "parameters" / name).read_text("ascii").strip()
    except OSError:
        return ""
