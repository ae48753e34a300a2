from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtstyle.gallery.spec import parse_style
from rtstyle.live.style_loader import LiveStyles
from rtstyle.look import Look
from rtstyle.paintings.live_network import ModulationInput, live_style
from rtstyle.paintings.network import VARIABLE, mixed, painting_network
from rtstyle.runtime.onnxruntime import OrtSession
from rtstyle.stylizer.controls import Controls
from rtstyle.stylizer.stylizer import Stylizer
from tests.tiny_paintings import write_network, write_painting

CARD = {"name": "painting", "title": "Painting"}


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("strength", [0.0, 0.3, 1.0])
def test_the_live_graph_gives_the_bytes_of_the_folded_one(
    seed: int, strength: float
) -> None:
    network, rng = painting_network(), np.random.default_rng(seed)
    change = rng.normal(0, 0.3, network.neutral.size)
    painting = (network.neutral + change).astype(np.float32)
    frame = rng.integers(0, 256, (48, 80, 3), np.uint8)
    shares = [(network.neutral, 1.0 - strength), (painting, strength)]
    modulation = mixed(shares) if strength < 1.0 else painting
    live = OrtSession(live_style(network, painting, CARD).model, device="cpu")
    folded = OrtSession(network.fold(modulation, CARD).model, device="cpu")
    given = ModulationInput(painting, network.neutral).at(strength)
    stylized = live.run({"frame": frame, **given})["stylized"]
    assert (stylized == folded.run({"frame": frame})["stylized"]).all()


@given(st.floats(0, 1), st.floats(0, 1))
def test_the_input_follows_strength_whatever_came_before(a: float, b: float) -> None:
    painting, start = np.ones(4, np.float32), np.zeros(4, np.float32)
    reused = ModulationInput(painting, start)
    reused.at(a)
    fresh = ModulationInput(painting, start).at(b)["modulation"]
    assert (reused.at(b)["modulation"] == fresh).all()


@pytest.fixture
def two_paintings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv(VARIABLE, str(write_network(tmp_path / "network")))
    red = write_painting(tmp_path / "red.png", (200, 0, 0))
    blue = write_painting(tmp_path / "blue.png", (0, 0, 200))
    return [str(red), str(blue)]


def test_style_strength_changes_between_two_frames(two_paintings: list[str]) -> None:
    controls = Controls()
    styles = LiveStyles(look=Look(), controls=controls, device="cpu")
    frame = np.full((20, 30, 3), 100, np.uint8)
    with styles.build(parse_style(two_paintings[0])) as stylizer:
        assert stylizer(frame)[0, 0].tolist() == [150, 50, 50]
        controls.style_strength = 0.0
        assert (stylizer(frame) == frame).all()
        controls.style_strength = 0.5
        assert stylizer(frame)[0, 0].tolist() == [125, 75, 75]


def test_the_strength_of_the_command_line_is_where_it_begins(
    two_paintings: list[str],
) -> None:
    controls, look = Controls(style_strength=0.0), Look(style_strength=0.0)
    styles = LiveStyles(look=look, controls=controls, device="cpu")
    frame = np.full((20, 30, 3), 100, np.uint8)
    with styles.build(parse_style(two_paintings[0])) as stylizer:
        assert (stylizer(frame) == frame).all()
        controls.style_strength = 1.0
        assert stylizer(frame)[0, 0].tolist() == [150, 50, 50]


def test_paintings_drift_in_one_session(two_paintings: list[str]) -> None:
    styles = LiveStyles(look=Look(), controls=Controls(), device="cpu")
    red, blue = (parse_style(text) for text in two_paintings)
    frame = np.full((20, 30, 3), 100, np.uint8)
    with styles.build(red) as stylizer:
        session = stylizer.session
        assert styles.go_on(stylizer, red.toward(blue, 0.5)) is stylizer
        assert stylizer.session is session
        assert stylizer(frame)[0, 0].tolist() == [100, 50, 100]


def test_a_fixed_style_is_no_painting_to_go_on_with(two_paintings: list[str]) -> None:
    styles = LiveStyles(look=Look(), controls=Controls(), device="cpu")
    with styles.build(parse_style("starry_night")) as stylizer:
        fresh = styles.go_on(stylizer, parse_style(two_paintings[0]))
        assert isinstance(fresh, Stylizer) and fresh is not stylizer
        fresh.close()
