"""Styles that are learned before a film is painted, or beside a live picture."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import click
import cv2
import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("torch")

from rtstyle import load_style
from rtstyle.commands.options import DurationType
from rtstyle.commands.video import video
from rtstyle.commands.webcam import webcam
from rtstyle.errors import UsageError
from rtstyle.learning import beside, film, process
from rtstyle.learning.beside import NUM_PICTURES, LearnBeside, SeenSource
from rtstyle.learning.film import keep_learned, learned_style
from rtstyle.live.webcam import WebcamSettings, run_webcam
from rtstyle_streams.camera.capture import CaptureRequest
from rtstyle_streams.opening import open_source
from tests.tiny_styles import write_negative
from tests.train.test_learn import RECIPE
from tests.train.tiny_vgg import write_tiny_vgg

SAMPLE = "sample:96x64@10x40"


@pytest.fixture
def quick(tmp_path: Path) -> list[str]:
    """Options that make `rtstyle learn` quick."""
    (tmp_path / "quick.toml").write_text(RECIPE)
    vgg = write_tiny_vgg(tmp_path / "vgg.safetensors")
    recipe = str(tmp_path / "quick.toml")
    return ["--recipe", recipe, "--loss-weights", str(vgg), "--no-int8"]


def write_painting(path: Path) -> Path:
    """Write coloured squares."""
    cells = np.random.default_rng(3).integers(0, 256, (8, 10, 3), np.uint8)
    cv2.imwrite(str(path), np.kron(cells, np.ones((12, 12, 1), np.uint8)))
    return path


class Learned:
    """Stands for the process: writes a file and remembers how it was called."""

    def __init__(self, status: int = 0) -> None:
        self.status, self.calls = status, list[list[str]]()

    def __call__(self, words: Sequence[str]) -> int:
        self.calls.append(list(words))
        if not self.status:
            Path(words[words.index("--out") + 1]).write_bytes(b"style")
        return self.status


def test_a_film_is_learned_on_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    painting, clip = write_painting(tmp_path / "p.png"), tmp_path / "film.mp4"
    clip.write_bytes(b"one")
    run = Learned()
    monkeypatch.setattr(film, "run_to_end", run)
    path, status = learned_style(str(painting), str(clip), minutes=2.0)
    assert status == 0 and path.read_bytes() == b"style" and path.name[:2] == "p-"
    assert run.calls[0][run.calls[0].index("--on") + 1] == str(clip)
    assert learned_style(str(painting), str(clip), minutes=2.0) == (path, 0)
    assert len(run.calls) == 1
    other, _ = learned_style(str(painting), str(clip), minutes=3.0)
    clip.write_bytes(b"another")
    third, _ = learned_style(str(painting), str(clip), minutes=2.0)
    assert len({path, other, third}) == 3 and len(run.calls) == 3


def test_what_was_stopped_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    painting = write_painting(tmp_path / "p.png")
    run = Learned(status=5)
    monkeypatch.setattr(film, "run_to_end", run)
    path, status = learned_style(str(painting), SAMPLE, minutes=1.0)
    assert status == 5 and not path.exists() and "--resume" not in run.calls[0]
    folder = path.with_name(f".{path.stem}.learn")
    folder.mkdir()
    (folder / "weights.checkpoint.safetensors").touch()
    learned_style(str(painting), SAMPLE, minutes=1.0)
    assert run.calls[1][-1] == "--resume"


def test_the_oldest_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(film, "MOST_KEPT", 2)
    made = []
    for number in range(3):
        source = tmp_path / f"{number}.onnx"
        source.write_bytes(bytes([number]))
        made.append(keep_learned(source))
        made[-1].with_name(f"{made[-1].stem}.int8.onnx").touch()
        os.utime(made[-1], (number, number))
    film.forget_oldest(made[0].parent)
    assert [path.exists() for path in made] == [False, True, True]
    assert not made[0].with_name(f"{made[0].stem}.int8.onnx").exists()


@pytest.mark.parametrize(
    ("style", "source", "message"),
    [
        (None, SAMPLE, "expected one painting for --style, got none"),
        ("scream", SAMPLE, "expected one painting for --style, got scream"),
        ("PAINTING", "-", "expected a film, got -"),
    ],
)
def test_what_cannot_be_learned_is_one_line(
    tmp_path: Path, style: str | None, source: str, message: str
) -> None:
    painting = write_painting(tmp_path / "p.png")
    named = str(painting) if style == "PAINTING" else style
    with pytest.raises(UsageError, match=message):
        learned_style(named, source, minutes=1.0)


def test_without_training_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "entry_points", lambda group: ())
    painting = write_painting(tmp_path / "p.png")
    with pytest.raises(UsageError, match=r"rtstyle\[train\]"):
        learned_style(str(painting), SAMPLE, minutes=1.0)


def test_a_process_hands_on_its_status() -> None:
    assert process.run_to_end([sys.executable, "-c", "raise SystemExit(7)"]) == 7


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_a_process_is_waited_for_when_a_signal_comes(tmp_path: Path) -> None:
    mark = tmp_path / "ended well"
    child = (
        "import signal, sys, time, pathlib\n"
        "def end(*_): pathlib.Path(sys.argv[1]).touch(); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end); print('ready', flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = (
        "import sys\nfrom rtstyle.learning.process import run_to_end\n"
        "from rtstyle.process.signals import stopped_by_signals\n"
        "with stopped_by_signals():\n"
        f"    run_to_end([sys.executable, '-c', {child!r}, sys.argv[1]])\n"
    )
    running = subprocess.Popen(
        [sys.executable, "-c", parent, str(mark)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert running.stdout is not None
    assert running.stdout.readline() == b"ready\n"
    running.send_signal(signal.SIGTERM)  # the parent alone
    assert running.wait() != 0 and mark.exists()
    running.stdout.close()


def pictures(count: int) -> list[np.ndarray]:
    random = np.random.default_rng(0)
    small = random.integers(0, 256, (count, 9, 12, 3), np.uint8)
    return [cv2.resize(picture, (120, 90)) for picture in small]


@pytest.mark.slow
def test_better_styles_come_in_beside(
    tmp_path: Path, quick: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beside, "SAVE_SECONDS", 1.0)
    painting = write_painting(tmp_path / "my sea.png")
    learning = LearnBeside(painting, minutes=30.0, more=quick)
    better, has_two, lines = list[Path](), threading.Event(), list[str]()

    def take(path: Path) -> None:
        better.append(path)
        if len(better) == 2:
            has_two.set()

    learning.begin(on_better=take, say=lines.append)
    for number, picture in enumerate(pictures(NUM_PICTURES)):
        learning.see(picture, 2.0 * number)
        learning.see(picture, 2.0 * number + 0.1)  # too early for another
    assert len(list((learning.folder / "pictures").iterdir())) == NUM_PICTURES
    assert has_two.wait(240), lines
    newest = learning.close()
    assert newest is not None and load_style(newest).name == "my_sea"
    first, second = (load_style(path) for path in better[:2])
    assert first.model != second.model and first.title == second.title == "my sea"
    assert lines[0].startswith("learning my sea.png for 30 minutes")
    learning.forget()
    assert not learning.folder.exists()


def test_a_learning_that_fails_says_why(tmp_path: Path) -> None:
    painting = write_painting(tmp_path / "p.png")
    learning = LearnBeside(painting, minutes=1.0, more=["--recipe", "nowhere"])
    lines, is_over = list[str](), threading.Event()

    def say(line: str) -> None:
        lines.append(line)
        if "ended" in line:
            is_over.set()

    learning.begin(on_better=lambda path: None, say=say)
    for number, picture in enumerate(pictures(NUM_PICTURES)):
        learning.see(picture, 2.0 * number)
    assert is_over.wait(120)
    assert "no such file and no bundled recipe" in lines[-1]
    assert learning.close() is None
    learning.forget()


def test_frames_pass_while_they_are_looked_at() -> None:
    seen = []
    with open_source("sample:64x48@10x5") as source:
        frames = list(SeenSource(source, lambda pixels, at: seen.append(at)))
    assert len(frames) == 5 and seen == [frame.pts_seconds for frame in frames]


@pytest.mark.slow
def test_the_camera_shows_the_painting_and_then_what_was_learned(
    tmp_path: Path, quick: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beside, "EVERY_SECONDS", 0.0)
    monkeypatch.setattr(beside, "SAVE_SECONDS", 1.0)
    given = process.learn_words

    def words(*args: object, **options: object) -> list[str]:
        return [*given(*args, **options), *quick]  # type: ignore[arg-type]

    monkeypatch.setattr(beside, "learn_words", words)
    painting = write_painting(tmp_path / "p.png")
    stop, learned = threading.Event(), list[str]()
    settings = WebcamSettings(
        styles=(str(painting), str(write_negative(tmp_path))),
        camera="sample:",
        request=CaptureRequest(96, 64, 10),
        outputs=("null:",),
        learn_minutes=30.0,
        seconds=300.0,
    )
    from rtstyle.live.style_switcher import StyleSwitcher

    replaced = StyleSwitcher.replace

    def replace(self: StyleSwitcher, *args: object) -> None:
        replaced(self, *args)  # type: ignore[arg-type]
        stop.set()

    monkeypatch.setattr(StyleSwitcher, "replace", replace)
    run_webcam(
        settings, stop=stop, on_learned=lambda p: learned.append(load_style(p).name)
    )
    assert stop.is_set() and learned == ["p"]


@pytest.mark.parametrize(
    ("text", "minutes"), [("5m", 5), ("90s", 1.5), ("2", 2), ("1h", 60), ("0.5m", 0.5)]
)
def test_times_are_read(text: str, minutes: float) -> None:
    assert DurationType().convert(text, None, None) == pytest.approx(minutes)


@pytest.mark.parametrize("text", ["", "m", "-1m", "0", "5d", "nan", "1e9h", "5 m"])
def test_other_times_are_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="expected a time like 5m"):
        DurationType().convert(text, None, None)


def test_the_commands_say_what_is_missing(tmp_path: Path) -> None:
    words = ["sample:", str(tmp_path / "o.mp4"), "--style", "scream", "--learn", "1m"]
    with pytest.raises(UsageError, match="expected one painting"):
        CliRunner().invoke(video, words, catch_exceptions=False)
    many = ["a.mp4", "--out-dir", str(tmp_path), "--learn", "1m"]
    run = CliRunner().invoke(video, many)
    assert run.exit_code == 2 and "--learn needs one film" in run.output
    words = ["--camera", "sample:", "--style", "scream", "--learn", "--seconds", "1"]
    with pytest.raises(UsageError, match="expected one painting"):
        CliRunner().invoke(
            webcam, [*words, "--output", "null:"], catch_exceptions=False
        )
