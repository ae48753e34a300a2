"""Styles of a few kB that the network for paintings runs."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from rtstyle import Stylizer, load_style
from rtstyle.commands.styles import styles
from rtstyle.errors import StyleFileError, UsageError
from rtstyle.gallery.find import (
    add_style,
    list_styles,
    names_painting,
    remove_style,
    style_files,
    twin_card,
)
from rtstyle.gallery.mixture import load_mixture
from rtstyle.learning.process import painting_of
from rtstyle.paintings.modulation_file import is_modulation, modulation_text
from rtstyle.paintings.network import VARIABLE, painting_network
from rtstyle.twins import is_folded_painting
from tests.tiny_paintings import write_network

BUNDLED = [name for name, path in style_files().items() if is_modulation(path)]
LIGHTER = [1.0, 1.0, 1.0, 40.0, 40.0, 40.0]
"""Of the tiny network: 40 is added to all colours."""


def write_modulation(folder: Path, name: str = "lighter") -> Path:
    """Use a tiny network, and write a modulation of it beside its files."""
    text = modulation_text(
        np.array(LIGHTER, np.float32), {"name": name, "title": name}, painting_network()
    )
    path = folder / "modulations" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a tiny network that is in use."""
    folder = write_network(tmp_path / "network")
    monkeypatch.setenv(VARIABLE, str(folder))
    return folder


def frame() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 180, (48, 64, 3), np.uint8)


def painted(name: str, **controls: float) -> np.ndarray:
    style = load_style(name, **controls)  # type: ignore[arg-type]
    with Stylizer(style, device="cpu", precision="fp32") as stylizer:
        return stylizer(frame()).astype(int)


def test_the_gallery_has_two_dozen_styles() -> None:
    assert len(style_files()) >= 24
    assert len(BUNDLED) >= 14


@pytest.mark.parametrize("name", BUNDLED)
def test_a_bundled_modulation_is_a_style_unlike_the_others(name: str) -> None:
    style = load_style(name)
    assert style.name == name and style.title[0].isupper()
    assert is_folded_painting(style), "int8 of paintings is made for it"
    own = style.modulation
    assert own is not None
    for other in BUNDLED:
        if other != name:
            theirs = load_style(other).modulation
            assert theirs is not None and np.abs(own - theirs).mean() > 0.05


def test_a_modulation_beside_the_network_has_a_name_and_a_strength(
    network: Path,
) -> None:
    path = write_modulation(network)
    assert names_painting("lighter") and names_painting(path)
    assert "lighter" in [card["name"] for card in list_styles()]
    assert twin_card("lighter", "int8") is None
    assert (painted("lighter") == frame() + 40).all()
    assert (painted("lighter", style_strength=0.5) == frame() + 20).all()
    with pytest.raises(UsageError, match="expected a picture, got the style lighter"):
        load_style("lighter", match_colors=True, content=frame())


def test_modulations_mix_in_one_network(network: Path) -> None:
    write_modulation(network)
    write_modulation(network, "again")
    assert len(load_mixture("lighter,again")) == 1


def test_a_modulation_is_added_as_a_style_file(network: Path, tmp_path: Path) -> None:
    moved = write_modulation(network).rename(tmp_path / "mine.json")
    assert add_style(moved).name == "lighter"
    assert style_files()["lighter"].suffix == ".onnx"
    assert (painted("lighter") == frame() + 40).all()
    remove_style("lighter")


def test_a_bundled_modulation_is_nothing_to_learn() -> None:
    with pytest.raises(UsageError, match="expected one painting"):
        painting_of(BUNDLED[0])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"modulation": [1.0] * 5}, "expected 6 finite numbers, got 5"),
        ({"modulation": [1.0] * 5 + [float("nan")]}, "expected 6 finite numbers"),
        ({"modulation": "much"}, "expected the modulation of a picture"),
        ({"network": "0" * 64}, "got one of another"),
        ({"card": {"version": 1, "kind": "adain", "name": "../up"}}, "name: expected"),
        ({"card": 3}, "the card cannot be read"),
    ],
)
def test_a_broken_modulation_is_one_line(
    network: Path, change: dict[str, object], words: str
) -> None:
    path = write_modulation(network)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(StyleFileError, match=words) as caught:
        load_style("lighter")
    assert "\n" not in str(caught.value)


def test_another_network_does_not_show_the_bundled_ones(network: Path) -> None:
    assert not [path for path in style_files().values() if is_modulation(path)]


def test_styles_are_listed_in_groups() -> None:
    listed = CliRunner().invoke(styles, ["list"]).output.splitlines()
    heads = [line for line in listed if line.endswith(":")]
    assert heads[:2] == ["paintings:", "drawings:"]
    assert listed[1].split()[0] == "starry_night"
    drawings = listed[listed.index("drawings:") :]
    assert "  stained_glass" in [line.rstrip()[:15] for line in drawings]
