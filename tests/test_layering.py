"""Imports run down only, and torch stays upstairs."""

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAY_IMPORT = {  # package: the packages of ours that it may import
    "streams/rtstyle_streams": set(),
    "rtstyle": {"rtstyle_streams"},
    # what is learned in one go is exported there, too: the room `learning` alone
    "train/rtstyle_train": {"rtstyle", "rtstyle_streams", "rtstyle_export"},
    "export/rtstyle_export": {"rtstyle", "rtstyle_streams"},
    "train/rtstyle_experiments": {"rtstyle", "rtstyle_streams", "rtstyle_train"},
}
ROOMS = {  # package: room: the rooms and root modules of it that it imports
    "streams/rtstyle_streams": {
        "camera": "errors fitting frame live_frame managed pacing protocols",
        "network": "errors fitting frame live_frame managed pacing protocols sound",
        "pictures": "errors frame managed part_file protocols video",
        "sample": "errors frame managed protocols",
        "sound": "errors frame",
        "standard": "errors frame managed protocols",
        "video": "errors frame managed part_file protocols sound",
    },
    "rtstyle": {
        "benchmark": "errors gallery metrics offline runtime smoothing style_file "
        "stylizer telemetry twins",
        "commands": "benchmark choices doctor errors gallery learning live look looks "
        "offline "
        "paintings process studio style_file",
        "doctor": "errors gallery offline paintings runtime style_file stylizer "
        "telemetry",
        "drawing": "errors",
        "gallery": "errors look paintings style_file style_trial twins untrusted "
        "user_files",
        "learning": "errors gallery paintings untrusted user_files",
        "live": "choices errors gallery learning look looks masks paintings runtime "
        "smoothing style_file stylizer",
        "looks": "choices errors",
        "masks": "errors look runtime smoothing untrusted",
        "metrics": "smoothing",
        "networks": "errors untrusted user_files",
        "offline": "drawing errors gallery look masks painted_frames smoothing "
        "style_file stylizer "
        "user_files",
        "painted_frames": "errors smoothing stylizer",
        "paintings": "errors metrics quantised runtime style_file untrusted user_files",
        "quantised": "errors runtime",
        "runtime": "choices errors process smoothing style_file telemetry user_files",
        "smoothing": "choices errors",
        "studio": "choices errors gallery live look looks masks offline paintings "
        "smoothing style_file stylizer twins user_files",
        "stylizer": "errors gallery look looks masks paintings runtime smoothing "
        "style_file twins",
        "untrusted": "errors",
    },
    "train/rtstyle_train": {
        "clip": "config errors losses",
        "commands": "config distillation drawings evaluation jobs learning methods",
        "config": "errors",
        "data": "config errors",
        "distillation": "data errors loop loss_networks losses",
        "evaluation": "errors loss_networks losses",
        "jobs": "clip config data errors evaluation loop loss_networks losses methods",
        "learning": "config data errors jobs loop",
        "loop": "errors",
        "losses": "config data errors loss_networks",
        "methods": "clip config data errors loss_networks losses",
    },
    "export/rtstyle_export": {
        "int8": "errors",
        "programs": "errors",
    },
    "train/rtstyle_experiments": {
        "text_bands": "small_clip",
    },
}
MOST_LOOSE_MODULES = {"streams/rtstyle_streams": 14, "export/rtstyle_export": 14}
"""In the root of a package, where it is not `TEN`."""
TEN = 10
NOT_COUNTED = {"__init__.py", "__main__.py"}
OURS = {Path(folder).name for folder in MAY_IMPORT}
TORCH = {"torch", "torchvision", "open_clip", "safetensors", "accelerate"}
HEAVY = ("numpy", "cv2", "av", "onnxruntime", "torch", "onnx")


def imported_modules(path: Path) -> set[str]:
    """Dotted names that a file imports, at any depth of the file."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def imported(path: Path) -> set[str]:
    """Top-level packages that a file imports, at any depth of the file."""
    return {name.partition(".")[0] for name in imported_modules(path)}


def arrows(folder: str) -> dict[str, set[str]]:
    """What each room of a package imports of the package's other rooms and modules."""
    package = Path(folder).name
    found: dict[str, set[str]] = {}
    for path in (ROOT / folder).rglob("*.py"):
        parts = path.relative_to(ROOT / folder).parts
        room = parts[0] if len(parts) > 1 else path.stem
        for name in imported_modules(path):
            first, *rest = name.split(".")
            if first == package and rest and rest[0] != room:
                found.setdefault(room, set()).add(rest[0])
    return found


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_imports_run_downwards(folder: str) -> None:
    own = Path(folder).name
    paths = list((ROOT / folder).rglob("*.py"))
    assert paths
    for path in paths:
        upward = (imported(path) & OURS) - MAY_IMPORT[folder] - {own}
        assert not upward, f"{path.relative_to(ROOT)} imports {upward}"


def test_one_room_of_training_exports() -> None:
    train = ROOT / "train" / "rtstyle_train"
    found = {
        path.relative_to(train).parts[0]
        for path in train.rglob("*.py")
        if "rtstyle_export" in imported(path)
    }
    assert found == {"learning"}


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_rooms_import_what_the_table_says(folder: str) -> None:
    found = arrows(folder)
    rooms = {path.name for path in (ROOT / folder).iterdir() if path.is_dir()}
    table = {room: set(names.split()) for room, names in ROOMS[folder].items()}
    assert {room: names for room, names in found.items() if room in rooms} == table


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_no_room_is_imported_by_what_it_imports(folder: str) -> None:
    graph = {room: names - {"__version__"} for room, names in arrows(folder).items()}
    graph.pop("__init__", None)  # hands out public names when they are first used
    order = graphlib.TopologicalSorter(graph)
    order.prepare()  # raises CycleError, which names the circle


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_no_package_root_is_crowded(folder: str) -> None:
    loose = {path.name for path in (ROOT / folder).glob("*.py")} - NOT_COUNTED
    assert len(loose) <= MOST_LOOSE_MODULES.get(folder, TEN), sorted(loose)


def test_nothing_imports_the_experiments() -> None:
    for folder in MAY_IMPORT:
        if folder.endswith("rtstyle_experiments"):
            continue
        for path in (ROOT / folder).rglob("*.py"):
            assert "rtstyle_experiments" not in imported(path), path


@pytest.mark.parametrize("folder", [*MAY_IMPORT, "train", "tests"])
def test_one_module_imports_what_would_report_its_use(folder: str) -> None:
    for path in (ROOT / folder).rglob("*.py"):
        found = imported(path) & {"onnxruntime", "openvino"}
        assert not found, f"{path.relative_to(ROOT)}: use rtstyle.telemetry for {found}"


@pytest.mark.parametrize("folder", [*MAY_IMPORT, "tests/comparison", "tests/golden"])
def test_no_path_reaches_opencv_as_text(folder: str) -> None:
    """A name that is not UTF-8 ends the process there; cameras are no files."""
    by_name = {"imread", "imwrite", "VideoWriter", "VideoCapture", "FileStorage"}
    cameras = ROOT / "streams" / "rtstyle_streams" / "camera" / "capture.py"
    for path in set((ROOT / folder).rglob("*.py")) - {cameras}:
        calls = [
            node.func.attr
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "cv2"
        ]
        found = [
            n for n in calls if n in by_name or n.startswith(("imread", "imwrite"))
        ]
        assert not found, f"{path.relative_to(ROOT)}: read and write bytes, not {found}"


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
