"""Recipes: unknown keys and wrong values are named, defaults are stated once."""

from pathlib import Path

import pytest

from rtstyle_train.config import TrainConfig, make_config, read_recipe
from rtstyle_train.errors import ConfigError
from rtstyle_train.image_command import recipe_path, resolve


def test_flags_win_over_the_file_and_the_file_over_the_default() -> None:
    config = make_config({"steps": 5, "seed": 3}, {"steps": 9, "seed": None})
    assert (config.steps, config.seed) == (9, 3)
    assert config.network == TrainConfig().network


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ({"stepz": 1}, "unknown key 'stepz'; known keys are batch_size"),
        ({"steps": "many"}, "steps: expected"),
        ({"steps": 0}, "steps: expected at least 1, got 0"),
        ({"norm": "batch"}, "norm: expected one of instance, body, frozen, none"),
        ({"size": 100}, "multiple of 8"),
        ({"style_layer_weights": [1.0]}, "expected 5 numbers"),
        ({"styles": [{"name": "x"}]}, "key 'file' is missing"),
        ({"styles": [{"name": "x", "file": "y", "size": 3}]}, "unknown key 'size'"),
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused(
    rows: dict[str, object], text: str
) -> None:
    with pytest.raises(ConfigError, match=text):
        make_config(rows)


def test_a_first_part_is_the_recipe_with_other_settings() -> None:
    config = make_config({"steps": 5, "seed": 3, "first": {"steps": 9}})
    first = config.first_part()
    assert first is not None and first.first_part() is None
    assert (first.steps, first.seed, first.first) == (9, 3, {})
    assert make_config({"steps": 5}).first_part() is None
    with pytest.raises(ConfigError, match="first: unknown key 'stepz'"):
        make_config({"first": {"stepz": 9}}).first_part()
    with pytest.raises(
        ConfigError, match="mixed_precision: expected that of the whole"
    ):
        make_config({"first": {"mixed_precision": "bf16"}}).first_part()


def test_settings_survive_the_trip_through_plain_tables() -> None:
    config = make_config({"styles": [{"name": "x", "file": "y.jpg"}], "steps": 7})
    assert make_config(config.as_dict()) == config


def test_a_broken_recipe_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    with pytest.raises(ConfigError, match="cannot be read"):
        read_recipe(path)
    path.write_text("a = = 1")
    with pytest.raises(ConfigError, match="expected a TOML recipe"):
        read_recipe(path)


def test_bundled_recipes_are_found_by_name_and_are_valid() -> None:
    folder = recipe_path("gallery").parent
    tables = {path: read_recipe(path) for path in folder.glob("*.toml")}
    of_paintings = {p: table for p, table in tables.items() if "styles" in table}
    assert len(of_paintings) > 10
    for path, table in of_paintings.items():
        assert make_config(table, where=str(path)).styles
    with pytest.raises(ConfigError, match="bundled are .*gallery"):
        recipe_path("no_such_recipe")


def test_a_folder_of_paintings_is_paired_by_the_recipes_file_names(
    tmp_path: Path,
) -> None:
    config, files = resolve("gallery", [tmp_path], {})
    assert [path.name for path in files] == [style.file for style in config.styles]
    with pytest.raises(ConfigError, match=f"expected {len(files)} paintings"):
        resolve("gallery", [tmp_path / "a.jpg"], {})
    config, files = resolve("starry_night", [tmp_path], {"steps": 2})
    assert [style.name for style in config.styles] == ["starry_night"]
    assert files == (tmp_path / "vangogh_starry_night.jpg",)
    config, files = resolve(None, [tmp_path / "my_painting.jpg"], {"steps": 3})
    assert config.styles[0].name == "my_painting" and config.steps == 3


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"scales": []}, "scales: expected 1 and divisors above"),
        ({"scales": [0, 1]}, "scales: expected 1 and divisors above"),
        ({"scales": [2, 4]}, "scales: expected 1 and divisors above"),
        ({"scales": [1, 8], "size": 64}, "at least 12 pixels of 64"),
        ({"margin": 64, "size": 64, "scales": [1]}, "margin: expected less than"),
        ({"style_layers": ["relu4_1"]}, "style_layers: expected one up to relu3_4"),
    ],
)
def test_scales_that_leave_nothing_to_see_are_refused(
    settings: dict[str, object], told: str
) -> None:
    with pytest.raises(ConfigError, match=told):
        make_config(settings)
