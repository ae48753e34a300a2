"""Style pictures that are drawn by code."""

import cv2
import numpy as np
import pytest

from rtstyle_train.drawings import DRAWINGS, draw_picture
from rtstyle_train.drawings.parts import cells, hatching, means_of, outlines, posterised


@pytest.mark.slow
@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_is_always_the_same_and_shows_something(name: str) -> None:
    picture = draw_picture(name)
    assert picture.shape == (576, 768, 3) and picture.dtype == np.uint8
    assert np.array_equal(picture, draw_picture(name))
    assert picture.std() > 20
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    assert cv2.Laplacian(grey, cv2.CV_32F).std() > 4  # strokes, not a blur


def test_drawings_differ_from_each_other() -> None:
    small = [
        cv2.resize(draw_picture(name), (48, 36), interpolation=cv2.INTER_AREA)
        for name in ("comic", "neon", "woodcut", "blueprint")
    ]
    for number, one in enumerate(small):
        for other in small[number + 1 :]:
            assert np.abs(one.astype(int) - other).mean() > 20


def test_ink_lies_on_the_dark_side_of_an_edge_and_nowhere_else() -> None:
    scene = np.full((60, 80, 3), 220, np.uint8)
    scene[:, :40] = 60
    ink = outlines(scene, width=2.0)
    assert (
        ink[:, 34:40].max() == 1 and ink[:, 42:].max() == 0 and ink[:, :25].max() == 0
    )


def test_hatching_has_its_period() -> None:
    strokes = hatching((64, 64), angle=0, period=8, waver=0, seed=1)
    assert np.allclose(strokes[8:16], strokes[16:24], atol=1e-4)
    assert strokes[:, 0].max() > 0.99 and strokes[:, 0].min() < 0.01


def test_cells_and_colours_keep_the_mean() -> None:
    scene = np.random.default_rng(1).integers(0, 256, (80, 90, 3), np.uint8)
    labels = cells((80, 90), side=10, jitter=0.3, seed=2)
    assert 40 < len(np.unique(labels)) < 110
    assert abs(means_of(scene, labels).mean() * 255 - scene.mean()) < 0.5
    colours, numbers = posterised(scene, 6, seed=3)
    assert len(np.unique(numbers)) == 6
    assert len(np.unique(colours.reshape(-1, 3), axis=0)) == 6
