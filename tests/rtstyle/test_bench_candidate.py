"""What a benchmark measures of a style that is named: itself, its twin, or both."""

from pathlib import Path

import pytest

from rtstyle.benchmark.candidate import candidates_of
from rtstyle.errors import StyleFileError
from rtstyle.style_file import bundled_folder
from tests.tiny_styles import negative_style, write_negative


def test_an_outdated_twin_is_told_and_the_style_alone_is_measured(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    style = write_negative(tmp_path, "mine")
    (tmp_path / "mine.int8.onnx").write_bytes(negative_style({"precision": "int8"}))
    found = candidates_of(str(style), precision="auto", runtime="onnxruntime")
    assert [candidate.precision for candidate in found] == ["fp32"]
    assert "mine.int8.onnx: is of another version of the style" in caplog.text
    with pytest.raises(StyleFileError, match="expected a twin of this version"):
        candidates_of(str(style), precision="int8", runtime="onnxruntime")


def test_a_style_and_its_twin_are_measured_side_by_side() -> None:
    found = candidates_of("scream", precision="auto", runtime="onnxruntime")
    assert [candidate.precision for candidate in found] == ["fp32", "int8"]
    assert found[0].model != found[1].model
    assert found[0].counted == found[1].counted == found[0].model


def test_a_twin_that_is_named_is_measured_in_its_own_precision() -> None:
    twin = bundled_folder() / "scream.int8.onnx"
    (found,) = candidates_of(str(twin), precision="auto", runtime="onnxruntime")
    assert found.precision == "int8" and found.model == twin.read_bytes()
