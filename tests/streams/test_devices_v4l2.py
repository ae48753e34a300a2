import errno
import struct
import sys
from fractions import Fraction
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("V4L2 is Linux's", allow_module_level=True)

from rtstyle_streams.camera.model import CameraMode
from rtstyle_streams.camera.v4l2 import (
    CAP_DEVICE_CAPS,
    ENUM_FMT,
    ENUM_FRAMEINTERVALS,
    ENUM_FRAMESIZES,
    QUERYCAP,
    Capability,
    query_capability,
    query_modes,
)

YUYV, MJPG = (int.from_bytes(name, "little") for name in (b"YUYV", b"MJPG"))
DISCRETE, STEPWISE = 1, 3


class Driver:
    """Answers ioctls as a camera with two formats does."""

    formats = (YUYV, MJPG)
    sizes = {YUYV: [(640, 480), (320, 240)], MJPG: [(1280, 720)]}
    seconds_per_frame = {(640, 480): [(1, 30), (1, 15)], (1280, 720): [(1001, 30000)]}
    is_stepwise = False

    def __call__(self, handle: int, request: int, answer: bytearray) -> int:
        index, code, width, height = struct.unpack_from("4I", answer)
        try:
            if request == QUERYCAP:
                caps = (1, CAP_DEVICE_CAPS | 0x7, 0x5)
                struct.pack_into(
                    "16s32s32s3I", answer, 0, b"uvc", b"C920", b"usb-1", *caps
                )
            elif request == ENUM_FMT:
                struct.pack_into("I", answer, 44, self.formats[index])
            elif request == ENUM_FRAMESIZES and self.is_stepwise:
                struct.pack_into("7I", answer, 8, STEPWISE, 16, 1920, 2, 16, 1080, 2)
            elif request == ENUM_FRAMESIZES:
                size = self.sizes[code][index]
                struct.pack_into("3I", answer, 8, DISCRETE, *size)
            elif request == ENUM_FRAMEINTERVALS:
                rate = self.seconds_per_frame[width, height][index]
                struct.pack_into("3I", answer, 16, DISCRETE, *rate)
        except (IndexError, KeyError):
            raise OSError(errno.EINVAL, "end of the list") from None
        return 0


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Driver:
    made = Driver()
    monkeypatch.setattr("fcntl.ioctl", made)
    return made


def test_the_capability_is_that_of_the_node_not_of_the_device(driver: Driver) -> None:
    told = query_capability(Path("/dev/null"))
    assert told == Capability("uvc", "C920", "usb-1", 0x5)
    assert told.can_capture
    assert not told.is_loopback


def test_every_format_size_and_rate_is_listed_fastest_first(driver: Driver) -> None:
    assert query_modes(Path("/dev/null")) == (
        CameraMode("YUYV", 640, 480, (Fraction(30), Fraction(15))),
        CameraMode("YUYV", 320, 240, ()),
        CameraMode("MJPG", 1280, 720, (Fraction(30000, 1001),)),
    )


def test_of_a_range_of_sizes_the_largest_is_listed(driver: Driver) -> None:
    driver.is_stepwise = True
    modes = query_modes(Path("/dev/null"))
    assert [(mode.width, mode.height) for mode in modes] == [(1920, 1080)] * 2


def test_a_driver_that_breaks_is_not_taken_for_one_without_modes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(handle: int, request: int, answer: bytearray) -> int:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("fcntl.ioctl", broken)
    with pytest.raises(OSError, match="Input/output"):
        query_modes(Path("/dev/null"))


def test_a_driver_that_never_ends_its_list_is_cut_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def endless(handle: int, request: int, answer: bytearray) -> int:
        if request == ENUM_FMT:
            struct.pack_into("I", answer, 44, YUYV)
            return 0
        raise OSError(errno.EINVAL, "none")

    monkeypatch.setattr("fcntl.ioctl", endless)
    assert query_modes(Path("/dev/null")) == ()
