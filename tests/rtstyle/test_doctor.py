import base64
import hashlib
import json
from importlib.metadata import FileHash, PackagePath
from pathlib import Path

import pytest
from click.testing import CliRunner

from rtstyle.commands.doctor import doctor as doctor_command
from rtstyle.doctor import checks as doctor
from rtstyle.doctor import providers as doctor_providers
from rtstyle.doctor import styles as doctor_styles
from rtstyle.doctor import virtual_camera as doctor_virtual_camera
from rtstyle.doctor.check import Check
from rtstyle.doctor.checks import ALL_CHECKS, run_checks
from rtstyle.doctor.providers import (
    cuda_todo,
    driver_fault,
    fault_of,
    missing_library,
)
from rtstyle.doctor.virtual_camera import virtual_camera_state
from rtstyle_streams.camera.model import Camera
from tests.camera_vm.tiny_style import write_inverting_style


@pytest.mark.slow
def test_every_check_has_a_name_and_says_what_it_found() -> None:
    fast = [check for check in ALL_CHECKS if check.__name__ != "check_speed"]
    found = list(run_checks(fast))
    names = [check.name for check in found]
    assert len(set(names)) == len(names)
    for check in found:
        assert check.found
        assert check.todo or check.status == "ok", f"{check.name} says nothing to do"
        assert "\n" not in check.found + check.todo


def test_a_check_that_breaks_is_a_failed_line_and_the_next_is_made() -> None:
    def check_of_cables() -> Check:
        raise OSError("no\ncable")

    broken, python = run_checks([check_of_cables, doctor.check_python])
    assert (broken.name, broken.status) == ("of cables", "fail")
    assert broken.found == "the check broke: OSError: no cable"
    assert python.status == "ok"


def test_a_node_really_runs_on_the_cpu() -> None:
    assert fault_of("CPUExecutionProvider") == ""
    assert fault_of("NoSuchExecutionProvider")


@pytest.mark.parametrize(
    ("fault", "library"),
    [
        (
            "Failed to load library /x/libonnxruntime_providers_cuda.so with error: "
            "libcudnn.so.9: cannot open shared object file",
            "libcudnn.so.9 is missing",
        ),
        (
            'depends on "cublasLt64_13.dll" which is missing',
            "cublasLt64_13.dll is missing",
        ),
        ("some other trouble", ""),
    ],
)
def test_the_missing_cuda_library_is_named(fault: str, library: str) -> None:
    assert missing_library(fault) == library


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("this onnxruntime was built without CUDA", "pip uninstall onnxruntime"),
        ("CUDA driver version is insufficient", "install a newer one"),
        ("libcudnn.so.9 is missing", "rtstyle[cuda]"),
    ],
)
def test_each_cuda_fault_says_what_to_do(fault: str, said: str) -> None:
    assert said in cuda_todo(fault)


def test_a_mac_has_no_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    assert driver_fault() == "CUDA does not exist for darwin"


def test_a_driver_without_libraries_is_a_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(doctor_providers, "driver_fault", lambda: "")
    monkeypatch.setattr(
        doctor_providers, "library_fault", lambda name: "libcudnn.so.9: not found"
    )
    monkeypatch.setattr("rtstyle.runtime.onnxruntime.cuda_fault", lambda: "no provider")
    check = doctor_providers.cuda_state()
    assert check.status == "fail"
    assert check.found == "a driver is there, but libcudnn.so.9 is missing"


def test_two_packages_of_onnxruntime_are_a_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    both = ["onnxruntime", "onnxruntime-gpu"]
    monkeypatch.setattr(doctor, "_installed", lambda prefix: both)
    check = doctor.check_onnxruntime()
    assert check.status == "fail"
    assert "pip uninstall onnxruntime onnxruntime-gpu" in check.todo


def test_two_packages_of_opencv_are_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_installed", lambda prefix: [prefix, f"{prefix}-x"])
    assert "keep one OpenCV" in doctor.check_packages().todo


CAMERA = Camera("C920", "usb-C920", 0, "/dev/video0")
SHUT = Camera("Shut", "usb-shut", 1, "/dev/video1", problem="may not be opened")
LOOP = Camera("VirtualCam", "loop", 10, "/dev/null", is_virtual=True)


@pytest.mark.parametrize(
    ("cameras", "status", "said"),
    [
        ([], "note", "none"),
        ([LOOP], "note", "none"),
        ([CAMERA], "ok", "'C920' (/dev/video0)"),
        ([SHUT], "fail", "'Shut' (/dev/video1)"),
        ([CAMERA, SHUT], "ok", "'C920' (/dev/video0), 'Shut' (/dev/video1)"),
    ],
)
def test_cameras_are_named_and_a_forbidden_one_is_explained(
    monkeypatch: pytest.MonkeyPatch, cameras: list[Camera], status: str, said: str
) -> None:
    monkeypatch.setattr("rtstyle_streams.camera.devices.list_cameras", lambda: cameras)
    check = doctor.check_cameras()
    assert (check.status, check.found) == (status, said)
    assert ("may not be opened" in check.todo) is (SHUT in cameras)


def loopback_module(folder: Path, *, exclusive: str, buffers: str) -> Path:
    (folder / "parameters").mkdir(parents=True)
    (folder / "parameters" / "exclusive_caps").write_text(f"{exclusive},N,N\n")
    (folder / "parameters" / "max_buffers").write_text(f"{buffers}\n")
    return folder


def virtual(
    monkeypatch: pytest.MonkeyPatch, cameras: list[Camera], module: Path
) -> Check:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(doctor_virtual_camera, "who_holds", lambda path: "")
    monkeypatch.setattr(doctor_virtual_camera, "list_cameras", lambda: cameras)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    return virtual_camera_state(module=module)


def test_no_virtual_camera_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    check = virtual(monkeypatch, [CAMERA], tmp_path)
    assert check.status == "note"
    assert "v4l2loopback-dkms" in check.todo


def test_a_well_set_up_loopback_is_ok(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    module = loopback_module(tmp_path, exclusive="Y", buffers="8")
    check = virtual(monkeypatch, [LOOP], module)
    assert check == Check(
        "virtual camera",
        "ok",
        "VirtualCam /dev/null; exclusive_caps on, max_buffers 8",
    )


def test_options_that_trouble_video_calls_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    module = loopback_module(tmp_path, exclusive="N", buffers="2")
    check = virtual(monkeypatch, [LOOP], module)
    assert "exclusive_caps=1" in check.todo
    assert "torn pictures" in check.todo
    assert "modprobe -r v4l2loopback" in check.todo


def test_a_loopback_that_may_not_be_written_names_the_group(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: False)
    check = virtual(monkeypatch, [LOOP], tmp_path)
    assert check.status == "fail"
    assert "group 'video'" in check.todo


@pytest.fixture
def gallery(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(doctor_styles, "bundled_folder", lambda: tmp_path)
    return tmp_path


def ship(monkeypatch: pytest.MonkeyPatch, name: str, data: bytes) -> None:
    """Let the installed package list a style of this content."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode()
    path = PackagePath(f"rtstyle/styles/{name}")
    path.hash = FileHash(f"sha256={digest.rstrip('=')}")
    monkeypatch.setattr(doctor_styles, "files", lambda package: [path])


def test_styles_are_loaded_and_compared_with_their_checksums(
    monkeypatch: pytest.MonkeyPatch, gallery: Path
) -> None:
    path = write_inverting_style(gallery / "invert.onnx")
    ship(monkeypatch, path.name, path.read_bytes())
    check = doctor.check_styles()
    assert (check.status, check.found) == ("ok", "1 load, 1 match their checksum")


def test_a_changed_style_and_a_broken_one_are_named(
    monkeypatch: pytest.MonkeyPatch, gallery: Path
) -> None:
    path = write_inverting_style(gallery / "invert.onnx")
    ship(monkeypatch, path.name, b"another")
    (gallery / "broken.onnx").write_bytes(b"no style")
    check = doctor.check_styles()
    assert check.status == "fail"
    assert "invert.onnx was changed" in check.found
    assert "broken.onnx: expected an ONNX file" in check.found


def test_a_checkout_has_no_checksums(
    monkeypatch: pytest.MonkeyPatch, gallery: Path
) -> None:
    write_inverting_style(gallery / "invert.onnx")
    monkeypatch.setattr(doctor_styles, "files", lambda package: None)
    assert doctor.check_styles().found == "1 load (a checkout)"


def test_no_style_is_a_failure(gallery: Path) -> None:
    assert doctor.check_styles().status == "fail"


def test_the_speed_is_measured_with_the_first_style(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = write_inverting_style(tmp_path / "invert.onnx")
    monkeypatch.setattr(doctor_styles, "style_files", lambda: {str(path): path})
    monkeypatch.setattr(doctor_styles, "SPEED_SECONDS", 0.05)
    check = doctor.check_speed()
    assert "frames per second at 1280x720, onnxruntime on" in check.found


def test_the_folder_to_record_to_is_looked_at(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert str(tmp_path) in doctor.check_folder().found
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert doctor.check_folder().status == "fail"


CHECKS = (
    Check("python", "ok", "3.12"),
    Check("display", "note", "none here", "use a file"),
    Check("styles", "fail", "none", "install again"),
)


@pytest.mark.parametrize(("count", "code"), [(1, 0), (2, 0), (3, 1)])
def test_only_a_failed_check_makes_the_exit_status_1(
    monkeypatch: pytest.MonkeyPatch, count: int, code: int
) -> None:
    monkeypatch.setattr(doctor, "run_checks", lambda: iter(CHECKS[:count]))
    assert CliRunner().invoke(doctor_command, []).exit_code == code


def test_each_line_that_is_not_ok_is_followed_by_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(doctor, "run_checks", lambda: iter(CHECKS))
    assert CliRunner().invoke(doctor_command, []).stdout.splitlines() == [
        "ok    python: 3.12",
        "note  display: none here",
        "      -> use a file",
        "FAIL  styles: none",
        "      -> install again",
    ]


def test_json_holds_every_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "run_checks", lambda: iter(CHECKS))
    report = json.loads(CliRunner().invoke(doctor_command, ["--json"]).stdout)
    assert not report["ok"]
    assert [row["status"] for row in report["checks"]] == ["ok", "note", "fail"]


def test_a_broken_network_for_paintings_is_a_fault(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert doctor.check_styles().status == "ok"
    monkeypatch.setenv("RTSTYLE_PAINTING_NETWORK", str(tmp_path))
    found = doctor.check_styles()
    assert found.status == "fail" and "swift_adain.onnx" in found.found
