"""Every bundled style's card agrees with the recipe that it was made with."""

from pathlib import Path

import pytest

from rtstyle.gallery.find import list_styles
from rtstyle_train.config.image import make_config
from rtstyle_train.config.reading import RECIPES, read_recipe, recipe_table

IMAGE_RECIPES = [
    path for path in sorted(RECIPES.glob("*.toml")) if "styles" in read_recipe(path)
]
CARDS = {card["name"]: card for card in list_styles() if card["kind"] == "image"}


@pytest.mark.parametrize("name", CARDS)
def test_a_card_agrees_with_its_recipe(name: str) -> None:
    card, recipe = CARDS[name], make_config(recipe_table(name)).as_dict()
    made_with = make_config(card["recipe"]).as_dict()
    assert made_with == recipe
    row = recipe["styles"][0]
    assert (card["title"], card["artist"]) == (row["title"], row["artist"])
    assert row["sha256"] in card["trained"]["paintings_sha256"]


@pytest.mark.parametrize("path", IMAGE_RECIPES, ids=lambda p: p.stem)
def test_paintings_of_recipes_are_known_by_checksum(path: Path) -> None:
    assert all(
        len(style.sha256 or "") == 64 for style in make_config(read_recipe(path)).styles
    )
