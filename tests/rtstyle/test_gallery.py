"""Names become styles; a user's own stand beside the bundled ones."""

from pathlib import Path

import pytest

from rtstyle.errors import StyleFileError
from rtstyle.gallery.find import (
    DEFAULT_STYLE,
    add_style,
    list_styles,
    load_style,
    remove_style,
    style_files,
    twin_card,
    user_folder,
)
from rtstyle.paintings.network import VARIABLE
from rtstyle.style_file import Style, graph_sha256, read_style, with_card
from rtstyle.twins import TWIN_OF, with_precision
from tests.tiny_paintings import write_network, write_painting
from tests.tiny_styles import write_negative


def write_twin(style: Style, place: Path) -> None:
    facts = {"precision": "int8", TWIN_OF: graph_sha256(style.model)}
    place.write_bytes(with_card(style.model, style.card | facts))


def test_every_bundled_style_loads_and_the_default_comes_first() -> None:
    cards = list_styles()
    assert cards[0]["name"] == DEFAULT_STYLE
    assert len(cards) >= 3
    assert all(card["name"] and card["title"] and card["kind"] for card in cards)


def test_bundled_styles_are_small() -> None:
    assert all(path.stat().st_size <= 1_500_000 for path in style_files().values())


def test_a_misspelt_name_offers_the_nearest() -> None:
    wrong = DEFAULT_STYLE[:-1]
    with pytest.raises(StyleFileError, match=f"did you mean {DEFAULT_STYLE}"):
        load_style(wrong)


def test_a_style_is_added_used_and_removed(tmp_path: Path) -> None:
    add_style(write_negative(tmp_path, "mine"))
    assert load_style("mine").name == "mine"
    assert "mine" in style_files()
    with pytest.raises(StyleFileError, match="there is one already"):
        add_style(tmp_path / "mine.onnx")
    add_style(tmp_path / "mine.onnx", overwrite=True)
    remove_style("mine")
    with pytest.raises(StyleFileError, match="none of that name"):
        remove_style("mine")


def test_a_twin_of_a_painting_is_not_taken_for_that_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(write_network(tmp_path / "network")))
    wall, twin = tmp_path / "wall.png", user_folder() / "wall.int8.onnx"
    write_twin(add_style(write_painting(wall, (200, 0, 0))), twin)
    of_red = twin.read_bytes()
    assert with_precision(load_style("wall"), "auto").path == twin
    remove_style("wall")
    assert not twin.exists(), "what nobody can name any more was left behind"
    add_style(write_painting(wall, (0, 200, 0)))
    twin.write_bytes(of_red)
    assert with_precision(load_style("wall"), "auto").path != twin
    assert twin_card("wall", "int8") is None


def test_a_style_is_added_with_the_twins_that_are_of_it(tmp_path: Path) -> None:
    mine = write_negative(tmp_path, "mine")
    write_twin(read_style(mine), tmp_path / "mine.int8.onnx")
    (tmp_path / "mine.fp16.onnx").write_bytes(b"broken")
    add_style(mine)
    found = twin_card("mine", "int8")
    assert found is not None and found["precision"] == "int8"
    assert not (user_folder() / "mine.fp16.onnx").exists()
    (tmp_path / "mine.int8.onnx").unlink()
    add_style(mine, overwrite=True)
    assert not (user_folder() / "mine.int8.onnx").exists(), "of the one before"


def test_a_broken_twin_is_told_and_breaks_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    add_style(write_negative(tmp_path, "mine"))
    assert twin_card("mine", "int8") is None
    (user_folder() / "mine.int8.onnx").write_bytes(b"broken")
    assert twin_card("mine", "int8") is None
    assert "mine.int8.onnx: expected an ONNX file" in caplog.text
    found = twin_card(DEFAULT_STYLE, "int8")
    assert found is not None and found["precision"] == "int8"


def test_a_bundled_style_can_neither_be_replaced_nor_removed(tmp_path: Path) -> None:
    with pytest.raises(StyleFileError, match="there is one already"):
        add_style(write_negative(tmp_path, DEFAULT_STYLE), overwrite=True)
    with pytest.raises(StyleFileError, match="a bundled one"):
        remove_style(DEFAULT_STYLE)
