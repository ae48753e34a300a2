import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from click.testing import CliRunner

from rtstyle.commands.cameras import camera_lines, camera_row
from rtstyle.commands.cameras import cameras as cameras_command
from rtstyle.commands.webcam import all_styles, report_lines
from rtstyle.commands.webcam import webcam as webcam_command
from rtstyle.errors import UsageError
from rtstyle.live import style_loader
from rtstyle.live.loop import LiveReport
from rtstyle.live.webcam import WebcamSettings, open_camera, run_webcam
from rtstyle.process.signals import graceful_stop
from rtstyle.stylizer.network_output import NetworkOutput
from rtstyle_streams.camera.as_camera import AsCamera
from rtstyle_streams.camera.capture import CaptureRequest
from rtstyle_streams.camera.model import Camera, CameraMode
from rtstyle_streams.errors import SinkError, SourceError, SpecError
from rtstyle_streams.frame import Pixels
from rtstyle_streams.sound import microphone

SMALL = CaptureRequest(64, 36, 60)


class RedStyler:
    """A style that paints all in red."""

    def network(self, content: Pixels) -> NetworkOutput:
        made = np.zeros_like(content)
        made[..., 0] = 200
        return NetworkOutput(content, content, made)

    def finish(self, output: NetworkOutput) -> Pixels:
        return output.stylized

    def reset(self) -> None: ...

    def close(self) -> None: ...


def settings(
    *outputs: str, seconds: float = 0.5, camera: str = "sample:"
) -> WebcamSettings:
    return WebcamSettings(
        styles=("red",), camera=camera, request=SMALL, outputs=outputs, seconds=seconds
    )


def run(asked: WebcamSettings) -> LiveReport:
    return run_webcam(asked, build=lambda spec: RedStyler())


def decoded(path: Path) -> list[Pixels]:
    with av.open(str(path)) as container:
        assert not container.streams.audio
        return [
            np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
            for frame in container.decode(video=0)
        ]


def test_the_sample_scene_runs_into_nothing_and_is_measured() -> None:
    report = run(settings("null:"))
    assert report.age["null"].num_samples > 5
    assert report.num_captured > 5
    assert set(report.work) == {"camera", "stylize", "smooth", "null"}


def test_a_microphone_is_recorded_and_without_one_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path, silent = tmp_path / "loud.mkv", tmp_path / "silent.mkv"
    monkeypatch.setattr(microphone, "DEVICES", {sys.platform: "lavfi"})
    asked = replace(settings(str(path)), microphone="sine=frequency=440,arealtime")
    run(asked)
    assert "without sound" not in caplog.text
    with av.open(str(path)) as film:
        assert [stream.type for stream in film.streams] == ["video", "audio"]
        levels = [np.abs(f.to_ndarray()).max() for f in film.decode(audio=0)]
    assert max(levels) > 0.05
    run(settings(str(silent)))
    assert "silent.mkv: without sound, which this camera does not give" in caplog.text
    assert decoded(silent)


def test_several_outputs_get_the_same_frames(tmp_path: Path) -> None:
    one, two = tmp_path / "one.mkv", tmp_path / "two.mp4"
    report = run(settings(str(one), str(two), "null:"))
    assert list(report.age) == [str(one), str(two), "null"]
    for path in (one, two):
        frames = decoded(path)
        assert len(frames) > 5
        assert frames[0].shape == (36, 64, 3)
        assert abs(frames[-1].mean((0, 1)) - (200, 0, 0)).max() < 6
    assert not list(tmp_path.glob("*.part*"))


@pytest.mark.slow
def test_a_file_plays_as_a_camera_for_longer_than_it_is(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mkv"
    run(settings(str(clip), seconds=0.3))
    report = run(settings("null:", camera=str(clip), seconds=0.8))
    assert report.num_captured > len(decoded(clip))


@pytest.mark.parametrize("by", ["name", "link"])
def test_the_file_that_plays_the_camera_is_not_written_to(
    tmp_path: Path, by: str
) -> None:
    film = tmp_path / "film.mkv"
    run(settings(str(film), seconds=0.3))
    before, output = film.read_bytes(), film
    if by == "link":
        output = tmp_path / "link.mkv"
        output.symlink_to(film)
    asked = settings("null:", str(output), camera=str(film))
    with pytest.raises(SinkError, match="other than the input, got the same file"):
        run(replace(asked, overwrite=True))
    assert film.read_bytes() == before


def test_the_sample_scene_takes_size_and_rate_from_the_wish() -> None:
    with open_camera(settings("null:")) as camera:
        assert isinstance(camera, AsCamera)
        assert (camera.info.width, camera.info.height) == (64, 36)
        assert camera.info.frame_rate == 60


def test_a_file_that_exists_is_not_replaced_unless_asked(tmp_path: Path) -> None:
    path = tmp_path / "call.mkv"
    path.write_bytes(b"precious")
    with pytest.raises(SinkError, match="this file exists"):
        run(settings(str(path)))
    assert path.read_bytes() == b"precious"


@pytest.mark.parametrize(
    ("output", "error", "said"),
    [
        ("nonsense:", SpecError, "nonsense"),
        ("missing/folder/x.mkv", SinkError, "create it"),
    ],
)
def test_an_output_that_makes_no_sense_is_refused(
    output: str, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        run(settings(output))


def test_two_virtual_cameras_are_refused() -> None:
    with pytest.raises(UsageError, match="expected virtualcam once"):
        run(settings("virtualcam:/dev/video9", "virtualcam:/dev/video8"))


@pytest.mark.skipif(sys.platform != "linux", reason="DISPLAY is a thing of Linux")
def test_no_display_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(
        SinkError, match="window: expected a display .* null:$"
    ) as error:
        run(settings("window"))
    assert "\n" not in str(error.value)


def test_no_camera_is_one_line() -> None:
    with pytest.raises(SourceError, match="expected"):
        run(settings("null:", camera="a camera that is not there"))


@pytest.mark.slow
def test_a_killed_recording_can_be_played(tmp_path: Path) -> None:
    script = tmp_path / "record.py"
    script.write_text(
        "import sys\n"
        "from tests.rtstyle.test_webcam_command import run, settings\n"
        "run(settings(sys.argv[1], seconds=60))\n"
    )
    path = tmp_path / "long.mkv"
    child = subprocess.Popen(
        [sys.executable, str(script), str(path)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([os.getcwd(), *sys.path])},
    )
    part = tmp_path / "long.part.mkv"
    end = time.monotonic() + 100
    while not part.exists() or part.stat().st_size < 4000:
        assert time.monotonic() < end, "nothing was recorded"
        time.sleep(0.05)
    child.kill()
    child.wait()
    assert not path.exists()
    assert len(decoded(part)) > 5


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_asks_to_stop_and_the_next_at_once_does_nothing(
    number: signal.Signals,
) -> None:
    before = signal.getsignal(number)
    with graceful_stop() as stop:
        os.kill(os.getpid(), number)
        assert stop.wait(30) and stop.number == number
        os.kill(os.getpid(), number)  # a closed terminal sends several
    assert signal.getsignal(number) == before


def test_another_thread_gets_a_stop_without_signals() -> None:
    stops: list[bool] = []

    def work() -> None:
        with graceful_stop() as stop:
            stops.append(stop.is_set())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(30)
    assert stops == [False]


@pytest.mark.parametrize(
    ("wanted", "styles"),
    [
        ((), ("a", "b")),
        (("b",), ("b", "a")),
        (("x.onnx",), ("x.onnx", "a", "b")),
        (("x", "y"), ("x", "y")),
    ],
)
def test_one_style_comes_first_and_several_are_the_whole_choice(
    wanted: tuple[str, ...], styles: tuple[str, ...]
) -> None:
    assert all_styles(wanted, ("a", "b")) == styles


def test_an_empty_gallery_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="the gallery is empty"):
        all_styles((), ())


def test_the_report_names_frames_stages_and_every_age() -> None:
    lines = report_lines(run(settings("null:")))
    assert re.match(r"\d+ frames in .* fps\) of \d+ from the camera; stylize", lines[0])
    assert lines[1].startswith("null: age p50 ")


def test_the_command_prints_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(style_loader, "Stylizer", lambda *given, **named: RedStyler())
    result = CliRunner().invoke(
        webcam_command,
        ["--style", "scream", "--camera", "sample:", "--size", "64x36", "--json"]
        + ["--output", "null:", "--seconds", "0.3"],
        catch_exceptions=False,
    )
    assert result.exit_code == 0
    assert json.loads(result.stdout)["age"]["null"]["num_samples"] > 2


@pytest.mark.parametrize("size", ["640", "axb", "1x1"])
def test_a_size_that_is_none_is_a_usage_error(size: str) -> None:
    result = CliRunner().invoke(webcam_command, ["--size", size])
    assert result.exit_code == 2
    assert "WIDTHxHEIGHT" in result.output


CAMERAS = [
    Camera(
        "C920",
        "usb-C920",
        2,
        "/dev/video2",
        (
            CameraMode("YUYV", 640, 480, (Fraction(30), Fraction(15))),
            CameraMode("MJPG", 1280, 720, (Fraction(30000, 1001),)),
        ),
    ),
    Camera("Loop", "loop", 10, "/dev/video10", is_virtual=True),
    Camera("Shut", "usb-shut", 4, "/dev/video4", problem="may not be opened"),
]


def test_cameras_are_listed_for_people_and_virtual_ones_as_outputs() -> None:
    assert camera_lines(CAMERAS) == [
        "2  C920",
        "   id usb-C920",
        "   /dev/video2",
        "   YUYV: 640x480@30",
        "   MJPG: 1280x720@29.97",
        "4  Shut",
        "   id usb-shut",
        "   /dev/video4",
        "   cannot be used: may not be opened",
        "virtual cameras, to send to: /dev/video10",
    ]
    assert "no camera" in camera_lines([])[0]


def test_a_camera_as_json_has_rates_as_numbers() -> None:
    row = camera_row(CAMERAS[0])
    text = json.loads(json.dumps(row))
    assert text["modes"][1]["rates"] == [29.97]


def test_the_list_as_json_leaves_virtual_cameras_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("rtstyle_streams.camera.devices.list_cameras", lambda: CAMERAS)
    result = CliRunner().invoke(cameras_command, ["--json"])
    assert [row["name"] for row in json.loads(result.stdout)] == ["C920", "Shut"]
    assert "C920" in CliRunner().invoke(cameras_command, []).stdout


@pytest.mark.slow
def test_nothing_of_linux_is_needed_to_import_it() -> None:
    lines = (
        "import sys",
        "sys.modules['fcntl'] = None",
        "import rtstyle.live.webcam, rtstyle.doctor.checks, rtstyle.commands.webcam",
        "from rtstyle_streams.camera.devices import find_camera",
    )
    paths = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)],
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
