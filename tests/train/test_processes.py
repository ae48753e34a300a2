"""Training on two processes: the same losses as one, one result, and one end."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from rtstyle.networks.weights_file import load_weights
from rtstyle_train.methods.johnson import share_of_batch

ROOT = Path(__file__).parents[2]
LAUNCH = ("-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2")
"""`accelerate launch`; without a GPU its --multi_gpu means several CPU processes."""
QUIET = ("--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no")
RECIPE = """
network = "tiny"
scales = [1]
size = 32
smallest_crop = 40
margin = 8
steps = 6
batch_size = 2
border_weight = 0.0
batch_style = 0.0
content_layers = ["relu1_2"]
style_layers = ["relu1_1", "relu1_2"]
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="no gloo, no SIGINT to a group"),
]


@pytest.fixture
def room(tmp_path: Path) -> Path:
    """A folder with photographs, a painting, a small VGG and a recipe."""
    random = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    for k in range(3):
        smooth = cv2.resize(random.integers(0, 256, (9, 12, 3), np.uint8), (120, 100))
        cv2.imwrite(str(tmp_path / "photos" / f"{k}.png"), smooth)
    painting = cv2.resize(random.integers(0, 256, (40, 50, 3), np.uint8), (100, 80))
    cv2.imwrite(str(tmp_path / "painting.png"), painting)
    torch.manual_seed(0)
    tensors: dict[str, torch.Tensor] = {}
    for name, (inputs, outputs) in {"conv1_1": (3, 8), "conv1_2": (8, 8)}.items():
        conv = torch.nn.Conv2d(inputs, outputs, 3)
        tensors |= {f"{name}.{k}": v for k, v in conv.state_dict().items()}
    save_file(tensors, tmp_path / "vgg.safetensors")
    (tmp_path / "recipe.toml").write_text(RECIPE, "utf-8")
    return tmp_path


def start(room: Path, out: str, *more: str, two: bool) -> "subprocess.Popen[str]":
    words = ["-m", "rtstyle", "train", "image", "painting.png", "--content", "photos"]
    words += ["--recipe", "recipe.toml", "--loss-weights", "vgg.safetensors"]
    words += ["--out", out, *more]
    launch = [*LAUNCH, *QUIET] if two else []
    places = [ROOT, *(ROOT / name for name in ("streams", "train", "export"))]
    own = {"PYTHONPATH": os.pathsep.join(map(str, places)), "OMP_NUM_THREADS": "1"}
    with (room / "stderr.txt").open("w") as stderr:
        return subprocess.Popen(
            [sys.executable, *launch, *words],
            cwd=room,
            env=os.environ | own | {"ACCELERATE_USE_CPU": "true"},
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            text=True,
            start_new_session=True,
        )


def run(room: Path, out: str, *more: str, two: bool) -> None:
    process = start(room, out, *more, two=two)
    process.communicate(timeout=240)
    assert process.returncode == 0, said(room)


def said(room: Path) -> str:
    return (room / "stderr.txt").read_text("utf-8", "replace")


@pytest.fixture
def stopped(room: Path) -> Iterator[Path]:
    """A training of two processes that Ctrl-C has ended; its folder."""
    process = start(room, "two.safetensors", "--steps", "100000", two=True)
    try:
        while "loss" not in said(room):
            assert process.poll() is None, said(room)
            time.sleep(0.1)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        process.communicate(timeout=60)
        assert process.returncode != 0
        assert said(room).count("stopped; go on with") == 1
        with pytest.raises(ProcessLookupError):
            os.killpg(process.pid, 0)  # none of them is left
        yield room
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def test_two_processes_learn_what_one_does_with_as_large_a_batch(room: Path) -> None:
    run(room, "one.safetensors", "--batch-size", "4", two=False)
    run(room, "two.safetensors", two=True)
    one, two = (load_weights(room / f"{n}.safetensors") for n in ("one", "two"))
    assert one.trained["steps"] == two.trained["steps"] == 6
    for name, loss in one.trained["loss"].items():
        assert two.trained["loss"][name] == pytest.approx(loss, rel=1e-4), name
    assert said(room).count("written; next") <= 1
    assert not list(room.glob("*checkpoint*"))


def test_ctrl_c_ends_both_and_one_process_goes_on(stopped: Path) -> None:
    assert len(list(stopped.glob("*checkpoint*"))) == 1
    run(stopped, "two.safetensors", "--resume", "--steps", "3", two=False)
    assert load_weights(stopped / "two.safetensors").trained["steps"] >= 3


def test_each_process_takes_its_share_of_one_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert share_of_batch(4, 0) == (slice(0, 4), 4)
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 3)
    assert [share_of_batch(4, rank)[0].start for rank in range(3)] == [0, 4, 8]
    assert share_of_batch(4, 1)[1] == 12
