import errno
import json
import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from rtstyle_streams.camera.devices import find_camera, who_holds
from rtstyle_streams.camera.linux import list_v4l2
from rtstyle_streams.camera.macos_windows import from_names, from_system_profiler
from rtstyle_streams.camera.model import Camera, CameraMode
from rtstyle_streams.camera.v4l2 import (
    CAP_VIDEO_CAPTURE,
    CAP_VIDEO_OUTPUT,
    LOOPBACK_DRIVER,
    Capability,
    query_capability,
    query_modes,
)
from rtstyle_streams.errors import SourceError

C920 = Camera("HD Pro Webcam C920", "usb-046d_C920_A1", 2, "/dev/video2")
BUILT_IN = Camera("Integrated Camera", "usb-0000:00:14.0-8", 0, "/dev/video0")
VIRTUAL = Camera("VirtualCam", "loop", 10, "/dev/video10", is_virtual=True)
ALL = [BUILT_IN, C920, VIRTUAL]


@pytest.mark.parametrize(
    ("wanted", "camera"),
    [
        (None, BUILT_IN),
        ("usb-046d_C920_A1", C920),
        ("/dev/video2", C920),
        ("2", C920),
        ("hd pro webcam c920", C920),
        ("c920", C920),
        ("integrated", BUILT_IN),
    ],
)
def test_a_camera_is_found_by_id_path_number_name_and_part_of_it(
    wanted: str | None, camera: Camera
) -> None:
    assert find_camera(wanted, ALL) is camera


@pytest.mark.parametrize("wanted", ["VirtualCam", "10", "/dev/video10", "loop"])
def test_our_own_virtual_camera_is_never_the_input(wanted: str) -> None:
    with pytest.raises(SourceError, match="virtual camera 'VirtualCam', which rtstyle"):
        find_camera(wanted, ALL)


def test_without_a_wish_the_virtual_camera_is_passed_over() -> None:
    with pytest.raises(SourceError, match="got none; .*--camera sample:"):
        find_camera(None, [VIRTUAL])


def test_a_camera_that_cannot_be_used_is_passed_over_without_a_wish() -> None:
    broken = Camera("broken", "x", 0, problem="may not be opened")
    assert find_camera(None, [broken, C920]) is C920


def test_two_cameras_of_one_name_must_be_told_apart_by_id() -> None:
    twin = Camera("HD Pro Webcam C920", "usb-046d_C920_B2", 4, "/dev/video4")
    with pytest.raises(SourceError, match=r"A1\), .*B2\); give the id"):
        find_camera("c920", [C920, twin])
    assert find_camera("usb-046d_C920_B2", [C920, twin]) is twin


def test_an_unknown_name_is_answered_with_what_there_is() -> None:
    with pytest.raises(SourceError, match="expected one of 'Integrated Camera'"):
        find_camera("gopro", ALL)


MODES = (CameraMode("YUYV", 640, 480, (Fraction(30),)),)


class Machine:
    """A made-up /sys and /dev with the answers of the drivers."""

    def __init__(self, root: Path) -> None:
        self.sysfs, self.dev = root / "sys", root / "dev"
        (self.dev / "v4l" / "by-id").mkdir(parents=True)
        self._answers: dict[str, Capability | OSError] = {}

    def add(self, number: int, answer: Capability | OSError, name: str = "x") -> None:
        folder = self.sysfs / f"video{number}"
        folder.mkdir(parents=True)
        (folder / "name").write_text(f"{name}\n")
        (self.dev / folder.name).touch()
        self._answers[folder.name] = answer

    def link(self, name: str, number: int) -> None:
        (self.dev / "v4l" / "by-id" / name).symlink_to(self.dev / f"video{number}")

    def capability(self, device: Path) -> Capability:
        answer = self._answers[device.name]
        if isinstance(answer, OSError):
            raise answer
        return answer

    def cameras(self) -> list[Camera]:
        return list_v4l2(
            sysfs=self.sysfs,
            dev=self.dev,
            capability=self.capability,
            modes=lambda device: MODES,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def uvc(name: str, bus: str = "usb-1") -> Capability:
    return Capability("uvcvideo", name, bus, CAP_VIDEO_CAPTURE)


def test_cameras_are_listed_with_name_stable_id_and_modes(machine: Machine) -> None:
    machine.add(10, uvc("Ten", "usb-10"))
    machine.add(2, uvc("Two"))
    machine.link("usb-046d_Two_123-video-index0", 2)
    two, ten = machine.cameras()
    assert (two.name, two.id, two.number) == ("Two", "usb-046d_Two_123-video-index0", 2)
    assert (ten.name, ten.id) == ("Ten", "usb-10")
    assert two.modes == MODES


def test_nodes_without_pictures_are_left_out(machine: Machine) -> None:
    machine.add(0, uvc("Cam"))
    machine.add(1, Capability("uvcvideo", "Cam metadata", "usb-1", 0x800000))
    machine.add(3, Capability("gpu", "encoder", "pci", CAP_VIDEO_OUTPUT))
    assert [camera.number for camera in machine.cameras()] == [0]


@pytest.mark.parametrize("caps", [CAP_VIDEO_OUTPUT, CAP_VIDEO_CAPTURE, 3])
def test_a_loopback_device_is_virtual_whatever_it_shows(
    machine: Machine, caps: int
) -> None:
    machine.add(0, Capability(LOOPBACK_DRIVER, "VirtualCam", "platform", caps))
    assert [camera.is_virtual for camera in machine.cameras()] == [True]


def test_two_cameras_on_one_bus_get_different_ids(machine: Machine) -> None:
    machine.add(0, uvc("Cam", "usb-1"))
    machine.add(2, uvc("Cam", "usb-1"))
    assert [camera.id for camera in machine.cameras()] == ["usb-1", "usb-1#2"]


def test_a_forbidden_camera_is_listed_with_what_to_do(machine: Machine) -> None:
    machine.add(0, PermissionError(errno.EACCES, "Permission denied"), name="Cam")
    (camera,) = machine.cameras()
    assert camera.name == "Cam"
    assert "group 'video'" in camera.problem


def test_a_machine_without_video_has_no_cameras(tmp_path: Path) -> None:
    assert list_v4l2(sysfs=tmp_path / "no", dev=tmp_path) == []


@pytest.mark.parametrize("ask", [query_capability, query_modes])
def test_what_is_no_video_device_is_refused(ask: Callable[[Path], object]) -> None:
    def answer() -> object:
        found = ask(Path("/dev/null"))
        if found == ():
            raise OSError("no modes")
        return found

    with pytest.raises(OSError, match="ioctl|modes"):
        answer()


def test_the_program_that_holds_a_device_is_named(tmp_path: Path) -> None:
    for number in (os.getpid(), 4711):
        process = tmp_path / str(number)
        (process / "fd").mkdir(parents=True)
        (process / "comm").write_text("firefox\n")
        (process / "fd" / "7").symlink_to("/dev/video2")
    assert who_holds("/dev/video2", proc=tmp_path) == "firefox (process 4711)"
    assert who_holds("/dev/video9", proc=tmp_path) == ""


def test_macos_cameras_are_numbered_by_their_unique_ids() -> None:
    rows = [
        {"_name": "FaceTime", "spcamera_unique-id": "0x2"},
        {"_name": "OBS Virtual Camera", "spcamera_unique-id": "0x1"},
    ]
    text = json.dumps({"SPCameraDataType": rows})
    virtual, facetime = from_system_profiler(text)
    assert (facetime.name, facetime.id, facetime.number) == ("FaceTime", "0x2", 1)
    assert virtual.is_virtual
    assert from_system_profiler("nonsense") == []


def test_windows_cameras_keep_the_order_of_directshow() -> None:
    cameras = from_names([("Cam", "@device_pnp_1"), ("OBS Virtual Camera", "@sw_2")])
    assert [(c.number, c.id, c.is_virtual) for c in cameras] == [
        (0, "@device_pnp_1", False),
        (1, "@sw_2", True),
    ]
