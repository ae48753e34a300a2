"""`rtstyle export` of style files: what it asks for and what it refuses."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from rtstyle.errors import RtstyleError
from rtstyle_export.cli import main
from rtstyle_export.errors import ExportError
from tests.tiny_paintings import write_painting
from tests.tiny_styles import write_negative


def export(*words: str | Path) -> str:
    run = CliRunner().invoke(main, [str(w) for w in words], catch_exceptions=False)
    assert run.exit_code == 2
    return run.output


def test_weights_need_a_name_for_the_style_file(tmp_path: Path) -> None:
    assert "name the style file to write" in export(tmp_path / "x.safetensors")


def test_a_style_needs_to_know_what_it_becomes(tmp_path: Path) -> None:
    assert "choose --int8, --fp16 or --to" in export(write_negative(tmp_path))


def test_a_twin_needs_photographs(tmp_path: Path) -> None:
    with pytest.raises(RtstyleError, match="name a folder with --calibration"):
        export(write_negative(tmp_path), "--int8")


def test_a_twin_is_never_overwritten_unasked(tmp_path: Path) -> None:
    style = write_negative(tmp_path)
    (tmp_path / "negative.int8.onnx").write_text("precious")
    with pytest.raises(RtstyleError, match="exists already; use --overwrite"):
        export(style, "--int8", "--calibration", tmp_path)
    assert (tmp_path / "negative.int8.onnx").read_text() == "precious"


def test_a_twin_of_a_painting_says_how_one_makes_a_style_of_it(tmp_path: Path) -> None:
    painting = write_painting(tmp_path / "wall.jpg", (200, 0, 0))
    said = r"wall\.jpg: expected a style file, got a painting; rtstyle styles add"
    for twin in ("--int8", "--fp16"):
        with pytest.raises(ExportError, match=said):
            export(painting, twin, "--calibration", tmp_path)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["out.onnx"], "expected no TARGET with --to tensorrt"),
        (["--overwrite"], "expected no --overwrite with --to tensorrt"),
        (["--int8"], "expected fp32 or fp16 for TensorRT"),
        (["--calibration", "."], "expected no --calibration with --to tensorrt"),
        (["--name", "x"], "expected no --name with --to tensorrt"),
        (["--device", "cpu"], "expected device cuda:N, got cpu"),
        (["--fp16"], r"expected negative\.fp16\.onnx beside the style"),
    ],
)
def test_what_means_nothing_for_an_engine_is_refused(
    words: list[str], said: str, tmp_path: Path
) -> None:
    with pytest.raises(RtstyleError, match=said):
        export(write_negative(tmp_path), "--to", "tensorrt", *words)


def test_an_engine_without_tensorrt_names_the_extra(tmp_path: Path) -> None:
    with pytest.raises(RtstyleError, match="tensorrt|GPU|driver"):
        export(write_negative(tmp_path), "--to", "tensorrt")
