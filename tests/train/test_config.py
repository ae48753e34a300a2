"""Recipes: unknown keys and wrong values are named, defaults are stated once."""

from pathlib import Path

import pytest

from rtstyle_train.config.image import TrainConfig, make_config
from rtstyle_train.config.reading import read_recipe, recipe_path
from rtstyle_train.errors import ConfigError
from rtstyle_train.jobs.image import resolve


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
        ({"size": 32}, "size: expected a multiple of 8 from 40 up, got 32"),
        ({"seed": -1}, "seed: expected 0 or more, got -1"),
        ({"style_layers": []}, "style_layers: expected at least one, got none"),
        ({"mixed_precision": "fp16"}, "mixed_precision: expected one of no, bf16"),
        (
            {"styles": [{"name": "x", "file": "a/x"}, {"name": "x", "file": "b/x"}]},
            "expected different names, got 'x' twice",
        ),
        (
            {"styles": [{"name": "x", "file": "x", "short_side": 2}]},
            "short_side: expected at least 16 pixels for x, got 2",
        ),
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


def test_flags_count_for_both_parts_and_steps_are_shared_out(tmp_path: Path) -> None:
    recipe = tmp_path / "r.toml"
    recipe.write_text(
        "steps = 800\nbatch_size = 2\nseed = 5\n[first]\nsteps = 3000\nbatch_size = 4\n"
    )
    flags = {"steps": 38, "batch_size": 1, "seed": 7, "network": None}
    config, _ = resolve(str(recipe), [tmp_path / "p.png"], flags)
    first = config.first_part()
    assert first is not None
    assert (first.steps, config.steps) == (30, 8)
    assert (first.batch_size, config.batch_size) == (1, 1)
    assert (first.seed, config.seed) == (7, 7)
    as_it_is, _ = resolve(str(recipe), [tmp_path / "p.png"], {"steps": None})
    assert as_it_is.first == {"steps": 3000, "batch_size": 4}


def test_a_folder_of_a_recipes_name_does_not_hide_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "starry_night").mkdir()
    monkeypatch.chdir(tmp_path)
    assert recipe_path("starry_night").suffix == ".toml"


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


SETTINGS = {
    "style_weight": ["nan", "inf", "-inf", "-1.0", "1e400", '"6"', "true", "[1]"],
    "learning_rate": ["nan", "0.0", "-1e-3"],
    "ema": ["1.5", "nan"],
    "size": ["1_000_000_000_000", "99999999999999999999", "64.0", "-8", "nan"],
    "batch_size": ["0", "1000000000"],
    "seed": ["-1", "18446744073709551616"],
    "scales": ["[]", "[0]", "[1, nan]", "4"],
    "content": ['"none"', "[1]"],
    "styles": ["3", '"a"', '["a"]', '[{name = "--help", file = "a.jpg"}]'],
}


@pytest.mark.parametrize(
    ("key", "value"), [(key, value) for key in SETTINGS for value in SETTINGS[key]]
)
def test_a_setting_that_means_nothing_is_one_line(
    key: str, value: str, tmp_path: Path
) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(f"{key} = {value}\n")
    with pytest.raises(ConfigError, match=key) as caught:
        make_config(read_recipe(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"<!DOCTYPE html>", "a web page"),
        (b"\xff\xfe\x00a", "got 'utf-8' codec"),
        (b"a = " + b"[" * 100_000, "nested too deeply"),
        (b"a = " + b"9" * 10_000, "got "),
        (b"a" * (2 << 20), "of at most 1 MB, got 2 MB"),
    ],
)
def test_a_recipe_that_is_none_is_one_line(
    data: bytes, text: str, tmp_path: Path
) -> None:
    path = tmp_path / "recipe.toml"
    path.write_bytes(data)
    with pytest.raises(ConfigError, match=text):
        read_recipe(path)
