"""A painting in the content's colours."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from rtstyle.paintings.colour_transfer import colour_moments, match_colours


def picture(seed: int, *, low: int = 90, high: int = 160) -> np.ndarray:
    """Return correlated colours that stay off 0 and 255."""
    random = np.random.default_rng(seed)
    mixing = np.eye(3) * 0.5 + random.uniform(0.1, 0.4, (3, 3)) / 3
    colours = random.uniform(low, high, (40, 50, 3)) @ mixing.T
    return np.asarray(colours + 30, np.uint8)


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_mean_and_covariance_become_the_contents(first: int, second: int) -> None:
    painting, content = picture(first), picture(second)
    before = painting.copy()
    matched = match_colours(painting, content)
    assert (painting == before).all(), "the input was changed in place"
    assert matched.shape == painting.shape and matched.dtype == np.uint8
    mean, covariance = colour_moments(matched)
    wanted_mean, wanted_covariance = colour_moments(content)
    assert np.abs(mean - wanted_mean).max() < 0.5
    deviation = np.sqrt(np.diag(covariance))
    assert deviation == pytest.approx(np.sqrt(np.diag(wanted_covariance)), abs=1.5)


def test_a_painting_in_its_own_colours_stays_as_it_is() -> None:
    painting = picture(3, low=0, high=255)
    change = match_colours(painting, painting).astype(int) - painting
    assert np.abs(change).mean() < 1.0


def test_a_grey_painting_takes_no_noise_for_colour() -> None:
    random = np.random.default_rng(0)
    grey = np.repeat(random.integers(0, 256, (40, 50, 1)), 3, axis=2)
    noisy = np.clip(grey + random.integers(-1, 2, (40, 50, 3)), 0, 255)
    colourful = random.integers(0, 256, (30, 30, 3)).astype(np.uint8)
    matched = match_colours(noisy.astype(np.uint8), colourful).astype(int)
    spread = (matched - matched.mean(axis=2, keepdims=True)).std()
    assert spread < 40, "one level of noise became a riot of colour"


@pytest.mark.parametrize("value", [0, 128, 255])
def test_flat_pictures_are_no_failure(value: int) -> None:
    flat = np.full((8, 9, 3), value, np.uint8)
    content = picture(1)
    matched = match_colours(flat, content)
    wanted = np.rint(colour_moments(content)[0])
    assert np.abs(matched - wanted).max() <= 1
    assert np.abs(match_colours(content, flat).astype(int) - value).max() <= 1
