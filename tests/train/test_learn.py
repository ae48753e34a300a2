"""From a painting to a style of its own, on a film, a folder and the sample scene."""

import os
import signal
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from rtstyle import Stylizer, load_style
from rtstyle.errors import RtstyleError
from rtstyle_streams.errors import StreamError
from rtstyle_train.commands.learn import learn_command
from tests.train.tiny_vgg import write_tiny_vgg

RECIPE = """
content_layers = ["relu3_1"]
style_layers = ["relu1_1", "relu2_1"]
loss_precision = "fp32"
scales = [1]
temporal_weight = 4.0
size = 64
margin = 8
smallest_crop = 40
batch_size = 2
learning_rate = 1e-3
"""


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a painting, photographs, a small VGG and a quick recipe."""
    random = np.random.default_rng(0)
    cells = random.integers(0, 256, (8, 10, 3), np.uint8)
    painting = np.kron(cells, np.ones((12, 12, 1), np.uint8))
    cv2.imwrite(str(tmp_path / "my picture.png"), painting)
    (tmp_path / "photos").mkdir()
    for number in range(3):
        cells = random.integers(0, 256, (9, 12, 3), np.uint8)
        smooth = cv2.resize(cells, (120, 100))
        cv2.imwrite(str(tmp_path / "photos" / f"{number}.png"), smooth)
    write_tiny_vgg(tmp_path / "vgg.safetensors")
    (tmp_path / "quick.toml").write_text(RECIPE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def learned(*words: str) -> Result:
    own = ["--recipe", "quick.toml", "--loss-weights", "vgg.safetensors"]
    return CliRunner().invoke(
        learn_command, ["my picture.png", *own, *words], catch_exceptions=False
    )


def frame() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (48, 64, 3), np.uint8)


def painted(style: str) -> np.ndarray:
    with Stylizer(load_style(style), device="cpu", precision="fp32") as stylizer:
        return stylizer(frame()).astype(int)


@pytest.mark.slow
def test_a_film_teaches_a_style_that_begins_at_the_painting(room: Path) -> None:
    run = learned("--on", "sample:96x64@10x60", "--steps", "2", "--no-int8")
    assert "my picture.onnx: written" in run.output
    style = load_style(room / "my picture.onnx")
    assert style.kind == "image" and style.name == "my_picture"
    assert style.card["painting"]["file"] == "my picture.png"
    assert style.card["learned_on"] == "sample:96x64@10x60"
    assert style.card["trained"]["loss"].keys() >= {"style", "temporal_output"}
    at_once, after = painted("my picture.png"), painted("my picture.onnx")
    assert 0 < np.abs(at_once - after).mean() < 6  # two steps from where it began
    assert not (room / ".my picture.learn").exists()


@pytest.mark.slow
def test_a_folder_teaches_it_too_and_says_why_there_is_no_twin(
    room: Path, caplog: pytest.LogCaptureFixture
) -> None:
    learned("--on", "photos", "--steps", "1", "--out", "x.onnx")
    assert load_style(room / "x.onnx").card["learned_on"] == "photos"
    assert "no int8 twin: expected at least 24 pictures" in caplog.text
    assert not (room / "x.int8.onnx").exists()


@pytest.mark.slow
def test_the_twin_lies_beside_it(room: Path) -> None:
    run = learned("--on", "sample:96x64@10x90", "--steps", "1", "--out", "x.onnx")
    if "x.int8.onnx" in run.output:
        card = load_style(room / "x.int8.onnx").card
        assert card["precision"] == "int8" and card["int8"]["psnr_db"] >= 36
    else:  # refused by the gate: nothing of it is left
        assert not (room / "x.int8.onnx").exists()


@pytest.mark.slow
def test_ctrl_c_keeps_what_was_learned_and_it_goes_on(room: Path) -> None:
    target = room / "x.onnx"
    words = ("--on", "photos", "--out", "x.onnx", "--save-every", "1", "--no-int8")

    def stop() -> None:
        while not target.exists():
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=stop, daemon=True)
    thread.start()
    assert learned(*words, "--steps", "100000").exit_code == 1
    thread.join()
    before = target.read_bytes()
    assert load_style(target).name == "my_picture"
    assert (room / ".x.learn" / "weights.checkpoint.safetensors").exists()
    learned(*words, "--steps", "3", "--resume")
    assert load_style(target).card["trained"]["steps"] > 3  # both runs together
    assert target.read_bytes() != before
    assert not (room / ".x.learn").exists()


def test_what_exists_is_left_alone(room: Path) -> None:
    (room / "x.onnx").write_text("mine")
    with pytest.raises(RtstyleError, match="exists already"):
        learned("--on", "photos", "--steps", "1", "--out", "x.onnx")
    assert (room / "x.onnx").read_text() == "mine"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--on", "nothing.mp4"), "nothing.mp4"),
        (("--on", "quick.toml"), "quick.toml"),
        (("--on", "sample:16x16@5x30"), "expected frames of at least 32 pixels"),
        (("--on", "photos", "--out", "x.txt"), "ends in .onnx"),
        (("--recipe", "nowhere"), "no such file and no bundled recipe"),
    ],
)
def test_what_makes_no_sense_is_one_line(
    room: Path, words: tuple[str, ...], message: str
) -> None:
    with pytest.raises((RtstyleError, StreamError), match=message) as error:
        learned("--steps", "1", *words)
    assert "\n" not in str(error.value)
    assert not list(room.glob("*.onnx"))


def test_no_painting_is_one_line(room: Path) -> None:
    words = ["quick.toml", "--on", "photos"]
    with pytest.raises(RtstyleError) as error:
        CliRunner().invoke(learn_command, words, catch_exceptions=False)
    assert "quick.toml" in str(error.value) and "\n" not in str(error.value)


@pytest.mark.slow
def test_the_norms_alone_become_a_modulation(room: Path) -> None:
    recipe = RECIPE + 'learned = "norms"\noptimizer = "adam"\n'
    (room / "quick.toml").write_text(recipe)
    run = learned("--on", "photos", "--steps", "3", "--out", "mine.json")
    assert "mine.json: written" in run.output
    assert (room / "mine.json").stat().st_size < 20_000
    style, start = load_style(room / "mine.json"), load_style(room / "my picture.png")
    assert style.modulation is not None and start.modulation is not None
    change = np.abs(style.modulation - start.modulation)
    assert 0 < change.mean() < 0.1, "three steps from where it began"
    assert not (room / ".mine.learn").exists()
    assert 0 < np.abs(painted("my picture.png") - painted("mine.json")).mean() < 20


def test_a_modulation_wants_a_recipe_for_norms(room: Path) -> None:
    with pytest.raises(RtstyleError, match="expected a recipe that learns norms alone"):
        learned("--on", "photos", "--out", "mine.json")
