import sys
from fractions import Fraction
from types import ModuleType

import numpy as np
import numpy.typing as npt
import pytest

from rtstyle_streams.camera import virtual_camera
from rtstyle_streams.camera.model import Camera
from rtstyle_streams.camera.virtual_camera import VirtualCamera, explain, how_to_install
from rtstyle_streams.errors import SinkError
from rtstyle_streams.frame import Frame, Pixels


class FakeDevice:
    device = "/dev/video10"

    def __init__(self, width: int, height: int, rate: float, name: str | None) -> None:
        self.shape = (height, width, 3)
        self.rate, self.name = rate, name
        self.sent: list[Pixels] = []
        self.num_closed = 0
        self.error: Exception | None = None

    def send(self, frame: npt.NDArray[np.uint8]) -> None:
        if self.error:
            raise self.error
        assert frame.shape == self.shape
        assert frame.flags.c_contiguous
        self.sent.append(frame.copy())

    def close(self) -> None:
        self.num_closed += 1


class Driver:
    """Opens fake devices and remembers them."""

    def __init__(self, error: str = "") -> None:
        self.devices: list[FakeDevice] = []
        self.error = error

    def __call__(
        self, width: int, height: int, rate: float, name: str | None
    ) -> FakeDevice:
        if self.error:
            raise RuntimeError(self.error)
        self.devices.append(FakeDevice(width, height, rate, name))
        return self.devices[-1]


def frame(width: int, height: int, colour: tuple[int, int, int] = (255, 0, 0)) -> Frame:
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[:] = colour
    return Frame(pixels, 0, Fraction(1, 30), 0)


def test_frames_reach_the_device_as_rgb() -> None:
    driver = Driver()
    with VirtualCamera(width=8, height=4, open_device=driver) as camera:
        camera.write(frame(8, 4, (200, 10, 30)))
    (device,) = driver.devices
    assert (device.sent[0] == (200, 10, 30)).all()
    assert device.num_closed == 1


def test_odd_sizes_become_even() -> None:
    driver = Driver()
    camera = VirtualCamera(width=9, height=5, open_device=driver)
    assert (camera.width, camera.height) == (8, 4)
    camera.write(frame(9, 5))
    assert driver.devices[0].sent[0].shape == (4, 8, 3)


def test_its_size_never_changes_while_it_is_open() -> None:
    driver = Driver()
    camera = VirtualCamera(width=8, height=4, open_device=driver)
    camera.write(frame(8, 4))
    camera.write(frame(100, 40))
    assert len(driver.devices) == 1
    assert [sent.shape for sent in driver.devices[0].sent] == [(4, 8, 3)] * 2
    assert driver.devices[0].num_closed == 0


def test_closing_twice_does_no_harm_and_writing_then_is_refused() -> None:
    driver = Driver()
    camera = VirtualCamera(width=8, height=4, open_device=driver)
    camera.close()
    camera.close()
    assert driver.devices[0].num_closed == 1
    with pytest.raises(SinkError, match="got a closed one"):
        camera.write(frame(8, 4))


def test_a_driver_that_refuses_a_frame_is_named() -> None:
    driver = Driver()
    camera = VirtualCamera(width=8, height=4, open_device=driver)
    driver.devices[0].error = RuntimeError("error writing frame")
    with pytest.raises(SinkError, match="/dev/video10: expected it to take a frame"):
        camera.write(frame(8, 4))


@pytest.mark.skipif(sys.platform != "linux", reason="v4l2loopback is Linux's")
def test_a_loopback_that_was_used_up_is_found_though_the_driver_hides_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop = Camera("VirtualCam", "loop", 10, "/dev/video10", is_virtual=True)
    monkeypatch.setattr(virtual_camera, "list_cameras", lambda: [loop])
    driver = Driver("'v4l2loopback' backend: No v4l2 loopback device found")
    with pytest.raises(SinkError, match="/dev/video10: .*an earlier program used"):
        VirtualCamera(width=8, height=4, open_device=driver)


def test_where_there_is_none_the_error_says_what_to_install() -> None:
    driver = Driver("'v4l2loopback' backend: No v4l2loopback device found")
    with pytest.raises(SinkError, match="got none .*install") as caught:
        VirtualCamera(width=8, height=4, open_device=driver)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("Device /dev/video10 is not a video output device.", "modprobe -r v4l2loop"),
        ("No v4l2 loopback device found at /dev/video[0-99]", "modprobe -r v4l2loop"),
        ("device /dev/video10 already in use.", "close that program"),
        ("Permission denied", "group 'video'"),
        ("device does not exist", "sudo apt install v4l2loopback-dkms"),
    ],
)
def test_what_the_driver_says_becomes_what_to_do(told: str, said: str) -> None:
    text = explain(told, "/dev/video10", platform="linux")
    assert text.startswith("virtual camera /dev/video10: expected ")
    assert said in text


@pytest.mark.parametrize(
    ("platform", "word"),
    [("linux", "modprobe"), ("darwin", "OBS 30"), ("win32", "OBS 30"), ("sunos", "no")],
)
def test_every_system_has_its_way_to_install_one(platform: str, word: str) -> None:
    assert word in how_to_install(platform)


def test_without_the_extra_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    with pytest.raises(SinkError, match=r"pip install 'rtstyle\[virtualcam\]'"):
        VirtualCamera(width=8, height=4)


def test_the_package_is_asked_for_this_size_rate_and_device(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[dict[str, object]] = []

    class Camera:
        device = "/dev/video7"

        def __init__(self, **wish: object) -> None:
            asked.append(wish)

        def close(self) -> None:
            asked.append({})

    module = ModuleType("pyvirtualcam")
    module.Camera = Camera  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pyvirtualcam", module)
    with VirtualCamera(width=8, height=4, rate=25, device="/dev/video7") as camera:
        assert camera.name == "/dev/video7"
    assert asked == [dict(width=8, height=4, fps=25, device="/dev/video7"), {}]


def test_the_package_is_not_imported_before_it_is_needed() -> None:
    import rtstyle_streams.camera.virtual_camera as module

    assert not hasattr(module, "pyvirtualcam")
