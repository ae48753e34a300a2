"""The live filter on real V4L2: what another program sees in the virtual camera."""

import json
from itertools import pairwise
from typing import Any

import pytest

pytestmark = [pytest.mark.camera_vm, pytest.mark.slow, pytest.mark.timeout(1200)]

Findings = dict[str, dict[str, Any]]

INVERTED = {"red": (0, 255, 255), "green": (255, 0, 255), "blue": (255, 255, 0)}
WIDTH, HEIGHT = 320, 180
RAMP_STEP = 2
"""Columns by which vivid moves its ramp from frame to frame."""


def is_near(rgb: list[float], wanted: tuple[int, int, int], *, by: float = 25) -> bool:
    return all(abs(got - want) <= by for got, want in zip(rgb, wanted, strict=True))


def test_the_webcam_is_listed_and_the_virtual_camera_is_not(findings: Findings) -> None:
    assert findings["list"]["code"] == 0
    (camera,) = findings["list"]["cameras"]
    assert (camera["name"], camera["path"]) == ("vivid", "/dev/video0")
    assert camera["id"] == "platform:vivid-000"
    sizes = {(mode["width"], mode["height"]) for mode in camera["modes"]}
    assert {(640, 360), (1280, 720)} <= sizes
    assert "YUYV" in {mode["fourcc"] for mode in camera["modes"]}
    assert all(mode["rates"] for mode in camera["modes"])


def test_the_virtual_camera_is_refused_as_input(findings: Findings) -> None:
    found = findings["refuse own"]
    assert found["code"] == 1
    assert (
        "got the virtual camera 'VirtualCam', which rtstyle writes to" in found["said"]
    )
    assert found["said"].count("\n") == 1


def test_a_camera_that_is_not_there_is_answered_with_those_that_are(
    findings: Findings,
) -> None:
    found = findings["refuse missing"]
    assert found["code"] == 1
    assert "expected one of 'vivid'" in found["said"]


def test_the_run_says_what_the_camera_gives_and_the_delay(findings: Findings) -> None:
    said = findings["start"]["said"]
    assert findings["start"]["seconds"] is not None, said
    assert "camera 'vivid' (/dev/video0): 320x180 YUYV at 30 fps" in said
    assert "virtual camera /dev/video10: 320x180" in said
    assert "virtualcam: the picture is" in said


@pytest.mark.parametrize("name", list(INVERTED))
def test_another_program_sees_the_stylized_colours(
    findings: Findings, name: str
) -> None:
    found = findings[f"colour {name}"]
    assert found["num_frames"] == 12
    assert tuple(found["shape"]) == (HEIGHT, WIDTH, 3)
    assert is_near(found["rgb"], INVERTED[name]), found["rgb"]


@pytest.mark.parametrize("place", ["virtual camera", "recording"])
def test_frames_keep_their_order(findings: Findings, place: str) -> None:
    places = findings[f"order {place}"]["places"]
    assert len(places) > 40
    moved = [(place - places[0]) % WIDTH for place in places]
    numbers = [round(columns / RAMP_STEP) for columns in moved]
    gaps = [abs(c - RAMP_STEP * n) for c, n in zip(moved, numbers, strict=True)]
    assert max(gaps) < RAMP_STEP / 4, "each picture tells its number"
    around = WIDTH // RAMP_STEP
    steps = [(after - before) % around for before, after in pairwise(numbers)]
    assert max(steps) < around // 2, f"a frame went back: {steps}"
    assert sum(step > 0 for step in steps) > 20, "and they do not stand still"


LOSSES = ["disconnect", "stream error", "freeze", "unbind"]


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_noticed_and_the_camera_found_again(
    findings: Findings, name: str
) -> None:
    found = findings[f"loss {name}"]
    assert found["alive"], found["said"]
    assert found["lost_after"] is not None, found["said"]
    assert found["lost_after"] <= 3.0  # two seconds, and the emulated machine's pace
    assert found["back_after"] is not None, found["said"]
    assert is_near(found["after"]["rgb"], INVERTED["red"]), found["after"]["rgb"]
    assert found["after"]["num_frames"] == 12


@pytest.mark.parametrize("name", ["freeze", "unbind"])
def test_the_call_goes_on_with_a_notice_while_the_camera_is_lost(
    findings: Findings, name: str
) -> None:
    meanwhile = findings[f"loss {name}"]["meanwhile"]
    assert meanwhile["num_frames"] == 6
    assert tuple(meanwhile["shape"]) == (HEIGHT, WIDTH, 3)
    assert not is_near(meanwhile["rgb"], INVERTED["red"]), "it is darker"


def test_a_busy_camera_is_explained_with_who_has_it(findings: Findings) -> None:
    found = findings["busy"]
    assert found["code"] == 1
    assert "got a camera in use by python3 (process" in found["said"]
    assert found["said"].count("\n") == 1


@pytest.mark.parametrize("name", ["sigint", "sigterm"])
def test_a_signal_is_a_normal_end_that_leaves_everything_closed(
    findings: Findings, name: str
) -> None:
    found = findings[f"signal {name}"]
    assert found["code"] == 0, found["said"]
    assert found["holders"] == ""
    assert int(found["frames"]) > 5
    assert found["parts"] == []
    assert "Traceback" not in found["said"]


def test_a_virtual_camera_that_was_used_up_is_explained(findings: Findings) -> None:
    found = findings["exclusive caps"]
    assert found["first_code"] == 0, found["first_said"]
    assert found["code"] == 1
    assert "modprobe -r v4l2loopback" in found["said"]


def test_doctor_knows_the_cameras_of_the_machine(findings: Findings) -> None:
    report = json.loads(findings["doctor"]["text"])
    checks = {row["name"]: row for row in report["checks"]}
    assert "vivid" in checks["cameras"]["found"]
    assert "/dev/video10" in checks["virtual camera"]["found"]
