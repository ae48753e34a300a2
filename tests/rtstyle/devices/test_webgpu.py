"""Styles on WebGPU for real, on an adapter that the CPU stands in for.

The tests bring onnxruntime-webgpu into a folder of their own and put it before the
onnxruntime that is installed, in processes of their own. They need a Vulkan driver that
WebGPU takes, such as the one that comes with Chromium.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).parents[3]
DRIVER = Path("/usr/lib/chromium/vk_swiftshader_icd.json")
"""Where Debian's Chromium has its Vulkan driver."""
PACKAGE = "onnxruntime-webgpu==1.27.0"
VARIABLE = "RTSTYLE_WEBGPU_PACKAGES"
"""Environment variable: a folder that has the package already."""
MOST_APART, MOST_SHARE = 1, 0.001
"""Levels of 255, and share of the bytes that differ at all."""

pytestmark = [pytest.mark.webgpu, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the environment of a process that has WebGPU."""
    icd = os.environ.get("VK_ICD_FILENAMES") or str(DRIVER)
    if not Path(icd.partition(os.pathsep)[0]).is_file():
        pytest.skip(f"no Vulkan driver at {icd}; install chromium")
    named = os.environ.get(VARIABLE)
    packages = Path(named) if named else tmp_path_factory.mktemp("packages")
    if not named:
        _install(packages)
    ours = [ROOT, *(ROOT / name for name in ("streams", "train", "export"))]
    path = os.pathsep.join(str(folder) for folder in (packages, *ours))
    return os.environ | {"PYTHONPATH": path, "VK_ICD_FILENAMES": icd}


def _install(folder: Path) -> None:
    words = ["-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder)]
    run = subprocess.run(
        [sys.executable, *words, PACKAGE], capture_output=True, text=True, check=False
    )
    if run.returncode:
        pytest.skip(f"no {PACKAGE}: {run.stderr.strip()[-200:]}")


def run(words: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, *words],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def rows(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> list[dict[str, Any]]:
    """Return every comparison: a style at two sizes, a painting, and the gate."""
    random = np.random.default_rng(2)
    blocks = random.integers(0, 256, (16, 16, 3), np.uint8).repeat(16, 0).repeat(16, 1)
    painting = tmp_path_factory.mktemp("paintings") / "blocks.png"
    cv2.imwrite(str(painting), blocks)
    script = str(ROOT / "tests" / "rtstyle" / "devices" / "webgpu_parity.py")
    words = [script, "starry_night", str(painting), "@33x17", "@40x24", "--gate"]
    lines = run(words, environment).splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("style", ["^starry_night$", r"blocks\.png$", r" gate \d$"])
def test_webgpu_paints_what_the_cpu_paints(
    rows: list[dict[str, Any]], style: str
) -> None:
    found = [row for row in rows if re.search(style, row["style"])]
    assert len(found) >= 2
    for row in found:
        assert row["largest"] <= MOST_APART and row["share"] <= MOST_SHARE, row
        assert row["spread"] > 5.0, "a flat picture would prove nothing"


def test_the_adapter_is_listed_and_not_chosen_by_itself(
    environment: dict[str, str],
) -> None:
    words = ["-m", "rtstyle", "devices", "--json"]
    rows = json.loads(run(words, environment))["devices"]
    (adapter,) = [row for row in rows if row["name"] == "webgpu:0"]
    assert (
        adapter["is_software"] and not adapter["fault"] and "Swift" in adapter["model"]
    )
    code = "from rtstyle.runtime import resolve_device; print(resolve_device('auto'))"
    assert run(["-c", code], environment).strip() == "cpu"


def test_fp16_needs_an_adapter_that_has_it(environment: dict[str, str]) -> None:
    code = (
        "from rtstyle.runtime.devices.fp16 import require_fp16\n"
        "from rtstyle.errors import RuntimeUnavailableError\n"
        "try: require_fp16('webgpu:0')\n"
        "except RuntimeUnavailableError as error: print(error)\n"
    )
    said = run(["-c", code], environment)
    assert "expected a device that computes in fp16, got webgpu:0" in said
    assert "does not support it" in said and said.strip().count("\n") == 0


def test_without_a_driver_one_line_says_so(environment: dict[str, str]) -> None:
    code = (
        "from rtstyle.runtime import open_session\n"
        "from rtstyle.errors import RuntimeUnavailableError\n"
        "from tests.tiny_styles import negative_model\n"
        "try: open_session(negative_model(), device='webgpu:0')\n"
        "except RuntimeUnavailableError as error: print(error)\n"
    )
    said = run(["-c", code], environment | {"VK_ICD_FILENAMES": "/nowhere.json"})
    assert said.strip().endswith("install the GPU's driver, or use --device cpu")
