"""What the bundled cards say agrees with the recipes in the repository."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rtstyle.gallery import bundled_folder
from rtstyle.style_file import read_style
from rtstyle_train.config import StyleImage, TrainConfig, make_config, read_recipe
from rtstyle_train.image_command import recipe_path

STYLES = sorted(p for p in bundled_folder().glob("*.onnx") if "." not in p.stem)
RECIPES = recipe_path("gallery").parent


def recipe_of(name: str) -> tuple[TrainConfig, StyleImage]:
    """Return the style's own recipe, else the one it was learnt in with others."""
    own = RECIPES / f"{name}.toml"
    config = make_config(read_recipe(own if own.exists() else RECIPES / "gallery.toml"))
    return config, next(row for row in config.styles if row.name == name)


def card_of(path: Path) -> dict[str, Any]:
    card = read_style(path).card
    if card["kind"] != "image":
        pytest.skip(f"{path.stem} was not learnt from a painting")
    return card


@pytest.mark.parametrize("path", STYLES, ids=lambda path: path.stem)
def test_a_card_agrees_with_its_recipe(path: Path) -> None:
    card = card_of(path)
    config, row = recipe_of(card["name"])
    told = make_config(card["recipe"])
    assert replace(told, styles=()) == replace(config, styles=())
    assert [replace(r, sha256=None) for r in told.styles] == [replace(row, sha256=None)]
    assert card["title"] == row.title
    assert (card["artist"], card["year"]) == (row.artist, row.year)
    if row.sha256 and (sums := card["trained"].get("paintings_sha256")):
        assert row.sha256 in sums, "learnt from another file than the recipe's"


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
        table = read_recipe(path)
        for row in table.get("styles", []):
            file = shared / "data" / "styles" / row["file"]
            assert file.exists(), f"{path.name}: {row['file']}"
            found = hashlib.sha256(file.read_bytes()).hexdigest()
            assert row.get("sha256", found) == found, f"{path.name}: {row['file']}"
