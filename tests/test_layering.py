"""Imports run down only, and torch stays upstairs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAY_IMPORT = {  # package: the packages of ours that it may import
    "streams/rtstyle_streams": set(),
    "rtstyle": {"rtstyle_streams"},
    "train/rtstyle_train": {"rtstyle", "rtstyle_streams"},
    "export/rtstyle_export": {"rtstyle", "rtstyle_streams"},
}
OURS = {Path(folder).name for folder in MAY_IMPORT}
TORCH = {"torch", "torchvision", "open_clip", "safetensors", "accelerate"}
HEAVY = ("numpy", "cv2", "av", "onnxruntime", "torch", "onnx")


def imported(path: Path) -> set[str]:
    """Top-level packages that a file imports, at any depth of the file."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.partition(".")[0])
    return names


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_imports_run_downwards(folder: str) -> None:
    own = Path(folder).name
    paths = list((ROOT / folder).rglob("*.py"))
    assert paths
    for path in paths:
        upward = (imported(path) & OURS) - MAY_IMPORT[folder] - {own}
        assert not upward, f"{path.relative_to(ROOT)} imports {upward}"


@pytest.mark.parametrize("folder", [*MAY_IMPORT, "train", "tests"])
def test_one_module_imports_what_would_report_its_use(folder: str) -> None:
    for path in (ROOT / folder).rglob("*.py"):
        found = imported(path) & {"onnxruntime", "openvino"}
        assert not found, f"{path.relative_to(ROOT)}: use rtstyle.telemetry for {found}"


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_one_module_writes_to_the_terminal(folder: str) -> None:
    may = {ROOT / "rtstyle" / "process" / "terminal.py", ROOT / "rtstyle" / "cli.py"}
    for path in set((ROOT / folder).rglob("*.py")) - may:
        found = "click.echo" in path.read_text("utf-8")
        assert not found, f"{path.relative_to(ROOT)}: use rtstyle.process.terminal"


@pytest.mark.parametrize("folder", ["streams", "train", "export"])
def test_root_folders_hold_no_loose_modules(folder: str) -> None:
    # an editable install puts these folders on sys.path: a loose module here
    # would be importable by its bare name
    assert not list((ROOT / folder).glob("*.py"))


@pytest.mark.parametrize("folder", ["rtstyle", "streams/rtstyle_streams"])
def test_what_runs_styles_never_imports_torch(folder: str) -> None:
    for path in (ROOT / folder).rglob("*.py"):
        if "networks" in path.parts:
            continue
        assert not imported(path) & TORCH, f"{path.relative_to(ROOT)} imports torch"


def test_root_holds_what_was_asked_for_and_no_more() -> None:
    allowed = {"rtstyle", "export", "train", "streams", "tests", "pyproject.toml"}
    allowed |= {"README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md"}
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("no git checkout")
    roots = {line.partition("/")[0] for line in listed.stdout.splitlines()}
    assert {name for name in roots if not name.startswith(".")} <= allowed


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from rtstyle.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        f"heavy = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "sys.stderr.write(' '.join(heavy))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env=_environment(),
    )
    assert "webcam" in run.stdout and "demo" in run.stdout
    assert run.stderr == ""


def _environment() -> dict[str, str]:
    import os

    folders = [
        str(ROOT),
        *(str(ROOT / name) for name in ("streams", "train", "export")),
    ]
    return os.environ | {"PYTHONPATH": os.pathsep.join(folders)}


@pytest.mark.parametrize("package", sorted(OURS))
def test_every_package_is_typed(package: str) -> None:
    folder = next(ROOT / name for name in MAY_IMPORT if Path(name).name == package)
    assert (folder / "py.typed").exists()
