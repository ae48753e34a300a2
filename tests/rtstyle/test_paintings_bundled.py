"""The network for paintings that comes with the package."""

from pathlib import Path

import numpy as np
import pytest

from rtstyle.gallery.find import load_style
from rtstyle.paintings.network import painting_network
from rtstyle.stylizer.stylizer import Stylizer
from rtstyle_streams.sample.source import SampleSource
from tests.tiny_paintings import write_painting


@pytest.fixture(scope="module")
def scene() -> np.ndarray:
    with SampleSource(width=320, height=180, num_frames=1) as source:
        return next(iter(source)).pixels


def painted(path: Path, scene: np.ndarray, strength: float) -> np.ndarray:
    style = load_style(path, style_strength=strength)
    with Stylizer(style, device="cpu") as stylizer:
        return stylizer(scene)


def test_the_two_files_are_a_pair_and_small() -> None:
    network = painting_network()
    assert network.base.kind == "adain"
    assert len(network.base.model) <= 1_500_000
    assert len(network.encoder) <= 2_200_000


def test_neutral_is_near_the_content_and_a_painting_is_not(
    tmp_path: Path, scene: np.ndarray
) -> None:
    red = write_painting(tmp_path / "red.png", (200, 30, 30))
    changes = [
        np.abs(painted(red, scene, strength).astype(int) - scene).mean()
        for strength in (0.0, 0.5, 1.0, 1.5)
    ]
    assert changes == sorted(changes)
    assert changes[0] < 0.5 * changes[2]


def test_the_colours_of_a_painting_are_taken_in_their_order(
    tmp_path: Path, scene: np.ndarray
) -> None:
    red = write_painting(tmp_path / "red.png", (200, 40, 40))
    blue = write_painting(tmp_path / "blue.png", (40, 40, 200))
    warm = painted(red, scene, 1.0).mean(axis=(0, 1))
    cold = painted(blue, scene, 1.0).mean(axis=(0, 1))
    assert warm[0] - warm[2] > 20 + cold[0] - cold[2]
