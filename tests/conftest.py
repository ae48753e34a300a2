"""What all tests share: the shared material, and skips that CI does not forgive."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.chromium import browser, camera_film

__all__ = ["browser", "camera_film"]

if (
    os.name == "posix"
):  # nohup ignores it, and the programs tested here would inherit that
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

settings.register_profile("rtstyle", deadline=None)  # a busy machine is no failure
settings.load_profile("rtstyle")

ROOT = Path(__file__).parents[1]
UNFORGIVEN = {"shared", "camera_vm", "display", "browser", "webgpu"}
"""Markers of tests that CI may not skip."""


def shared_folder() -> Path | None:
    """Return the shared material's folder: $RTSTYLE_SHARED, or beside the project."""
    named = os.environ.get("RTSTYLE_SHARED")
    folder = Path(named) if named else ROOT.parent / "shared"
    return folder.resolve() if (folder / "data").is_dir() else None


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of the shared material."""
    folder = shared_folder()
    if folder is None:
        pytest.skip("no shared material at ../shared or $RTSTYLE_SHARED")
    return folder


@pytest.fixture(autouse=True)
def own_folders(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keep the user's own styles and caches out of the tests."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    monkeypatch.setenv("RTSTYLE_RUNTIME", "onnxruntime")  # auto would measure first
    monkeypatch.setenv("RTSTYLE_PRECISION", "int8")  # and this one too


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Iterator[None]:
    """Turn skips that CI does not forgive into failures."""
    report = yield
    is_strict = os.environ.get("CI") == "true"
    wants_gpu = os.environ.get("RTSTYLE_REQUIRE_GPU") == "1"
    if isinstance(report, pytest.TestReport) and report.skipped:
        marks = {mark.name for mark in item.iter_markers()}
        is_unforgiven = is_strict and bool(marks & UNFORGIVEN)
        if is_unforgiven or (wants_gpu and "gpu" in marks):
            report.outcome = "failed"
            report.longrepr = (
                f"{item.nodeid}: may not be skipped here: {report.longrepr}"
            )
    return report
