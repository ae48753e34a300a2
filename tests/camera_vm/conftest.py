"""Boots the camera machine once, lets it run `guest.py`, and hands on what it found."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.camera_vm.tiny_style import write_inverting_style
from tests.conftest import shared_folder

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
GUEST_PACKAGES = ("click", "tqdm", "platformdirs", "onnx", "psutil", "pillow")
"""What the product needs in the machine beside what is always there."""
RUN_SECONDS = 900

Findings = dict[str, dict[str, Any]]


def find_camera_vm() -> str | None:
    """Return the tool that runs the machine; None where there is none."""
    shared = shared_folder()
    tool = shared and shared / "tools" / "camera-vm" / "camera-vm"
    return shutil.which("camera-vm") or (str(tool) if tool and tool.exists() else None)


def checked(command: list[str], *, seconds: float) -> str:
    """Run a command and return its output; fail with what it said."""
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=seconds, check=False
    )
    if done.returncode:
        pytest.fail(
            f"{command[:4]} failed: {done.stdout[-2000:]} {done.stderr[-2000:]}"
        )
    return done.stdout


def install_product(share: Path) -> None:
    """Build the wheel here and unpack it where the machine finds it."""
    pip = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check"]
    isolation = (
        ["--no-build-isolation"] if importlib.util.find_spec("hatchling") else []
    )
    wheels = share / "wheels"
    wheel = [*pip, "wheel", "--no-deps", *isolation, str(ROOT), "-w", str(wheels)]
    checked(wheel, seconds=200)
    (built,) = wheels.glob("rtstyle-*.whl")
    checked(
        [*pip, "install", "--no-deps", "--target", str(share / "site"), str(built)],
        seconds=100,
    )


@pytest.fixture(scope="session")
def findings(tmp_path_factory: pytest.TempPathFactory) -> Findings:
    """Run everything in the machine once; a test then looks at one finding."""
    tool = find_camera_vm()
    if tool is None:
        text = "the camera machine (camera-vm) is not on this computer"
        if os.environ.get("CI"):
            pytest.fail(text)
        pytest.skip(text)
    packages = [word for name in GUEST_PACKAGES for word in ("--pip", name)]
    checked([tool, "build", *packages], seconds=500)
    share = tmp_path_factory.mktemp("share")
    install_product(share)
    write_inverting_style(share / "invert.onnx")
    for name in ("guest.py", "reader.py"):
        shutil.copy(HERE / name, share)
    options = ["--share", str(share), "--timeout", str(RUN_SECONDS), "--cpus", "2"]
    done = subprocess.run(
        [tool, "run", *options, "--env", "PYTHONPATH=/share/site"]
        + ["--", "python3", "guest.py"],
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS + 30,
        check=False,
    )
    found: Findings = {}
    for line in done.stdout.splitlines():
        if line.startswith('{"check"'):
            row = json.loads(line)
            found[row.pop("check")] = row
    if "end" not in found:
        pytest.fail(
            f"the machine ended with {done.returncode} after {list(found)}: "
            f"{done.stdout[-1500:]} {done.stderr[-1500:]}"
        )
    return found
