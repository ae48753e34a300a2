from pathlib import Path

import pytest

from rtstyle.errors import StyleFileError, UsageError
from rtstyle.precision import twin_path, with_precision
from rtstyle.style_file import Style


def style(folder: Path, precision: str = "fp32") -> Style:
    card = {"name": "s", "kind": "image", "precision": precision}
    return Style("s", b"", card, path=folder / "s.onnx")


@pytest.fixture
def with_twin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Style:
    (tmp_path / "s.int8.onnx").write_bytes(b"twin")
    monkeypatch.setattr(
        "rtstyle.precision.read_style",
        lambda path: Style("s", path.read_bytes(), {"precision": "int8"}, path),
    )
    return style(tmp_path)


@pytest.mark.parametrize("precision", ["auto", "int8"])
def test_a_cpu_takes_the_twin_that_is_there(with_twin: Style, precision: str) -> None:
    assert with_precision(with_twin, precision).model == b"twin"


def test_a_gpu_takes_the_style_itself_unless_told_otherwise(with_twin: Style) -> None:
    assert with_precision(with_twin, "auto", device="cuda:0") is with_twin
    assert with_precision(with_twin, "int8", device="cuda:0").model == b"twin"


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_other_precisions_take_the_style_itself(
    with_twin: Style, precision: str
) -> None:
    assert with_precision(with_twin, precision) is with_twin


def test_without_a_twin_auto_takes_the_style_and_int8_refuses(tmp_path: Path) -> None:
    lone = style(tmp_path)
    assert twin_path(lone, "int8") is None
    assert with_precision(lone, "auto") is lone
    with pytest.raises(
        StyleFileError, match=r"expected s\.int8\.onnx beside the style"
    ):
        with_precision(lone, "int8")


def test_a_twin_is_not_taken_for_an_fp32_style(tmp_path: Path) -> None:
    twin = style(tmp_path, precision="int8")
    assert with_precision(twin, "auto") is twin
    assert with_precision(twin, "int8") is twin
    with pytest.raises(StyleFileError, match="got its int8 twin"):
        with_precision(twin, "fp32")


def test_an_unknown_precision_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected one of auto, fp32"):
        with_precision(style(tmp_path), "int4")
