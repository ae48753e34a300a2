"""Nothing is reported to anybody: no file of other makers, no connection."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.tiny_styles import write_negative

ROOT = Path(__file__).parents[1]
OURS = (".cache/rtstyle/", ".local/share/rtstyle/")
"""Folders of a home that the user pages name."""
WATCHED = """
import os, sys
def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        where = arguments[1] if event == "socket.connect" else arguments[0]
        if event != "socket.connect" or isinstance(where, tuple):
            os.write(2, f"CONNECTION {event} {where}".encode())
            os._exit(99)
sys.addaudithook(watch)
"""
"""Ends a process that opens a connection; sockets of this machine's screen are none."""
WITH_TORCH = ("import", "export", "evaluate", "train")
needs_torch = pytest.mark.skipif(
    find_spec("torch") is None, reason="torch is not installed"
)
needs_openvino = pytest.mark.skipif(
    find_spec("openvino") is None, reason="openvino is not installed"
)


def run_watched(code: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run Python code in an empty home with nothing but it in the environment."""
    folders = [
        str(ROOT),
        *(str(ROOT / name) for name in ("streams", "train", "export")),
    ]
    environment = {
        "HOME": str(home),
        "USERPROFILE": str(home),
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(folders),
        "RTSTYLE_RUNTIME": "onnxruntime",
    }
    return subprocess.run(
        [sys.executable, "-c", WATCHED + code],
        env=environment,
        cwd=home.parent,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


def foreign_files(home: Path) -> list[str]:
    """Return what lies in a home and is not ours."""
    found = [path.relative_to(home).as_posix() for path in home.rglob("*")]
    files = [name for name in found if not (home / name).is_dir()]
    return sorted(name for name in files if not name.startswith(OURS))


COMMANDS = [
    pytest.param("video sample:64x48@30x4 out.mp4 --style negative.onnx", id="video"),
    pytest.param("image in.png out.png --style negative.onnx", id="image"),
    pytest.param("image in.png out2.png --style in.png", id="image of a painting"),
    pytest.param(
        "webcam --camera sample: --output null: --seconds 1 --style negative.onnx "
        "--style negative.onnx",
        id="webcam",
    ),
    pytest.param("styles list", id="styles list"),
    pytest.param("styles show starry_night", id="styles show"),
    pytest.param("styles add negative.onnx", id="styles add"),
    pytest.param("styles cache", id="styles cache"),
    pytest.param("cameras", id="cameras"),
    pytest.param("doctor", id="doctor", marks=pytest.mark.slow),
    pytest.param(
        "bench --size 64x48 --styles starry_night --frames 4",
        id="bench",
        marks=pytest.mark.slow,
    ),
    pytest.param(
        "demo --out demo --width 64 --height 64 --frames 1 --style starry_night",
        id="demo",
        marks=pytest.mark.slow,
    ),
    pytest.param(
        "image in.png out3.png --style negative.onnx --runtime openvino",
        id="openvino",
        marks=[needs_openvino, pytest.mark.slow],
    ),
    pytest.param("--help", id="help"),
    *(
        pytest.param(words, id=words, marks=[needs_torch, pytest.mark.slow])
        for words in (
            "import weights.pth made.onnx",
            "export starry_night s.fp16.onnx --fp16 --calibration photos",
            "export starry_night s.int8.onnx --int8 --calibration photos",
            "evaluate negative.onnx --photos in.png --painting in.png --size 300 "
            "--held-out-weights vgg.safetensors --no-speed",
            "train image in.png --content photos --out made.safetensors --steps 1 "
            "--batch-size 1 --network tiny --loss-weights vgg.safetensors",
        )
    ),
]


@pytest.mark.parametrize("words", COMMANDS)
def test_a_command_leaves_only_files_of_ours_and_connects_to_nobody(
    words: str, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    write_negative(tmp_path)
    write_material(tmp_path, with_torch=words.startswith(WITH_TORCH))
    code = f"from rtstyle.cli import main; main({words.split()!r})"
    run = run_watched(code, home)
    wanted = (0, 1) if words == "doctor" else (0,)  # what it finds is not ours
    assert run.returncode in wanted, run.stderr
    assert foreign_files(home) == []


def write_material(folder: Path, *, with_torch: bool) -> None:
    """Write a painting and, for the commands of torch, photographs and networks."""
    noise = np.random.default_rng(0).integers(0, 256, (300, 340, 3), np.uint8)
    cv2.imwrite(str(folder / "in.png"), noise)
    if not with_torch:
        return
    import torch

    from rtstyle.networks.johnson import JohnsonNet
    from tests.train.tiny_vgg import write_tiny_vgg

    (folder / "photos").mkdir()
    for number in range(24):
        cv2.imwrite(str(folder / "photos" / f"{number}.png"), noise[number:, number:])
    torch.save(JohnsonNet(width=4).state_dict(), folder / "weights.pth")
    write_tiny_vgg(folder / "vgg.safetensors")


@pytest.mark.parametrize("name", ["Stylizer", "Pipeline", "load_style"])
def test_the_names_for_python_leave_only_files_of_ours(
    name: str, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    write_negative(tmp_path)
    run = run_watched(
        "import rtstyle, numpy as np\n"
        f"getattr(rtstyle, {name!r})\n"
        "with rtstyle.Stylizer('negative.onnx') as stylize:\n"
        "    stylize(np.zeros((48, 64, 3), np.uint8))\n",
        home,
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert foreign_files(home) == []


def test_the_watch_sees_a_connection(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    run = run_watched(
        "import socket\nsocket.create_connection(('127.0.0.1', 9))", tmp_path / "home"
    )
    assert run.returncode == 99
