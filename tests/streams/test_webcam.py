import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

import numpy as np
import pytest

from rtstyle_streams.camera.as_camera import AsCamera
from rtstyle_streams.camera.capture import (
    CaptureRequest,
    OpenCVCapture,
    Shot,
    choose_mode,
)
from rtstyle_streams.camera.model import Camera, CameraMode
from rtstyle_streams.camera.webcam import Webcam
from rtstyle_streams.errors import SourceError
from rtstyle_streams.fitting import fit
from rtstyle_streams.frame import Frame
from rtstyle_streams.live_frame import LiveFrame
from rtstyle_streams.memory import ListSource

CAMERA = Camera("vivid", "platform:vivid-000", 0, "/dev/video0")


class FakeCamera:
    """A camera of 100 fps whose troubles the test makes."""

    def __init__(self) -> None:
        self.cameras = [CAMERA]
        self.size = (10, 6)
        self.colour = 0
        self.opened: list[Camera] = []
        self.num_open = 0
        self.is_unplugged = False
        self.busy_with = ""
        self.thaw = threading.Event()
        self.thaw.set()

    def list(self) -> Sequence[Camera]:
        return [] if self.is_unplugged else self.cameras

    def open(self, camera: Camera, asked: CaptureRequest) -> "FakeCapture":
        if self.busy_with:
            raise SourceError(f"in use by {self.busy_with}")
        self.opened.append(camera)
        self.num_open += 1
        return FakeCapture(self)

    def webcam(self, **asked: int) -> Webcam:
        return Webcam(
            None,
            CaptureRequest(**asked),
            cameras=self.list,
            open_capture=self.open,
            watchdog_seconds=0.5,
        )


class FakeCapture:
    def __init__(self, camera: FakeCamera) -> None:
        self._camera = camera
        width, height = camera.size
        self.mode = CameraMode("YUYV", width, height, (Fraction(100),))

    def read(self) -> Shot | None:
        time.sleep(0.01)
        self._camera.thaw.wait(60)
        if self._camera.is_unplugged:
            return None
        shape = (self.mode.height, self.mode.width, 3)
        pixels = np.full(shape, self._camera.colour, np.uint8)
        return Shot(pixels, time.monotonic_ns())

    def close(self) -> None:
        self._camera.num_open -= 1


@pytest.fixture
def fake() -> FakeCamera:
    return FakeCamera()


def notice_of(frame: Frame) -> str:
    return frame.notice if isinstance(frame, LiveFrame) else ""


def until(frames: Iterator[Frame], wanted: Callable[[Frame], bool]) -> Frame:
    """Read on until a frame is `wanted`, for half a minute at most."""
    end = time.monotonic() + 30
    for frame in frames:
        if wanted(frame):
            return frame
        assert time.monotonic() < end, "waited in vain"
    raise AssertionError("the camera ended")


def test_frames_carry_their_number_and_the_time_they_were_taken(
    fake: FakeCamera,
) -> None:
    with fake.webcam() as webcam:
        frames = [frame for frame, _ in zip(webcam, range(4), strict=False)]
    assert [frame.index for frame in frames] == [0, 1, 2, 3]
    taken = [frame.captured_ns or 0 for frame in frames]
    assert taken == sorted(taken)
    assert 0 <= time.monotonic_ns() - taken[-1] < 30e9
    seconds = frames[3].pts_seconds - frames[0].pts_seconds
    assert seconds == pytest.approx((taken[3] - taken[0]) / 1e9, abs=0.001)


def test_info_tells_size_and_rate_of_a_live_source(fake: FakeCamera) -> None:
    with fake.webcam() as webcam:
        info = webcam.info
    assert (info.width, info.height) == (10, 6)
    assert info.frame_rate == 100
    assert info.is_live


def test_closing_lets_go_of_the_camera_and_may_be_repeated(fake: FakeCamera) -> None:
    webcam = fake.webcam()
    webcam.close()
    webcam.close()
    assert fake.num_open == 0
    assert list(webcam) == []


def test_an_unplugged_camera_gives_placeholders_and_comes_back_by_name(
    fake: FakeCamera, caplog: pytest.LogCaptureFixture
) -> None:
    with fake.webcam() as webcam:
        frames = iter(webcam)
        next(frames)
        fake.is_unplugged = True
        start = time.monotonic()
        lost = until(frames, lambda frame: bool(notice_of(frame)))
        assert time.monotonic() - start < 10
        assert notice_of(lost) == "camera vivid is lost; looking for it"
        assert lost.captured_ns is None, "an old picture has no age"
        fake.cameras = [Camera("vivid", "another-port", 3, "/dev/video3")]
        fake.is_unplugged = False
        back = until(frames, lambda frame: not notice_of(frame))
        assert back.index > lost.index
        assert back.pts > lost.pts
    assert fake.opened[-1].number == 3
    assert fake.num_open == 0
    told = [record.message for record in caplog.records]
    assert any("is lost, looking for it" in text for text in told)
    assert any("is back" in text for text in told)
    assert len([text for text in told if "stopped giving" in text]) == 1


def test_another_camera_of_the_same_name_is_not_taken_for_the_lost_one(
    fake: FakeCamera, caplog: pytest.LogCaptureFixture
) -> None:
    other = Camera("vivid", "platform:vivid-001", 1, "/dev/video1")
    fake.cameras = [CAMERA, other]
    with fake.webcam() as webcam:
        frames = iter(webcam)
        next(frames)
        fake.is_unplugged = True
        until(frames, lambda frame: bool(notice_of(frame)))
        fake.cameras, fake.is_unplugged = [other], False
        until(frames, lambda frame: "it is not plugged in" in caplog.text)
        end = time.monotonic() + 1
        until(frames, lambda frame: time.monotonic() > end)
        assert fake.opened == [CAMERA]
        moved = Camera("vivid", "another-port", 2, "/dev/video2")
        fake.cameras = [other, moved]
        until(frames, lambda frame: not notice_of(frame))
    assert fake.opened == [CAMERA, moved]


def test_a_frozen_camera_is_noticed_by_the_watchdog_and_let_go(
    fake: FakeCamera,
) -> None:
    with fake.webcam() as webcam:
        frames = iter(webcam)
        next(frames)
        fake.thaw.clear()
        start = time.monotonic()
        until(frames, lambda frame: bool(notice_of(frame)))
        assert time.monotonic() - start < 10, "nobody waits for the one that hangs"
        fake.thaw.set()
        until(frames, lambda frame: not notice_of(frame))
    end = time.monotonic() + 30
    while fake.num_open:
        assert time.monotonic() < end, "the one that hung closes its camera too"
        time.sleep(0.01)


def test_a_camera_taken_by_another_program_is_waited_for(
    fake: FakeCamera, caplog: pytest.LogCaptureFixture
) -> None:
    with fake.webcam() as webcam:
        frames = iter(webcam)
        next(frames)
        fake.busy_with, fake.is_unplugged = "zoom", True
        until(frames, lambda frame: bool(notice_of(frame)))
        fake.is_unplugged = False
        time.sleep(0.15)
        until(frames, lambda frame: "in use by zoom" in caplog.text)
        fake.busy_with = ""
        until(frames, lambda frame: not notice_of(frame))


def test_a_camera_that_comes_back_in_another_size_is_fitted(fake: FakeCamera) -> None:
    fake.colour = 200
    with fake.webcam() as webcam:
        frames = iter(webcam)
        next(frames)
        fake.is_unplugged, fake.size = True, (30, 30)
        until(frames, lambda frame: bool(notice_of(frame)))
        fake.is_unplugged = False
        frame = until(frames, lambda frame: not notice_of(frame))
    assert (frame.width, frame.height) == (10, 6)
    assert (frame.pixels[:, 2:8] == 200).all()
    assert (frame.pixels[:, :2] == 0).all()


def test_a_busy_camera_is_explained_at_the_start(fake: FakeCamera) -> None:
    fake.busy_with = "firefox (process 1)"
    with pytest.raises(SourceError, match="in use by firefox"):
        fake.webcam()


def test_an_unforeseen_error_of_the_driver_is_told_at_once(fake: FakeCamera) -> None:
    def explode(camera: Camera, asked: CaptureRequest) -> FakeCapture:
        raise RuntimeError("a strange\ndriver")

    fake.open = explode  # type: ignore[method-assign]
    with pytest.raises(SourceError, match="RuntimeError: a strange driver"):
        fake.webcam()


def test_no_camera_is_explained_at_the_start(fake: FakeCamera) -> None:
    fake.is_unplugged = True
    with pytest.raises(SourceError, match="got none"):
        fake.webcam()


def test_what_came_back_is_said_when_it_differs_from_the_wish(
    fake: FakeCamera, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with fake.webcam(width=1920, height=1080, rate=30):
        pass
    assert "asked for 1920x1080, got 10x6" in caplog.text
    assert "asked for 30 fps, got 100" in caplog.text
    assert "10x6 YUYV at 100 fps" in caplog.text


def mode(fourcc: str, width: int, height: int, rate: int) -> CameraMode:
    return CameraMode(fourcc, width, height, (Fraction(rate),))


C920 = [
    mode("YUYV", 640, 480, 30),
    mode("YUYV", 1280, 720, 10),
    mode("YUYV", 1920, 1080, 5),
    mode("MJPG", 640, 480, 30),
    mode("MJPG", 1280, 720, 30),
    mode("MJPG", 1920, 1080, 30),
]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (CaptureRequest(), "1280x720 MJPG at 30 fps"),
        (CaptureRequest(640, 480), "640x480 YUYV at 30 fps"),
        (CaptureRequest(1920, 1080), "1920x1080 MJPG at 30 fps"),
        (CaptureRequest(1920, 1080, 5), "1920x1080 YUYV at 5 fps"),
        (CaptureRequest(rate=60), "1280x720 MJPG at 30 fps"),
    ],
)
def test_the_mode_that_is_fast_enough_without_jpeg_is_chosen(
    asked: CaptureRequest, expected: str
) -> None:
    assert str(choose_mode(C920, asked)) == expected


def test_without_a_wish_a_smaller_size_is_taken_where_the_large_one_is_slow() -> None:
    slow = [mode("YUYV", 1280, 720, 12), mode("YUYV", 640, 360, 30)]
    assert str(choose_mode(slow, CaptureRequest())) == "640x360 YUYV at 30 fps"


def test_a_camera_that_names_no_modes_leaves_the_choice_open() -> None:
    assert choose_mode([], CaptureRequest()) is None


def test_a_missing_device_is_said_to_be_missing() -> None:
    gone = Camera("gone", "x", 99, "/dev/video99-not-there")
    with pytest.raises(SourceError, match="expected it to be plugged in, got no such"):
        OpenCVCapture(gone, CaptureRequest())
    assert os.environ["OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT"] == "1"


def test_fit_keeps_the_aspect_and_the_picture() -> None:
    red = np.zeros((4, 8, 3), np.uint8)
    red[..., 0] = 255
    fitted = fit(red, 8, 8)
    assert fitted.shape == (8, 8, 3)
    assert (fitted[2:6] == (255, 0, 0)).all()
    assert not fitted[:2].any()
    assert not fitted[6:].any()


def test_a_file_plays_as_a_camera_in_a_loop_at_its_pace() -> None:
    pictures = [np.full((4, 6, 3), value, np.uint8) for value in (10, 20)]
    opened: list[ListSource] = []

    def reopen() -> ListSource:
        opened.append(ListSource(pictures, frame_rate=Fraction(100)))
        return opened[-1]

    start = time.monotonic()
    with AsCamera(reopen) as camera:
        assert camera.info.is_live
        frames = [frame for frame, _ in zip(camera, range(5), strict=False)]
    assert [int(frame.pixels[0, 0, 0]) for frame in frames] == [10, 20, 10, 20, 10]
    assert [frame.index for frame in frames] == [0, 1, 2, 3, 4]
    assert time.monotonic() - start >= 0.04
    assert all(frame.captured_ns for frame in frames)
    assert all(source.is_closed for source in opened)
