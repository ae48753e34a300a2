"""Pairs of frames from a film: their flow is found, and cuts are left out."""

import cv2
import numpy as np
import torch

from rtstyle_streams.frame import Pixels
from rtstyle_train.data.film_motion import FilmMotion, SyntheticMotion
from rtstyle_train.data.motion import warp
from rtstyle_train.data.synthetic_motion import draw_motion, move
from rtstyle_train.losses.temporal import temporal_terms

SHIFT = 5


def scene(seed: int, *, left: int = 0) -> Pixels:
    cells = np.random.default_rng(seed).integers(0, 256, (16, 24, 3), np.uint8)
    large = cv2.resize(cells, (216, 144), interpolation=cv2.INTER_CUBIC)
    return np.ascontiguousarray(large[:, left : left + 192])


def moved_film() -> FilmMotion:
    return FilmMotion([(scene(1), scene(1, left=SHIFT))], size=96)


def test_the_flow_is_the_films_own() -> None:
    film = moved_film()
    assert len(film) == 1
    drawn = film.draw(4, torch.Generator().manual_seed(3))
    pair = film.pair(torch.zeros(4, 3, 96, 96), drawn)
    assert pair.prev.shape == (4, 3, 96, 96) and pair.mask.shape == (4, 1, 96, 96)
    inner = pair.flow_cur_to_prev[:, :, 16:-16, 16:-16]
    assert abs(inner[:, 0].median() - SHIFT) < 0.3
    assert abs(inner[:, 1].median()) < 0.3
    gap = (pair.cur - warp(pair.prev, pair.flow_cur_to_prev)).abs() * pair.mask
    assert gap.mean() < 0.02 < (pair.cur - pair.prev).abs().mean()


def test_what_keeps_still_costs_nothing_and_flicker_does() -> None:
    film = moved_film()
    pair = film.pair(torch.zeros(2, 3, 96, 96), film.draw(2, torch.Generator()))
    generator = torch.Generator().manual_seed(1)
    same = temporal_terms(lambda x: x, pair, output_weight=1.0)["temporal_output"]
    noisy = temporal_terms(
        lambda x: x + 0.2 * torch.randn(x.shape, generator=generator),
        pair,
        output_weight=1.0,
    )["temporal_output"]
    assert same < 0.001 < 0.04 < noisy


def test_a_cut_is_no_motion() -> None:
    assert len(FilmMotion([(scene(1), scene(2))], size=96)) == 0


def test_small_frames_are_enlarged() -> None:
    small = [np.ascontiguousarray(scene(1, left=x)[::4, ::4]) for x in (0, 4)]
    film = FilmMotion([(small[0], small[1])], size=96)
    drawn = film.draw(1, torch.Generator())
    assert drawn["motion_prev"].shape == (1, 3, 96, 96)


def test_synthetic_motion_is_that_of_its_numbers() -> None:
    content = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    motion = SyntheticMotion()
    drawn = motion.draw(2, torch.Generator().manual_seed(5))
    pair = motion.pair(content, drawn)
    numbers = draw_motion(2, torch.Generator().manual_seed(5))
    expected = move(content[:2], numbers)
    assert torch.equal(pair.cur, expected.cur) and len(pair.prev) == 2
