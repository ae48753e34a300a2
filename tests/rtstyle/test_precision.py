"""A style's numbers, and which of the files beside it are its twins."""

from pathlib import Path
from typing import Any

import pytest

from rtstyle.errors import StyleFileError, UsageError
from rtstyle.style_file import (
    Style,
    bundled_folder,
    graph_sha256,
    read_style,
    with_card,
)
from rtstyle.twins import TWIN_OF, existing_twin_path, is_twin, with_precision
from tests.tiny_styles import CARD, negative_model

TRAINED: dict[str, Any] = {"recipe": {"steps": 800}, "trained": {"seconds": 9}}
"""What is the same for every style of one training."""


def write_style(
    folder: Path, card: dict[str, Any] | None = None, *, precision: str = "fp32"
) -> Style:
    path = folder / "s.onnx"
    facts = {"name": "s", "precision": precision}
    path.write_bytes(with_card(negative_model(), CARD | facts | (card or {})))
    return read_style(path)


def write_twin(folder: Path, card: dict[str, Any], *, precision: str = "int8") -> Style:
    path = folder / f"s.{precision}.onnx"
    facts = {"name": "s", "precision": precision}
    path.write_bytes(with_card(negative_model(opset=17), CARD | facts | card))
    return read_style(path)


@pytest.fixture
def with_twin(tmp_path: Path) -> Style:
    style = write_style(tmp_path)
    write_twin(tmp_path, {TWIN_OF: graph_sha256(style.model)})
    return style


def precision_of(style: Style) -> str:
    return str(style.card["precision"])


@pytest.mark.parametrize("precision", ["auto", "int8"])
def test_a_cpu_takes_the_twin_that_is_there(with_twin: Style, precision: str) -> None:
    assert precision_of(with_precision(with_twin, precision)) == "int8"


def test_a_gpu_takes_the_style_itself_unless_told_otherwise(with_twin: Style) -> None:
    assert with_precision(with_twin, "auto", device="cuda:0") is with_twin
    found = with_precision(with_twin, "int8", device="cuda:0")
    assert precision_of(found) == "int8"


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_other_precisions_take_the_style_itself(
    with_twin: Style, precision: str
) -> None:
    assert with_precision(with_twin, precision) is with_twin


def test_without_a_twin_auto_takes_the_style_and_int8_refuses(tmp_path: Path) -> None:
    lone = write_style(tmp_path)
    assert existing_twin_path(lone, "int8") is None
    assert with_precision(lone, "auto") is lone
    with pytest.raises(
        StyleFileError, match=r"expected s\.int8\.onnx beside the style"
    ):
        with_precision(lone, "int8")


def test_a_twin_is_not_taken_for_an_fp32_style(tmp_path: Path) -> None:
    twin = write_style(tmp_path, precision="int8")
    assert with_precision(twin, "auto") is twin
    assert with_precision(twin, "int8") is twin
    with pytest.raises(StyleFileError, match="got its int8 twin"):
        with_precision(twin, "fp32")


def test_an_unknown_precision_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected one of auto, fp32"):
        with_precision(write_style(tmp_path), "int4")


def test_a_twin_of_another_graph_is_left_alone_whatever_the_cards_say(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    style = write_style(tmp_path, TRAINED)
    other = graph_sha256(negative_model(opset=16))
    write_twin(tmp_path, TRAINED | {TWIN_OF: other})
    assert with_precision(style, "auto") is style
    assert "s.int8.onnx: is of another version of the style" in caplog.text
    with pytest.raises(StyleFileError, match="expected a twin of this version of s"):
        with_precision(style, "int8")


def test_a_rewritten_card_keeps_its_twin(with_twin: Style, tmp_path: Path) -> None:
    judged = write_style(tmp_path, {"quality": {"fps_720p": 40.0}, "recipe": {"x": 1}})
    assert judged.model != with_twin.model
    assert precision_of(with_precision(judged, "auto")) == "int8"


def test_a_twin_without_a_hash_goes_by_how_its_style_was_trained(
    tmp_path: Path,
) -> None:
    style = write_style(tmp_path, TRAINED)
    assert is_twin(style, write_twin(tmp_path, TRAINED))
    assert not is_twin(style, write_twin(tmp_path, TRAINED | {"trained": {}}))


def test_two_cards_that_say_nothing_are_no_pair(tmp_path: Path) -> None:
    assert not is_twin(write_style(tmp_path), write_twin(tmp_path, {}))


def test_all_paintings_of_one_network_were_trained_alike_and_are_no_pair(
    tmp_path: Path,
) -> None:
    card = TRAINED | {"kind": "adain"}
    assert not is_twin(write_style(tmp_path, card), write_twin(tmp_path, card))


def test_every_bundled_twin_is_taken() -> None:
    twins = sorted(bundled_folder().glob("*.int8.onnx"))
    assert len(twins) >= 10
    for twin in twins:
        style = read_style(twin.with_name(twin.name.replace(".int8", "")))
        assert with_precision(style, "auto").path == twin
