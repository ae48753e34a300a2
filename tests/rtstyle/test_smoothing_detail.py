"""What averaging takes of fine detail comes back, and nothing else changes."""

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rtstyle.smoothing.detail import ALLOWED_LOSS, contrast, with_detail
from rtstyle_streams.frame import Pixels


def strokes(seed: int = 0, *, height: int = 90, width: int = 134) -> Pixels:
    rng = np.random.default_rng(seed)
    rough = rng.normal(128, 60, (height, width, 3)).astype(np.float32)
    soft = np.asarray(cv2.GaussianBlur(rough, (0, 0), 1.2))
    return np.asarray(np.clip(soft, 0, 255), dtype=np.uint8)


def average(*pictures: Pixels) -> Pixels:
    return np.asarray(np.stack(pictures).mean(0), dtype=np.uint8)


def test_most_of_the_lost_detail_comes_back_and_not_more() -> None:
    fresh = strokes(1)
    blended = average(fresh, fresh, fresh, strokes(2))
    sharp = with_detail(blended, fresh)
    assert contrast(blended) < 0.9 * contrast(fresh)
    lost = contrast(fresh) - contrast(blended)
    assert 0.5 * lost < contrast(sharp) - contrast(blended) < lost


def test_a_small_loss_is_allowed() -> None:
    fresh, other = strokes(1), strokes(2)
    blended = average(*[fresh] * 60, other)
    assert 1 < contrast(fresh) / contrast(blended) < ALLOWED_LOSS
    assert with_detail(blended, fresh) is blended


def test_colours_and_large_shapes_stay() -> None:
    fresh = strokes(1)
    fresh[:, :60] //= 3
    blended = average(fresh, strokes(2) // 2)
    sharp = with_detail(blended, fresh)
    assert (sharp != blended).any()
    coarse = [
        cv2.resize(p, (8, 6), interpolation=cv2.INTER_AREA) for p in (blended, sharp)
    ]
    assert np.abs(coarse[0].astype(int) - coarse[1]).max() <= 2


@given(st.integers(0, 99), st.integers(1, 40), st.integers(1, 40))
def test_a_picture_that_lost_nothing_is_handed_on(
    seed: int, height: int, width: int
) -> None:
    picture = strokes(seed, height=height, width=width)
    assert with_detail(picture, picture) is picture
    flat = np.full_like(picture, seed)
    assert with_detail(picture, flat) is picture, "nothing is taken away either"


def test_inputs_stay_as_they_were() -> None:
    fresh, blended = strokes(1), average(strokes(1), strokes(2))
    before = fresh.copy(), blended.copy()
    with_detail(blended, fresh)
    assert (fresh == before[0]).all() and (blended == before[1]).all()


def test_a_flat_blend_does_not_explode() -> None:
    flat = np.full((40, 60, 3), 128, np.uint8)
    assert (with_detail(flat, strokes(height=40, width=60)) == flat).all()
