"""The command line: exit status, one line for every mistake, JSON for machines."""

import json
import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from rtstyle.cli import COMMANDS, main
from rtstyle.gallery.find import DEFAULT_STYLE
from rtstyle_streams.video.reader import VideoReader
from tests.tiny_styles import negative_model, write_negative

Capture = pytest.CaptureFixture[str]


def run(*words: str | Path) -> int:
    with pytest.raises(SystemExit) as stop:
        main([str(word) for word in words])
    assert isinstance(stop.value.code, int)
    return stop.value.code


@pytest.fixture
def style(tmp_path: Path) -> Path:
    return write_negative(tmp_path)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    assert run("video", "sample:64x48@30x9", path, "--strength", "0") == 0
    return path


def read(path: Path) -> np.ndarray:
    picture = cv2.imread(str(path))
    assert picture is not None
    return picture


def last_line(capsys: Capture) -> str:
    """Return what was said on stderr, which has to be one line."""
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def test_a_video_is_stylized_frame_by_frame(
    clip: Path, style: Path, tmp_path: Path, capsys: Capture
) -> None:
    out = tmp_path / "out.mkv"
    capsys.readouterr()
    words = ("video", clip, out, "--style", style, "--smooth", "off", "--json")
    assert run(*words) == 0
    result = json.loads(capsys.readouterr().out)
    assert set(result) == {
        *("frames", "seconds", "fps", "width", "height", "style", "runtime", "device")
    }
    assert (result["frames"], result["width"], result["height"]) == (9, 64, 48)
    assert (result["style"], result["device"]) == ("negative", "cpu")
    with VideoReader(clip) as before, VideoReader(out) as after:
        pairs = list(zip(before, after, strict=True))
    assert len(pairs) == 9
    for content, stylized in pairs:
        assert content.pts_seconds == pytest.approx(stylized.pts_seconds, abs=1e-3)
        error = stylized.pixels.astype(int) - (255 - content.pixels.astype(int))
        assert np.abs(error).mean() < 6


def test_strength_zero_gives_the_picture_back_bit_for_bit(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (33, 51, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), pixels)
    words = ("image", tmp_path / "a.png", tmp_path / "b.png", "--strength", "0")
    assert run(*words) == 0
    assert np.array_equal(read(tmp_path / "b.png"), pixels)


def test_a_folder_of_pictures_keeps_its_names(style: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("one.png", "two.png"):
        cv2.imwrite(str(tmp_path / "in" / name), np.full((20, 30, 3), 50, np.uint8))
    assert run("image", tmp_path / "in", f"{tmp_path}/out/", "--style", style) == 0
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["one.png", "two.png"]
    assert np.all(read(tmp_path / "out" / "one.png") == 205)


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["video", "none.mp4", "out.mp4"], 1, r"none\.mp4"),
        (["video", "."], 2, "Missing argument 'OUT'"),
        (["video", "a.mp4", "b.mp4", "--strength", "2"], 2, "strength"),
        (["video", "sample:", "b.mp4", "--style", "starry_nigt"], 1, "starry_night"),
        (["video", "sample:", "b.mp4", "--device", "cuda:9"], 1, "device cuda:9"),
        (["video", "sample:", "b.mp4", "--device", "npu"], 2, "expected auto, cpu"),
        (["video", "sample:", "none/b.mp4"], 1, "none"),
        (["video", "sample:", "b.xyz"], 1, "xyz"),
        (["video", "nowhere:", "b.mp4"], 2, "nowhere"),
        (["image", "none.png", "b.png"], 1, r"none\.png"),
        (["styles", "show", "nothing"], 1, "no style and no file of that name"),
        (["image", "a.png", "b.png", "--style", ""], 2, "got an empty one"),
        (["webcam", "--style", "", "--camera", "sample:"], 2, "got an empty one"),
        (["webcam", "--camera", "none.mp4", "--output", "null:"], 1, r"none\.mp4"),
        (["image", "x" * 300, "b.png"], 1, r"x: cannot be used \(File name too long"),
        (["video", "sample:", "x" * 300 + ".mp4"], 1, r"cannot be used \(File name"),
        (["paint"], 2, "No such command 'paint'"),
    ],
)
def test_a_mistake_is_one_line(
    words: list[str],
    code: int,
    text: str,
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    import re

    monkeypatch.chdir(tmp_path)
    assert run(*words) == code
    line = last_line(capsys)
    assert line.startswith("rtstyle: ") and re.search(text, line), line
    assert not list(tmp_path.rglob("b.*")), "something was left behind"


@pytest.mark.parametrize("data", [b"", b"just a text, no video\n", None])
def test_an_input_that_is_no_video_is_one_line(
    data: bytes | None, tmp_path: Path, capsys: Capture
) -> None:
    path = tmp_path / "in.mp4"
    if data is None:
        path.mkdir()
    else:
        path.write_bytes(data)
    assert run("video", path, tmp_path / "out.mp4") == 1
    assert "in.mp4" in last_line(capsys)
    assert not (tmp_path / "out.mp4").exists()


def test_a_style_file_without_a_card_is_one_line(
    tmp_path: Path, capsys: Capture
) -> None:
    path = tmp_path / "x.onnx"
    path.write_bytes(negative_model())
    assert run("video", "sample:64x48x2", tmp_path / "o.mp4", "--style", path) == 1
    assert "expected a card" in last_line(capsys)


def test_output_equal_to_the_input_is_refused(clip: Path, capsys: Capture) -> None:
    before = clip.read_bytes()
    capsys.readouterr()
    assert run("video", clip, clip, "--overwrite") == 1
    assert "clip.mp4" in last_line(capsys)
    assert clip.read_bytes() == before


def test_an_existing_file_stays_unless_overwriting_is_asked_for(
    clip: Path, style: Path, tmp_path: Path, capsys: Capture
) -> None:
    out = tmp_path / "out.mp4"
    out.write_text("precious")
    capsys.readouterr()
    assert run("video", clip, out, "--style", style) == 1
    assert "--overwrite" in last_line(capsys)
    assert out.read_text() == "precious"
    assert run("video", clip, out, "--style", style, "--overwrite") == 0
    assert out.stat().st_size > 100


def test_a_damaged_video_is_kept_and_told_by_the_exit_status(
    style: Path, tmp_path: Path, capsys: Capture
) -> None:
    whole, cut, out = (tmp_path / name for name in ("w.mp4", "cut.mp4", "out.mkv"))
    assert run("video", "sample:160x120@30x60", whole, "--strength", "0") == 0
    data = bytearray(whole.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = bytes(3000)
    cut.write_bytes(data)
    assert run("video", cut, out, "--style", style) == 3
    assert "errors while reading" in capsys.readouterr().err
    with VideoReader(out) as reader:
        assert 10 < sum(1 for _ in reader) <= 60


def test_a_missing_module_names_the_extra(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rtstyle.cli import report

    assert report(ModuleNotFoundError("x", name="torch.nn")) == 1
    assert "pip install 'rtstyle[train]'" in last_line(capsys)


def test_missing_system_libraries_name_their_packages(capsys: Capture) -> None:
    from rtstyle.cli import report

    error = ImportError("libGL.so.1: cannot open shared object file")
    assert report(error) == 1
    assert "libgl1 libglib2.0-0" in last_line(capsys)


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="none"):
        main(["--debug", "video", str(tmp_path / "none.mp4"), str(tmp_path / "o.mp4")])


def test_ctrl_c_leaves_nothing_behind_and_exits_with_130(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, style: Path
) -> None:
    from rtstyle.offline.pipeline import Pipeline

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Pipeline, "_finished", interrupted)
    out = tmp_path / "o" / "o.mp4"
    out.parent.mkdir()
    assert run("video", "sample:64x48@30x30", out, "--style", style) == 130
    assert not list(out.parent.iterdir())


def test_styles_list_names_only_what_runs_with_the_default_first(
    capsys: Capture,
) -> None:
    assert run("styles", "list", "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert rows[0]["name"] == DEFAULT_STYLE
    assert all({"name", "title", "kind"} <= set(row) for row in rows)
    assert run("styles", "list") == 0
    group, first, *_ = capsys.readouterr().out.splitlines()
    assert group == "paintings:"
    assert re.search(r"^  starry_night .*fps at 720p: \d+ in fp32$", first)
    assert run("styles", "show", DEFAULT_STYLE) == 0
    card = json.loads(capsys.readouterr().out)
    assert card["recipe"]["seed"] == 1234


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: Capture) -> None:
    assert run(command, "--help") == 0
    text = capsys.readouterr().out
    assert text.startswith(f"Usage: rtstyle {command}") and "--help" in text


@pytest.mark.slow
def test_the_demo_writes_a_video_and_a_sheet(tmp_path: Path) -> None:
    words = ("--width", "320", "--height", "180", "--frames", "4")
    assert run("demo", "--out", tmp_path / "demo", *words) == 0
    sheet = cv2.imread(str(tmp_path / "demo" / "contact_sheet.png"))
    assert sheet is not None and sheet.std() > 20
    with VideoReader(tmp_path / "demo" / "demo.mp4") as reader:
        frames = list(reader)
    assert len(frames) >= 12 and frames[0].width == 320


def test_help_is_quick(tmp_path: Path) -> None:
    import resource

    def seconds_of_children() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    times = []
    for _ in range(3):
        began = seconds_of_children()
        subprocess.run(
            [sys.executable, "-m", "rtstyle", "--help"], capture_output=True, check=True
        )
        times.append(seconds_of_children() - began)
    assert min(times) < 0.3, "computing time: waiting for others does not count"


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e400", "nan%", ""])
@pytest.mark.parametrize(
    "words",
    [
        ("video", "a.mp4", "b.mp4", "--strength"),
        ("video", "a.mp4", "b.mp4", "--style-scale"),
        ("image", "a.png", "b.png", "--style-strength"),
        ("webcam", "--fps"),
        ("webcam", "--seconds"),
        ("webcam", "--fade"),
        ("webcam", "--cycle"),
    ],
)
def test_an_option_that_is_no_finite_number_is_one_line(
    words: tuple[str, ...], value: str, capsys: Capture
) -> None:
    assert run(*words, value) == 2
    assert words[-1] in last_line(capsys)
