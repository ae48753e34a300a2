import json
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from rtstyle.commands.options import look_of, look_options, smooth_option, style_option
from rtstyle.errors import UsageError
from rtstyle.look import Look
from rtstyle.looks.control_table import CONTROLS, control_named, table_rows
from rtstyle.looks.look_file import LookFile, LookStyle, look_of_data, read_look_file
from rtstyle.stylizer.controls import Controls

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)


@given(st.sampled_from(sorted(CONTROLS)), JSON)
def test_any_value_is_taken_or_refused_in_one_line(name: str, value: object) -> None:
    control = CONTROLS[name]
    try:
        taken = control.checked(value)
    except UsageError as error:
        assert str(error).startswith(f"{name}: expected ")
        assert "\n" not in str(error)
    else:
        assert control.checked(taken) == taken


@given(st.sampled_from(sorted(CONTROLS)), st.floats(-1, 2))
def test_every_share_of_a_fader_is_a_value(name: str, share: float) -> None:
    control = CONTROLS[name]
    assert control.checked(control.of_share(share)) == control.of_share(share)


@pytest.mark.parametrize("name", sorted(CONTROLS))
def test_every_default_is_a_value_of_its_control(name: str) -> None:
    assert CONTROLS[name].checked(CONTROLS[name].default) == CONTROLS[name].default


def test_keys_are_used_once() -> None:
    keys = "".join(control.keys for control in CONTROLS.values())
    assert len(set(keys)) == len(keys)


def test_the_table_is_plain_data() -> None:
    assert json.loads(json.dumps(table_rows()))[0]["name"] == "strength"


def test_an_unknown_control_is_named() -> None:
    with pytest.raises(UsageError, match="control: expected one of strength, .* 'x'"):
        control_named("x")


def test_the_stylizer_has_the_ranges_of_the_table() -> None:
    scale = CONTROLS["style_scale"]
    Controls(scale=scale.least)
    Controls(scale=scale.most)
    with pytest.raises(UsageError, match="style scale"):
        Controls(scale=scale.most + 0.01)


LOOK = LookFile(
    (LookStyle("starry_night", 0.6, "ab"), LookStyle("scream", 0.4, "cd")),
    {"strength": 0.5, "height": None, "smooth": "flow"},
    "Evening",
)


def test_a_look_survives_the_way_through_a_file(tmp_path: Path) -> None:
    path = tmp_path / "look.json"
    path.write_text(json.dumps(LOOK.as_dict()), "utf-8")
    assert read_look_file(path) == LOOK


@given(JSON)
def test_other_data_are_refused_as_a_look(data: object) -> None:
    with pytest.raises(UsageError, match="look.json: expected a look"):
        look_of_data(data, where="look.json")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"controls": {"strength": 7}}, "strength: expected 0 to 1, got 7"),
        ({"controls": {"split": 0.5}}, "expected controls of strength"),
        ({"controls": []}, "expected controls by name"),
        ({"styles": [{}]}, "expected a style with a name"),
        ({"styles": [{"name": "a", "weight": -1}]}, "expected a weight above 0"),
        ({"extra": 1}, "got 'extra'"),
    ],
)
def test_a_look_with_a_fault_says_which(change: dict[str, Any], match: str) -> None:
    with pytest.raises(UsageError, match=match):
        look_of_data(LOOK.as_dict() | change, where="look.json")


@click.command()
@style_option
@look_options
@smooth_option("gate")
@click.pass_context
def command(context: click.Context, style: str | None, smooth: str) -> None:
    click.echo(repr((style, smooth, look_of(context))))


def run_command(*words: str) -> str:
    run = CliRunner().invoke(command, list(words), catch_exceptions=False)
    assert run.exit_code == 0, run.output
    return run.output.strip().splitlines()[-1]


@pytest.fixture
def look_path(tmp_path: Path) -> str:
    path = tmp_path / "look.json"
    look = LookFile(
        (LookStyle("scream"),), {"strength": 0.5, "smooth": "flow", "mirror": "all"}
    )
    path.write_text(json.dumps(look.as_dict()), "utf-8")
    return str(path)


def test_a_look_gives_defaults_to_options(look_path: str) -> None:
    said = run_command("--look", look_path)
    assert said == repr(("scream", "flow", Look(strength=0.5)))


def test_options_win_over_a_look_wherever_they_stand(look_path: str) -> None:
    said = run_command("--strength", "0.9", "--look", look_path, "--smooth", "off")
    assert said == repr(("scream", "off", Look(strength=0.9)))


def test_a_painting_is_looked_for_beside_the_look(tmp_path: Path) -> None:
    (tmp_path / "monet.png").write_bytes(b"picture")
    look = LookFile((LookStyle("/elsewhere/monet.png", sha256=64 * "0"),))
    path = tmp_path / "look.json"
    path.write_text(json.dumps(look.as_dict()), "utf-8")
    assert repr(str(tmp_path / "monet.png")) in run_command("--look", str(path))


def test_a_style_that_is_not_here_is_named(tmp_path: Path) -> None:
    path = tmp_path / "look.json"
    path.write_text(json.dumps(LookFile((LookStyle("nope"),)).as_dict()), "utf-8")
    with pytest.raises(UsageError, match="expected the style nope, found none"):
        run_command("--look", str(path))
