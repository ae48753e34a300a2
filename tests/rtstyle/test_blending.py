"""What is done to a stylized frame with the frame it came from."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays

from rtstyle.stylizer.blending import (
    blend,
    cross_fade,
    keep_colors,
    restore_detail,
    shrink,
)
from rtstyle_streams.protocols import LUMA, ColourMatrix

PICTURES = arrays(np.uint8, (6, 9, 3))


@given(PICTURES, PICTURES)
def test_strength_ends_are_exact(content: np.ndarray, stylized: np.ndarray) -> None:
    assert blend(content, stylized, strength=0.0) is content
    assert blend(content, stylized, strength=1.0) is stylized


@given(PICTURES, PICTURES, st.floats(0.01, 0.99))
def test_strength_lies_between(
    content: np.ndarray, stylized: np.ndarray, strength: float
) -> None:
    before = content.copy(), stylized.copy()
    mixed = blend(content, stylized, strength=strength).astype(int)
    wanted = content * (1 - strength) + stylized * strength
    assert np.abs(mixed - wanted).max() <= 0.51
    assert (content == before[0]).all() and (stylized == before[1]).all()


@given(arrays(np.uint8, (4, 5, 7, 3)), st.integers(1, 4))
def test_pictures_cross_fade_by_weight(pictures: np.ndarray, count: int) -> None:
    before = pictures.copy()
    weights = np.arange(1, count + 1) / sum(range(1, count + 1))
    mixed = cross_fade(list(pictures[:count]), weights.tolist())
    wanted = np.tensordot(weights, pictures[:count].astype(float), axes=1)
    assert mixed.dtype == np.uint8
    assert np.abs(mixed - wanted).max() <= 0.51
    assert (pictures == before).all()


@pytest.mark.parametrize("matrix", sorted(LUMA))
def test_kept_colours_have_the_styles_luma_and_the_contents_chroma(
    matrix: ColourMatrix,
) -> None:
    random = np.random.default_rng(5)
    content = random.integers(80, 170, (12, 20, 3), np.uint8)
    stylized = random.integers(80, 170, (12, 20, 3), np.uint8)
    weights = np.array(LUMA[matrix])
    kept = keep_colors(content, stylized, matrix=matrix).astype(float)
    assert np.abs(kept @ weights - stylized @ weights).max() <= 1.1
    chroma = (kept - (kept @ weights)[..., None]) - (
        content - (content @ weights)[..., None]
    )
    assert np.abs(chroma).max() <= 1.1


def test_red_stays_red_where_colours_are_kept() -> None:
    content = np.zeros((4, 6, 3), np.uint8)
    content[...] = (200, 40, 40)
    grey = np.full((4, 6, 3), 90, np.uint8)
    kept = keep_colors(content, grey, matrix="bt709")
    assert (kept[..., 0] > kept[..., 1]).all() and (kept[..., 1] == kept[..., 2]).all()


def test_a_network_that_changes_nothing_leaves_all_detail() -> None:
    content = np.random.default_rng(1).integers(0, 256, (90, 160, 3), np.uint8)
    small = shrink(content, height=45)
    assert small.shape == (45, 80, 3)
    assert (restore_detail(content, small, small) == content).all()


def test_a_network_that_brightens_brightens_the_large_frame() -> None:
    content = np.full((90, 160, 3), 100, np.uint8)
    small = shrink(content, height=30)
    assert (restore_detail(content, small, small + np.uint8(20)) == 120).all()


def test_work_above_the_source_comes_back_at_its_size() -> None:
    content = np.full((30, 50, 3), 100, np.uint8)
    large = shrink(content, height=60)
    assert large.shape == (60, 100, 3)
    assert restore_detail(content, large, large).shape == content.shape
