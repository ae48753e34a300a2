"""Write frames to a virtual camera, which video calls see as a webcam.

The driver is not ours: v4l2loopback on Linux, OBS on Windows and macOS, accessed
through pyvirtualcam. That package is GPL-2, so it is an optional extra and is imported
only here, when a virtual camera is opened.
"""

import importlib
import logging
import sys
from collections.abc import Callable
from typing import Final, Protocol, cast

import numpy as np
import numpy.typing as npt

from rtstyle_streams.camera.devices import list_cameras
from rtstyle_streams.errors import SinkError
from rtstyle_streams.fitting import fit
from rtstyle_streams.frame import Frame, Pixels
from rtstyle_streams.managed import ManagedSink

log = logging.getLogger(__name__)

INSTALL: Final = {
    "linux": (
        "install the driver and make a camera: sudo apt install v4l2loopback-dkms && "
        "sudo modprobe v4l2loopback video_nr=10 card_label=rtstyle exclusive_caps=1 "
        "max_buffers=8 (Fedora: package v4l2loopback of RPM Fusion; Arch: "
        "v4l2loopback-dkms); to have it after every start, put 'v4l2loopback' into "
        "/etc/modules-load.d/rtstyle.conf and 'options v4l2loopback video_nr=10 "
        "card_label=rtstyle exclusive_caps=1 max_buffers=8' into "
        "/etc/modprobe.d/rtstyle.conf"
    ),
    "darwin": (
        "install OBS 30 or newer from obsproject.com, start it, click 'Start Virtual "
        "Camera' once, allow its camera extension in System Settings (General, Login "
        "Items & Extensions), stop the virtual camera there and quit OBS"
    ),
    "win32": (
        "install OBS 30 or newer from obsproject.com (its installer registers 'OBS "
        "Virtual Camera'), start it once and quit it"
    ),
}
"""How to install a virtual camera, by `sys.platform`."""


class Device(Protocol):
    """The parts of ``pyvirtualcam.Camera`` that are used here."""

    device: str
    """Name of the device."""

    def send(self, frame: npt.NDArray[np.uint8]) -> None:
        """Send RGB pixels of the size it was opened with."""
        ...

    def close(self) -> None:
        """Release the device."""
        ...


OpenDevice = Callable[[int, int, float, str | None], Device]
"""Opens a virtual camera of this width, height, rate and name."""


class VirtualCamera(ManagedSink):
    """Sends frames to a virtual camera, which keeps one size until it is closed.

    Width and height are made even, which many programs that read it require.

    Args:
        width: Columns of the frames to come.
        height: Lines of the frames to come.
        rate: Frames per second to announce to readers.
        device: "/dev/video10" or "OBS Virtual Camera"; None for the first that is free.
        open_device: Opens the driver.

    Raises:
        SinkError: there is none, or it is in use; the message says what to do.
    """

    def __init__(
        self,
        *,
        width: int,
        height: int,
        rate: float = 30.0,
        device: str | None = None,
        open_device: OpenDevice | None = None,
    ) -> None:
        self.width, self.height = max(2, width // 2 * 2), max(2, height // 2 * 2)
        opener = open_device or _open_pyvirtualcam
        try:
            self._device: Device | None = opener(self.width, self.height, rate, device)
        except RuntimeError as error:
            raise SinkError(explain(str(error), device or _used_up())) from error
        self.name = self._device.device
        """Name of the device, to choose in the video-call program."""
        log.info("virtual camera %s: %dx%d", self.name, self.width, self.height)

    def write(self, frame: Frame) -> None:
        """Send one frame; a frame of another size is fitted into the camera's.

        Raises:
            SinkError: it is closed, or the driver refused.
        """
        if self._device is None:
            raise SinkError("virtual camera: expected it to be open, got a closed one")
        try:
            self._device.send(self._sized(frame.pixels))
        except (RuntimeError, OSError) as error:
            raise SinkError(
                f"virtual camera {self.name}: expected it to take a frame, got {error}"
            ) from error

    def _sized(self, pixels: Pixels) -> Pixels:
        """Return `pixels` cropped to even sides, or fitted into the camera's size."""
        height, width = pixels.shape[:2]
        if (width // 2 * 2, height // 2 * 2) != (self.width, self.height):
            return fit(pixels, self.width, self.height)
        return np.ascontiguousarray(pixels[: self.height, : self.width])

    def close(self) -> None:
        """Release the device."""
        if self._device is not None:
            self._device.close()
            self._device = None


def explain(message: str, device: str | None, *, platform: str = sys.platform) -> str:
    """Turn an error of pyvirtualcam into one line for the user.

    Args:
        message: The text of its error.
        device: The requested device, or one that exists.
        platform: The operating system, as `sys.platform`.
    """
    name = f"virtual camera {device}" if device else "virtual camera"
    low = message.lower()
    used_up = "not a video output device" in low or (device and "no v4l2 loop" in low)
    if platform == "linux" and used_up:
        return (
            f"{name}: expected a v4l2loopback device that takes frames, got one that "
            "is a webcam, or that an earlier program used and left closed (this "
            "happens with exclusive_caps=1); load it again: sudo modprobe -r "
            "v4l2loopback && sudo modprobe v4l2loopback video_nr=10 "
            "card_label=rtstyle exclusive_caps=1 max_buffers=8"
        )
    if "already in use" in low or "busy" in low:
        return (
            f"{name}: expected it to be free, got one that another program writes "
            "to; close that program (OBS, or another rtstyle)"
        )
    if "permission" in low:
        return (
            f"{name}: expected to be allowed to write to it, got 'permission denied'; "
            "add yourself to the group 'video' (sudo usermod -aG video $USER) and log "
            "in again"
        )
    reason = " ".join(message.split()).rstrip(".")
    install = how_to_install(platform)
    return f"{name}: expected one to be there, got none ({reason}); {install}"


def _used_up() -> str | None:
    """Return a virtual camera that exists although the driver offers none for output.

    With exclusive_caps=1 this is one that an earlier program has used.
    """
    paths = [camera.path for camera in list_cameras() if camera.is_virtual]
    return next(filter(None, paths), None)


def how_to_install(platform: str = sys.platform) -> str:
    """Return how to install a virtual camera on `platform`, in one paragraph."""
    return INSTALL.get(platform, f"there is no virtual camera for {platform}")


def _open_pyvirtualcam(
    width: int, height: int, rate: float, device: str | None
) -> Device:
    """Open a device of pyvirtualcam.

    Raises:
        SinkError: pyvirtualcam is not installed.
        RuntimeError: no device can be opened.
    """
    try:
        pyvirtualcam = importlib.import_module("pyvirtualcam")
    except ImportError as error:
        raise SinkError(
            "virtual camera: needs pyvirtualcam, which is not installed. "
            "Install it with: pip install 'rtstyle[virtualcam]'; then "
            + how_to_install()
        ) from error
    camera = pyvirtualcam.Camera(width=width, height=height, fps=rate, device=device)
    return cast(Device, camera)
