"""Query by ioctl what a Linux video device is and what it offers.

Source: the kernel's ``include/uapi/linux/videodev2.h``; sizes and numbers are those of
64-bit Linux.
"""

import errno
import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

from rtstyle_streams.camera.model import CameraMode

QUERYCAP: Final = 0x80685600
ENUM_FMT: Final = 0xC0405602
ENUM_FRAMESIZES: Final = 0xC02C564A
ENUM_FRAMEINTERVALS: Final = 0xC034564B

CAP_VIDEO_CAPTURE: Final = 0x1
CAP_VIDEO_OUTPUT: Final = 0x2
CAP_VIDEO_CAPTURE_MPLANE: Final = 0x1000
CAP_DEVICE_CAPS: Final = 0x80000000
BUF_TYPE_VIDEO_CAPTURE: Final = 1
TYPE_DISCRETE: Final = 1
MAX_ENTRIES: Final = 256
"""Longest list to read from a driver, in case it never ends one."""

LOOPBACK_DRIVER: Final = "v4l2 loopback"
"""Driver name of v4l2loopback, which makes virtual cameras."""


@dataclass(frozen=True, slots=True)
class Capability:
    """A video device's description of itself."""

    driver: str
    """The kernel driver: "uvcvideo"."""
    card: str
    """The name to show."""
    bus: str
    """Where it is plugged in: "usb-0000:00:14.0-5"."""
    caps: int
    """The bits ``V4L2_CAP_*`` of this node."""

    @property
    def can_capture(self) -> bool:
        """Return whether it delivers pictures."""
        return bool(self.caps & (CAP_VIDEO_CAPTURE | CAP_VIDEO_CAPTURE_MPLANE))

    @property
    def is_loopback(self) -> bool:
        """Return whether it is a v4l2loopback virtual camera."""
        return self.driver == LOOPBACK_DRIVER


@contextmanager
def opened(device: Path) -> Iterator[int]:
    """Open a device node, even one in use, and close it at the end of the block.

    Raises:
        OSError: it does not exist, or may not be opened.
    """
    handle = os.open(device, os.O_RDWR | os.O_NONBLOCK)
    try:
        yield handle
    finally:
        os.close(handle)


def query_capability(device: Path) -> Capability:
    """Return the device's description of itself.

    Raises:
        OSError: it cannot be opened, or is not a video device.
    """
    answer = bytearray(104)
    with opened(device) as handle:
        fcntl.ioctl(handle, QUERYCAP, answer)
    driver, card, bus, _, caps, device_caps = struct.unpack_from("16s32s32sIII", answer)
    return Capability(
        driver=_text(driver),
        card=_text(card),
        bus=_text(bus),
        caps=device_caps if caps & CAP_DEVICE_CAPS else caps,
    )


def query_modes(device: Path) -> tuple[CameraMode, ...]:
    """Return every format and size that the device offers, with its rates.

    Raises:
        OSError: it cannot be opened.
    """
    with opened(device) as handle:
        return tuple(
            CameraMode(
                _fourcc(code), width, height, _rates(handle, code, width, height)
            )
            for code in _formats(handle)
            for width, height in _sizes(handle, code)
        )


def _formats(handle: int) -> Iterator[int]:
    """Yield the codes of the pixel formats."""
    for index in range(MAX_ENTRIES):
        answer = bytearray(64)
        struct.pack_into("II", answer, 0, index, BUF_TYPE_VIDEO_CAPTURE)
        if not _asked(handle, ENUM_FMT, answer):
            return
        yield struct.unpack_from("I", answer, 44)[0]


def _sizes(handle: int, code: int) -> Iterator[tuple[int, int]]:
    """Yield the sizes of a format; for a stepped range, only the largest."""
    for index in range(MAX_ENTRIES):
        answer = bytearray(44)
        struct.pack_into("II", answer, 0, index, code)
        if not _asked(handle, ENUM_FRAMESIZES, answer):
            return
        kind, *numbers = struct.unpack_from("I6I", answer, 8)
        if kind == TYPE_DISCRETE:
            yield numbers[0], numbers[1]
        else:  # min, max, step of the width, then of the height
            yield numbers[1], numbers[4]
            return


def _rates(handle: int, code: int, width: int, height: int) -> tuple[Fraction, ...]:
    """Return the rates of a size, fastest first; for a stepped range, the fastest."""
    rates: set[Fraction] = set()
    for index in range(MAX_ENTRIES):
        answer = bytearray(52)
        struct.pack_into("4I", answer, 0, index, code, width, height)
        if not _asked(handle, ENUM_FRAMEINTERVALS, answer):
            break
        kind, seconds, per = struct.unpack_from("III", answer, 16)
        if seconds:
            rates.add(Fraction(per, seconds))
        if kind != TYPE_DISCRETE:
            break
    return tuple(sorted(rates, reverse=True))


def _asked(handle: int, request: int, answer: bytearray) -> bool:
    """Fill `answer`; False at the end of a list, or if the driver has none."""
    try:
        fcntl.ioctl(handle, request, answer)
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.ENOTTY, errno.ENODATA):
            return False
        raise
    return True


def _fourcc(code: int) -> str:
    """Return a pixel format's code as four letters."""
    return code.to_bytes(4, "little").decode("latin-1").strip()


def _text(raw: bytes) -> str:
    """Return the text of a C string."""
    return raw.split(b"\0", 1)[0].decode("utf-8", "replace").strip()
