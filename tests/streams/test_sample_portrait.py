import numpy as np
import pytest

from rtstyle_streams.sample.portrait import paint_portrait


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    return paint_portrait(160, 120)


def test_the_portrait_is_the_same_every_time(portrait: np.ndarray) -> None:
    assert portrait.shape == (120, 160, 3) and portrait.dtype == np.uint8
    assert (paint_portrait(160, 120) == portrait).all()


def test_there_is_a_face_with_two_eyes_and_a_mouth(portrait: np.ndarray) -> None:
    red, green, blue = (portrait[..., i].astype(int) for i in range(3))
    skin = (red > 130) & (red - green > 20) & (green - blue > 5)
    assert skin[30:80, 66:100].mean() > 0.6
    luma = (red + green + blue) / 3
    cheek = np.median(luma[52:60, 70:84])
    for columns in (slice(70, 86), slice(88, 103)):
        assert luma[36:46, columns].min() < 0.5 * cheek, "a pupil and lashes"
    lips = (red - green)[60:70, 80:95].max()
    assert lips > (red - green)[52:60, 70:84].mean() + 20


def test_the_landscape_behind_has_sky_above_and_a_meadow_below(
    portrait: np.ndarray,
) -> None:
    red, green, blue = (portrait[..., i].astype(int) for i in range(3))
    assert ((blue - red) > 20)[:40, 115:].mean() > 0.5
    assert ((green - blue) > 20)[85:, 130:].mean() > 0.5


def test_the_background_is_less_sharp_than_the_face(portrait: np.ndarray) -> None:
    luma = portrait.mean(axis=2)
    edges = np.abs(np.diff(luma, axis=1))
    assert np.sort(edges[34:46, 68:104].ravel())[-20:].mean() > 40
    assert np.median(edges[10:40, 130:]) < 5


@pytest.mark.parametrize(("width", "height"), [(16, 16), (33, 17), (64, 400)])
def test_odd_sizes_work(width: int, height: int) -> None:
    assert paint_portrait(width, height).shape == (height, width, 3)
