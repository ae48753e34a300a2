"""Paintings, mixtures and masks on the command line."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from rtstyle.cli import main
from rtstyle.masks.opening import VARIABLE as MASK_VARIABLE
from rtstyle.paintings.network import VARIABLE
from rtstyle.stylizer.blending import shrink
from rtstyle_streams.video.reader import VideoReader
from tests.tiny_paintings import mask_model, write_network, write_painting
from tests.tiny_styles import write_negative

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(VARIABLE, str(write_network(tmp_path / "network")))
    monkeypatch.delenv(MASK_VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    write_painting(tmp_path / "red.png", (200, 0, 0))
    write_painting(tmp_path / "blue.jpg", (0, 0, 200))
    write_painting(tmp_path / "grey.png", (100, 100, 100), width=60, height=40)
    write_negative(tmp_path)
    (tmp_path / "mask.onnx").write_bytes(mask_model())
    return tmp_path


def run(*words: str | Path) -> int:
    with pytest.raises(SystemExit) as stop:
        main([str(word) for word in words])
    assert isinstance(stop.value.code, int)
    return stop.value.code


def stylized(*words: str) -> list[int]:
    """Return the RGB colour in the middle of the grey picture, stylized."""
    assert run("image", "grey.png", "out.png", "--overwrite", *words) == 0
    picture = cv2.imread("out.png")
    assert picture is not None and picture.shape == (40, 60, 3)
    colour: list[int] = picture[20, 30, ::-1].tolist()
    return colour


def test_a_painting_styles_a_picture_at_once() -> None:
    assert stylized("--style", "red.png") == [150, 50, 50]


def test_paintings_mix_by_weight(capsys: Capture) -> None:
    blue = stylized("--style", "blue.jpg")
    mixed = stylized("--style", "red.png:0.75,blue.jpg:0.25")
    wanted = 0.75 * np.array([150, 50, 50]) + 0.25 * np.array(blue)
    assert np.abs(mixed - wanted).max() <= 1
    assert "paintings, mixed in one network; costs as one" in capsys.readouterr().err


def test_fixed_styles_cross_fade_and_the_cost_is_said(capsys: Capture) -> None:
    assert stylized("--style", "negative.onnx:0.5,red.png:0.5") == [152, 102, 102]
    assert "2 networks run for each frame" in capsys.readouterr().err


def test_style_strength_goes_from_the_pictures_own_look_to_the_painting() -> None:
    words = ("--style", "red.png", "--style-strength")
    assert stylized(*words, "0") == [100, 100, 100]
    assert stylized(*words, "0.5") == [125, 75, 75]
    assert stylized(*words, "1") == [150, 50, 50]
    assert stylized(*words, "1.5") == [175, 25, 25]


def test_matched_colours_are_those_of_the_picture() -> None:
    assert stylized("--style", "red.png", "--match-colors") == [100, 100, 100]


@pytest.mark.parametrize(
    "words", [(), ("--match-colors",), ("--style-strength", "0.5")]
)
def test_every_frame_of_a_video_comes_through_once(words: tuple[str, ...]) -> None:
    source = "sample:64x48@30x9"
    assert run("video", source, "out.mkv", "--style", "red.png", *words) == 0
    with VideoReader("out.mkv") as reader:
        frames = list(reader)
    assert len(frames) == 9
    assert [round(frame.pts_seconds * 30) for frame in frames] == list(range(9))


def test_a_mask_leaves_the_rest_as_it_was() -> None:
    picture = np.full((40, 60, 3), 90, np.uint8)
    picture[:, :30, 2] = 255  # red, for OpenCV
    picture[:, 30:, 2] = 0
    cv2.imwrite("in.png", picture)
    words = ("image", "in.png", "out.png", "--style", "negative.onnx")
    assert run(*words, "--mask", "person", "--mask-model", "mask.onnx") == 0
    person = cv2.imread("out.png")
    assert run(*words, "--overwrite", "--mask", "mask.onnx") == 0
    marked = cv2.imread("out.png")
    assert run(
        *words, "--overwrite", "--mask", "background", "--mask-model", "mask.onnx"
    ) == 0  # fmt: skip
    background = cv2.imread("out.png")
    assert person is not None and marked is not None and background is not None
    assert (person[:, :20, 0] == 165).all() and (person[:, 40:, 0] == 90).all()
    assert (marked == person).all()
    assert (background[:, :20, 0] == 90).all() and (background[:, 40:, 0] == 165).all()


def test_style_scale_shows_the_network_fewer_lines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[int] = []

    def noting(content: np.ndarray, *, height: int) -> np.ndarray:
        seen.append(height)
        return shrink(content, height=height)

    monkeypatch.setattr("rtstyle.stylizer.stylizer.shrink", noting)
    for words in ((), ("--style-scale", "2"), ("--style-scale", "0.5")):
        stylized("--style", "negative.onnx", *words)
    stylized("--style", "negative.onnx", "--height", "32", "--style-scale", "0.5")
    assert seen == [20, 80, 64]


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["--style", "missing.jpg"], 1, "missing.jpg: expected a painting, found no"),
        (["--style", "a:0.5,b"], 2, "a weight for each style or for none"),
        (["--style", "red.png:0.5,scraem:0.5"], 1, "did you mean scream"),
        (["--style", "scream", "--style-strength", "0.5"], 2, "use --strength"),
        (["--style", "scream", "--match-colors"], 2, "use --keep-colors"),
        (["--style", "red.png", "--style-strength", "2"], 2, "style-strength"),
        (["--style", "red.png", "--style-scale", "9"], 2, "style-scale"),
        (["--mask", "person"], 2, "name one with --mask-model FILE.onnx"),
        (["--mask", "cat"], 2, "expected person, background or a FILE.onnx"),
        (["--mask-model", "mask.onnx"], 2, "expected --mask person"),
        (["--mask", "none.onnx"], 1, "mask's model cannot be read"),
        (["--mask", "negative.onnx"], 1, "expected a float32 input"),
    ],
)
@pytest.mark.parametrize("command", ["image", "webcam"])
def test_a_mistake_is_one_line_and_leaves_nothing_behind(
    command: str, words: list[str], code: int, text: str, capsys: Capture
) -> None:
    start = {
        "image": ["image", "grey.png", "out.png"],
        "webcam": ["webcam", "--camera", "sample:64x48@30x9", "--output", "null:"],
    }[command]
    assert run(*start, *words) == code
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("rtstyle: ") and text in lines[0]
    assert not list(Path().glob("out.*"))


def test_a_webcam_takes_paintings_mixtures_and_a_cycle() -> None:
    words = ["webcam", "--camera", "sample:64x48@30", "--output", "null:"]
    for style in ("red.png", "blue.jpg", "red.png:0.5,negative.onnx:0.5"):
        words += ["--style", style]
    assert run(*words, "--cycle", "1", "--seconds", "2.5", "--match-colors") == 0


def test_the_cache_is_told_and_cleared(capsys: Capture) -> None:
    stylized("--style", "red.png")
    capsys.readouterr()
    assert run("styles", "cache", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["entries"] == 1 and told["bytes"] > 20 and not told["cleared"]
    assert Path(told["folder"]).is_dir()
    assert run("styles", "cache", "--clear") == 0
    assert "1 paintings, 0.00 MB removed" in capsys.readouterr().out
    assert run("styles", "cache") == 0
    assert "0 paintings, 0.00 MB of at most 64 MB" in capsys.readouterr().out


def test_a_painting_is_shown_and_added_as_a_style(capsys: Capture) -> None:
    assert run("styles", "show", "red.png") == 0
    card = json.loads(capsys.readouterr().out)
    assert card["title"] == "red" and card["kind"] == "adain"
    assert run("styles", "add", "red.png") == 0
    Path("red.png").unlink()
    assert stylized("--style", "red") == [150, 50, 50]


def test_the_list_of_styles_has_no_network_for_paintings(capsys: Capture) -> None:
    assert run("styles", "list", "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert "adain" not in {row["kind"] for row in rows}
