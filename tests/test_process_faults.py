"""Fault injection: command, moment, signal or error, and what must be left."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from rtstyle.process.terminal import json_text, shown, takes_colours
from rtstyle_streams.video.reader import VideoReader
from tests.tiny_styles import write_negative

ROOT = Path(__file__).parents[1]
ENVIRONMENT = os.environ | {
    "PYTHONPATH": os.pathsep.join(
        [str(ROOT), *(str(ROOT / name) for name in ("streams", "train", "export"))]
    ),
    "RTSTYLE_RUNTIME": "onnxruntime",
}
COMMANDS = {
    "video": "video sample:64x48@30x6 out/a.mp4 --style negative.onnx",
    "image": "image in.png out/a.png --style negative.onnx",
    "demo": "demo --out out --width 64 --height 64 --frames 2 --style negative.onnx",
    "webcam": "webcam --camera sample:64x48@30x6 --output out/a.mkv --seconds 1 "
    "--style negative.onnx --style negative.onnx",
    "styles add": "styles add negative.onnx",
}
LONG = "video sample:320x240@30x9000 out/a.mp4 --style starry_night"
ENDLESS = (
    "webcam --camera sample: --size 320x240 --output out/a.mkv "
    "--style negative.onnx --style negative.onnx"
)
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.fixture
def room(tmp_path: Path) -> Path:
    write_negative(tmp_path)
    cv2.imwrite(str(tmp_path / "in.png"), np.full((48, 64, 3), 90, np.uint8))
    (tmp_path / "out").mkdir()
    return tmp_path


def start(words: str, room: Path, **settings: Any) -> "subprocess.Popen[bytes]":
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | settings
    environment = {
        **ENVIRONMENT,
        "XDG_DATA_HOME": str(room / "data"),
        "XDG_CACHE_HOME": str(room / "cache"),
        **pipes.pop("env", {}),
    }
    popen: Any = subprocess.Popen  # its types do not know what `pipes` holds
    process: subprocess.Popen[bytes] = popen(
        [sys.executable, "-m", "rtstyle", *words.split()],
        cwd=room,
        env=environment,
        **pipes,
    )
    return process


@contextmanager
def closed() -> Iterator[dict[str, Any]]:
    yield {"preexec_fn": lambda: os.closerange(1, 3)}


@contextmanager
def full() -> Iterator[dict[str, Any]]:
    with open("/dev/full", "wb") as file:
        yield {"stdout": file, "stderr": file}


@contextmanager
def broken() -> Iterator[dict[str, Any]]:
    reading, writing = os.pipe()
    os.close(reading)
    yield {"stdout": writing, "stderr": writing}
    os.close(writing)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux only")
@pytest.mark.parametrize("streams", [closed, full, broken])
@pytest.mark.parametrize("command", COMMANDS)
def test_output_streams_that_take_nothing_end_nothing(
    command: str, streams: Callable[[], Any], room: Path
) -> None:
    with streams() as settings:
        process = start(COMMANDS[command], room, **settings)
        process.communicate(timeout=120)
    tells = command == "styles add" and streams is full
    assert process.returncode == (1 if tells else 0)
    made = [path for path in (room / "out").iterdir() if ".part" not in path.name]
    added = room / "data" / "rtstyle" / "styles" / "negative.onnx"
    assert added.exists() if command == "styles add" else made


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux only")
def test_a_listing_that_could_not_be_written_is_told(room: Path) -> None:
    with open("/dev/full", "wb") as file:
        process = start("styles list", room, stdout=file)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert b"stdout: the result could not be written (No space left" in said


def test_a_reader_that_has_seen_enough_is_no_fault(room: Path) -> None:
    process = start("styles list", room)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert (process.stderr.read(), process.wait(60)) == (b"", 0)
    process.stderr.close()


@dataclass(frozen=True)
class Moment:
    """When something happens to a process."""

    name: str
    is_reached: Callable[[Path, float], bool]
    """Told the room and the seconds since the start."""


def after(milliseconds: int) -> Moment:
    return Moment(
        f"after {milliseconds} ms",
        lambda room, seconds: seconds > milliseconds / 1000,
    )


WRITING = Moment(
    "while it writes",
    lambda room, seconds: any(f.stat().st_size > 0 for f in (room / "out").iterdir()),
)
MOMENTS = [after(200), after(350), after(500), after(800), WRITING]


def send(
    process: "subprocess.Popen[bytes]", number: int, when: Moment, room: Path
) -> None:
    began = time.monotonic()
    while not when.is_reached(room, time.monotonic() - began):
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.01)
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert b"Traceback" not in said and b"Exception" not in said, said


@pytest.mark.slow
@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("when", MOMENTS, ids=lambda when: when.name)
def test_a_signal_ends_a_film_and_leaves_nothing(
    number: signal.Signals, when: Moment, room: Path
) -> None:
    process = start(LONG, room)
    send(process, number, when, room)
    assert process.returncode == 128 + number
    assert list((room / "out").iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_completes_a_recording(number: signal.Signals, room: Path) -> None:
    process = start(ENDLESS, room)
    send(process, number, WRITING, room)
    left = [path.name for path in (room / "out").iterdir()]
    if process.returncode == 128 + number:  # before the first frame
        assert left == []
        return
    assert (process.returncode, left) == (0, ["a.mkv"])
    with VideoReader(room / "out" / "a.mkv") as reader:
        assert sum(1 for _ in reader) > 0


@pytest.mark.slow
def test_a_closed_terminal_sends_several_signals_and_the_recording_is_whole(
    room: Path,
) -> None:
    process = start(ENDLESS, room)
    while not (found := list((room / "out").glob("*"))) or not found[0].stat().st_size:
        time.sleep(0.02)
    time.sleep(1.0)
    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGHUP):
        process.send_signal(number)
        time.sleep(0.05)
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert [path.name for path in (room / "out").iterdir()] == ["a.mkv"]


@pytest.mark.slow
def test_what_nohup_ignores_stays_ignored(room: Path) -> None:
    process = start(
        ENDLESS + " --seconds 3",
        room,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )
    while not list((room / "out").glob("*")):
        time.sleep(0.02)
    process.send_signal(signal.SIGHUP)
    began = time.monotonic()
    process.communicate(timeout=60)
    assert process.returncode == 0 and time.monotonic() - began > 1.5


@pytest.mark.slow
@pytest.mark.parametrize("words", [LONG, ENDLESS])
def test_an_output_folder_that_vanishes_is_said_at_once(words: str, room: Path) -> None:
    process = start(words, room)
    while not any(path.stat().st_size for path in (room / "out").iterdir()):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    shutil.rmtree(room / "out")
    began = time.monotonic()
    _, said = process.communicate(timeout=60)
    assert time.monotonic() - began < 20
    assert process.returncode == 1 and b"a file or folder that was removed" in said
    assert b"Traceback" not in said


def test_text_of_files_is_one_harmless_line() -> None:
    assert shown("Ann\u200dé 漢字 \U0001f600 x") == "Ann\u200dé 漢字 \U0001f600 x"
    assert shown("a\x1b[2J\nb\u202ec\x9b\udcfc") == r"a\x1b[2J\x0ab\u202ec\x9b\udcfc"
    assert json.loads(json_text({"a": "\x9b\u202e\n"})) == {"a": "\x9b\u202e\n"}
    assert json_text({"a": "\u202eé"}) == '{"a": "\\u202eé"}'


def test_colours_are_for_terminals_that_want_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert takes_colours({"TERM": "xterm", "NO_COLOR": ""})
    assert not takes_colours({"TERM": "xterm", "NO_COLOR": "1"})
    assert not takes_colours({"TERM": "dumb"})


def test_a_dumb_terminal_gets_no_progress_bar(room: Path) -> None:
    process = start(COMMANDS["video"], room, env={"TERM": "dumb"})
    _, said = process.communicate(timeout=60)
    assert b"frame/s" not in said and process.returncode == 0
