"""Figures on the bundled cards are whole, and recipes' checksums are the paintings'."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from rtstyle.style_file import bundled_folder, read_style
from rtstyle_train.config.reading import RECIPES, read_recipe

STYLES = sorted(p for p in bundled_folder().glob("*.onnx") if "." not in p.stem)


def card_of(path: Path) -> dict[str, Any]:
    card = read_style(path).card
    if card["kind"] != "image":
        pytest.skip(f"{path.stem} was not learnt from a painting")
    return card


@pytest.mark.parametrize("path", STYLES, ids=lambda path: path.stem)
def test_figures_on_a_card_are_whole(path: Path) -> None:
    quality = card_of(path).get("quality")
    if quality is None:
        pytest.skip(f"{path.stem} was not judged yet: rtstyle evaluate --write-card")
    photos = quality["photos"]
    assert photos["num_pictures"] == 15
    for name in ("style_held_out", "content_held_out", "hue_variety", "noise_gain"):
        assert photos[name] > 0, name
    assert quality["painting"] == card_of(path)["recipe"]["styles"][0]["file"]
    assert quality["fps_720p"] > 0 and quality["held_out_weights"]


@pytest.mark.shared
def test_checksums_of_recipes_are_those_of_the_paintings(shared: Path) -> None:
    for path in sorted(RECIPES.glob("*.toml")):
        for row in read_recipe(path).get("styles", ()):
            file = shared / "data" / "styles" / row["file"]
            found = hashlib.sha256(file.read_bytes()).hexdigest()
            assert row["sha256"] == found, f"{path.name}: {row['file']}"
