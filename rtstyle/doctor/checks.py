"""Check each thing that can be missing: what is there, what is wrong, what to do."""

import os
import platform
import shutil
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, distributions, version
from pathlib import Path
from typing import Final

from rtstyle.doctor.check import Check, Status
from rtstyle.doctor.providers import (
    cuda_state,
    fault_of,
    openvino_state,
    other_states,
)
from rtstyle.doctor.virtual_camera import virtual_camera_state
from rtstyle.runtime.device import int8_kernel

PACKAGES: Final = ("numpy", "av", "onnx", "pyvirtualcam", "openvino", "torch")
"""Packages to list with their versions, including those of the extras."""


def run_checks(checks: Sequence[Callable[[], Check]] | None = None) -> Iterator[Check]:
    """Yield the result of each check; a check that raises counts as failed."""
    for check in ALL_CHECKS if checks is None else checks:
        name = check.__name__.removeprefix("check_").replace("_", " ")
        try:
            yield check()
        except Exception as error:
            text = " ".join(f"{type(error).__name__}: {error}".split())
            fault = f"the check broke: {text}"
            yield Check(name, "fail", fault, "please report this line")


def check_python() -> Check:
    """Check the interpreter and the system."""
    versions = f"{platform.python_version()} on {platform.platform()}"
    return Check("python", "ok", versions)


def check_packages() -> Check:
    """Check the versions of the packages that rtstyle depends on."""
    names = [*PACKAGES, *_installed("opencv"), *_installed("onnxruntime")]
    versions = {name: _version(name) for name in names}
    listing = ", ".join(f"{name} {which}" for name, which in versions.items() if which)
    opencvs = _installed("opencv")
    if len(opencvs) > 1:
        return Check(
            "packages",
            "fail",
            listing,
            f"keep one OpenCV: pip uninstall {' '.join(opencvs)}, then pip install "
            "opencv-python",
        )
    return Check("packages", "ok", listing)


def check_onnxruntime() -> Check:
    """Check which onnxruntime package is installed; two overwrite each other."""
    packages = _installed("onnxruntime")
    text = ", ".join(f"{name} {_version(name)}" for name in packages) or "none"
    if not packages:
        return Check("onnxruntime", "fail", text, "pip install onnxruntime")
    if len(packages) > 1:
        return Check(
            "onnxruntime",
            "fail",
            text,
            f"they overwrite each other: pip uninstall {' '.join(packages)}, then "
            "pip install the one for your device (onnxruntime-gpu for NVIDIA)",
        )
    return Check("onnxruntime", "ok", text)


def check_cpu() -> Check:
    """Run a node on the CPU."""
    fault = fault_of("CPUExecutionProvider")
    todo = "pip install --force-reinstall onnxruntime" if fault else ""
    kernel = int8_kernel()
    works = "runs a node" + (f"; int8 by {kernel}" if kernel else "")
    return Check("cpu", "fail" if fault else "ok", fault or works, todo)


def check_cuda() -> Check:
    """Run a node on an NVIDIA GPU, or report what is missing for it."""
    return cuda_state()


def check_other_providers() -> Check:
    """Run a node on every other execution provider that onnxruntime lists."""
    states = other_states()
    text = "; ".join(f"{name}: {fault or 'runs a node'}" for name, fault in states)
    if not any(fault for _, fault in states):
        return Check("other providers", "ok", text or "none")
    todo = "nothing, unless you want them: the line cpu or cuda is enough"
    return Check("other providers", "note", text, todo)


def check_openvino() -> Check:
    """Run a node in OpenVINO, if it is installed."""
    return openvino_state()


def check_devices() -> Check:
    """Stylize a few frames on every device."""
    from rtstyle.doctor.devices import devices_state

    return devices_state()


def check_encoders() -> Check:
    """Encode a picture with every video encoder in hardware that FFmpeg has."""
    from rtstyle.doctor.encoders import encoders_state

    return encoders_state()


def check_cameras() -> Check:
    """Look for cameras that can be used."""
    from rtstyle_streams.camera.devices import list_cameras, who_holds

    cameras = [camera for camera in list_cameras() if not camera.is_virtual]
    if not cameras:
        return Check(
            "cameras",
            "note",
            "none",
            "plug one in; without one, try: rtstyle webcam --camera sample:",
        )
    descriptions = []
    for camera in cameras:
        holder = who_holds(camera.path) if camera.path else ""
        descriptions.append(f"{camera}" + (f" in use by {holder}" if holder else ""))
    broken = [camera for camera in cameras if camera.problem]
    todo = "; ".join(f"{camera.name}: {camera.problem}" for camera in broken)
    status: Status = "fail" if len(broken) == len(cameras) else "ok"
    return Check("cameras", status, ", ".join(descriptions), todo)


def check_virtual_camera() -> Check:
    """Look for a virtual camera, its driver's options and pyvirtualcam."""
    return virtual_camera_state()


def check_display() -> Check:
    """Open a window for a moment."""
    from rtstyle_streams.window import load_x11_xcb, why_no_display

    if why := why_no_display():
        return Check(
            "display",
            "note",
            why,
            "no preview window here; use --output virtualcam, a file or null:",
        )
    if not load_x11_xcb():
        return Check(
            "display",
            "note",
            "a window opens, but it may stay blank: libX11-xcb.so.1 is missing",
            "install it (sudo apt-get install libx11-xcb1)",
        )
    return Check("display", "ok", "a window opens")


def check_folder() -> Check:
    """Check whether recordings and snapshots can be written here."""
    folder = Path.cwd()
    free_gb = shutil.disk_usage(folder).free / 1e9
    state = f"{folder}, {free_gb:.1f} GB free"
    if not os.access(folder, os.W_OK | os.X_OK):
        return Check("folder", "fail", f"{folder} is read-only", "cd to one of yours")
    if free_gb < 1:
        return Check("folder", "note", state, "free some space before you record")
    return Check("folder", "ok", state)


def check_unfinished_films() -> Check:
    """Look for films that were begun more than two weeks ago and never finished."""
    from rtstyle.offline.unfinished import forgotten

    films = forgotten()
    if not films:
        return Check("unfinished films", "ok", "none that are older than two weeks")
    told = [f"{film.folder} ({film.num_bytes / 1e6:.0f} MB)" for film in films]
    todo = "run their commands again to go on, or delete these folders"
    return Check("unfinished films", "note", ", ".join(told), todo)


def check_styles() -> Check:
    """Load every bundled style and compare its checksum."""
    from rtstyle.doctor.styles import styles_state

    return styles_state()


def check_speed() -> Check:
    """Stylize the sample scene for two seconds."""
    from rtstyle.doctor.styles import speed_state

    return speed_state()


ALL_CHECKS: Final[tuple[Callable[[], Check], ...]] = (
    check_python,
    check_packages,
    check_onnxruntime,
    check_cpu,
    check_cuda,
    check_other_providers,
    check_openvino,
    check_devices,
    check_encoders,
    check_cameras,
    check_virtual_camera,
    check_display,
    check_folder,
    check_unfinished_films,
    check_styles,
    check_speed,
)
"""Checks in the order in which they are reported."""


def _installed(prefix: str) -> list[str]:
    """Return the installed distributions whose name begins with `prefix`."""
    names = {str(package.metadata["Name"]).lower() for package in distributions()}
    return sorted(name for name in names if name.startswith(prefix))


def _version(name: str) -> str:
    """Return the version of a distribution; empty when it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
