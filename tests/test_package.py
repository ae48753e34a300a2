"""What pip installs: no torch, nothing forgotten, and it runs."""

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel once."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    subprocess.run([*command, "--wheel-dir", str(folder), str(ROOT)], check=True)
    return next(folder.glob("*.whl"))


@pytest.mark.slow
def test_the_wheel_holds_styles_recipes_and_types(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    packages = {name.partition("/")[0] for name in names}
    ours = {"rtstyle", "rtstyle_streams", "rtstyle_train", "rtstyle_export"}
    assert ours == {name for name in packages if not name.endswith(".dist-info")}
    for package in ours:
        assert f"{package}/py.typed" in names
    assert "rtstyle_train/recipes/gallery.toml" in names
    assert "rtstyle_train/distillation/rtstyle_loss.safetensors" in names
    for folder in ("rtstyle/styles", "rtstyle/paintings"):
        bundled = [path.name for path in (ROOT / folder).glob("*.onnx")]
        assert bundled and all(f"{folder}/{name}" in names for name in bundled)


@pytest.mark.slow
def test_the_wheel_holds_no_pages_and_no_experiments(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert (ROOT / "rtstyle" / "README.md").exists()
    assert not [name for name in names if name.endswith("README.md")]
    assert not [name for name in names if "rtstyle_experiments" in name]
    assert not [name for name in names if name.endswith(".csv")]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_demo_runs_where_torch_is_not(wheel: Path, tmp_path: Path) -> None:
    home = tmp_path / "an environment"
    venv.create(home, with_pip=True)
    scripts = home / ("Scripts" if os.name == "nt" else "bin")
    python = str(scripts / "python")
    subprocess.run([python, "-m", "pip", "install", "--quiet", str(wheel)], check=True)
    listed = subprocess.run(
        [python, "-m", "pip", "list"], capture_output=True, text=True, check=True
    ).stdout
    assert "torch" not in listed and "onnxruntime" in listed
    words = ["demo", "--width", "320", "--height", "180", "--frames", "3"]
    run = subprocess.run(
        [str(scripts / "rtstyle"), *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "rtstyle-demo" / "demo.mp4").stat().st_size > 1000
    refused = subprocess.run(
        [str(scripts / "rtstyle"), "train", "image", str(home), "--content", str(home)]
        + ["--out", "x.safetensors"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 1
    assert "pip install 'rtstyle[train]'" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
