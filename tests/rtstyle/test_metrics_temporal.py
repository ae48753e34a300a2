"""Warping error, flicker, drift, known motion: right where the answer is known."""

import math

import cv2
import numpy as np
import pytest

from rtstyle.metrics.drift import DriftMeter
from rtstyle.metrics.flicker import TemporalDeviation, flicker_gain
from rtstyle.metrics.known_motion import known_motion, noisy_still
from rtstyle.metrics.motion import InputMotion
from rtstyle.metrics.sharpness import laplacian_energy
from rtstyle.metrics.warping_error import (
    WarpingError,
    above_floor,
    no_motion,
    pair_error,
)
from rtstyle.smoothing.warp import motion_boundary, traceable, warp
from rtstyle_streams.frame import Pixels


def photo(seed: int = 0, *, height: int = 96, width: int = 128) -> Pixels:
    rng = np.random.default_rng(seed)
    rough = rng.uniform(0, 255, (height, width, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(rough, (0, 0), 3)
    smooth = cv2.normalize(smooth, None, 10, 245, cv2.NORM_MINMAX)  # type: ignore[call-overload]
    return np.asarray(smooth).astype(np.uint8)


def test_pair_error_equals_the_formula_written_out() -> None:
    prev, cur = photo(1, height=4, width=5), photo(2, height=4, width=5)
    flow, mask = no_motion(prev)
    flow[..., 0] = 1.0
    mask[:, -1] = 0.0
    mask[0] = 0.0
    total, count = 0.0, 0
    for y in range(1, 4):
        for x in range(4):
            for c in range(3):
                total += ((int(cur[y, x + 1, c]) - int(prev[y, x, c])) / 255) ** 2
                count += 1
    error = pair_error(prev, cur, flow_prev_to_cur=flow, mask=mask)
    assert error == pytest.approx(total / count, rel=1e-5)


def test_a_film_that_stands_still_has_no_warping_error() -> None:
    meter = WarpingError()
    for _ in range(3):
        meter.add(photo(), *no_motion(photo()))
    assert meter.per_pair == [0.0, 0.0] and meter.mean == 0.0


def test_an_inverted_picture_has_the_error_of_its_contrast() -> None:
    black = np.zeros((6, 8, 3), np.uint8)
    meter = WarpingError()
    meter.add(black, *no_motion(black))
    meter.add(black + 255, *no_motion(black))
    assert meter.mean == pytest.approx(1.0)


def test_pairs_that_cannot_be_compared_count_for_nothing() -> None:
    meter = WarpingError()
    flow, mask = no_motion(photo())
    for seed in range(3):
        meter.add(photo(seed), flow, np.zeros_like(mask))
    assert math.isnan(meter.mean)
    assert above_floor(2.0, 3.0) == 0.0 and above_floor(3.0, 2.0) == 1.0


def test_known_motion_is_exact_to_the_noise() -> None:
    meter = WarpingError()
    masks = []
    for moved in known_motion(photo(), num_frames=12, noise=0.0):
        meter.add(moved.pixels, moved.flow_prev_to_cur, moved.mask)
        masks.append(moved.mask.mean())
    assert masks[0] == 0 and min(masks[1:]) > 0.7
    assert max(meter.per_pair) < (2 / 255) ** 2, "rounding and resampling only"


def test_known_motion_moves_by_parts_of_pixels_and_hides_things() -> None:
    frames = list(known_motion(photo(), num_frames=12, noise=0.0))
    flow = frames[5].flow_prev_to_cur
    speed = np.hypot(flow[..., 0], flow[..., 1])
    assert 0.05 < np.median(speed) < 3
    assert np.abs(speed - np.rint(speed)).mean() > 0.02
    inner = frames[11].mask[20:-20, 20:-20]
    assert 0 < (inner == 0).mean() < 0.2, "the disc's rim covers and uncovers"


def test_estimated_motion_agrees_with_known_motion() -> None:
    estimate = InputMotion()
    scene = known_motion(
        photo(height=144, width=192), num_frames=6, noise=1.0, with_object=False
    )
    for index, moved in enumerate(scene):
        flow, mask = estimate(moved.pixels)
        if index == 0:
            assert not mask.any()
            continue
        gap = np.linalg.norm(flow - moved.flow_prev_to_cur, axis=-1)
        assert mask.mean() > 0.5
        assert float(np.median(gap[mask > 0])) < 0.15


def test_estimated_motion_says_nothing_at_a_cut() -> None:
    estimate = InputMotion()
    estimate(photo(1))
    estimate(photo(1))
    assert not estimate(photo(2))[1].any()


def test_flicker_of_noise_is_its_standard_deviation() -> None:
    grey = np.full((40, 50, 3), 128, np.uint8)
    meter = TemporalDeviation()
    for frame in noisy_still(grey, num_frames=60, noise=5.0):
        meter.add(frame)
    assert meter.value == pytest.approx(5.0, rel=0.05)
    assert flicker_gain(10.0, 5.0) == 2.0


def test_flicker_agrees_with_numpy() -> None:
    frames = list(noisy_still(photo(), num_frames=9))
    meter = TemporalDeviation()
    assert math.isnan(meter.value)
    for frame in frames:
        meter.add(frame)
    expected = np.stack(frames).astype(np.float64).std(axis=0, ddof=1).mean()
    assert meter.value == pytest.approx(float(expected))


def test_drift_sees_a_picture_that_brightens_and_one_that_does_not() -> None:
    still, rising = DriftMeter(), DriftMeter()
    assert still.value is None
    for index in range(31):
        still.add(photo())
        rising.add((photo() // 2 + index).astype(np.uint8))
    assert still.value is not None and rising.value is not None
    assert still.value.colour == 0 and still.value.texture == 1
    assert rising.value.colour == pytest.approx(20.0)
    assert rising.value.texture == pytest.approx(1.0, rel=1e-3)
    assert rising.value.num_frames == 31


def test_blur_lowers_the_laplacian_energy_and_flat_has_none() -> None:
    blurred = np.asarray(cv2.GaussianBlur(photo(), (0, 0), 2)).astype(np.uint8)
    assert laplacian_energy(blurred) < laplacian_energy(photo()) / 1.5
    assert laplacian_energy(np.full((9, 9, 3), 77, np.uint8)) == 0.0


def test_warp_leaves_its_inputs_and_zero_flow_is_identity() -> None:
    picture = photo().astype(np.float32)
    flow, _ = no_motion(photo())
    assert (warp(picture, flow) == picture).all()
    assert (picture == photo()).all() and not flow.any()


def test_traceable_refuses_what_left_the_picture_and_what_does_not_return() -> None:
    flow = np.zeros((20, 30, 2), np.float32)
    flow[..., 0] = 4.0
    assert traceable(flow, -flow)[:, :26].all()
    assert not traceable(flow, -flow)[:, 26:].any()
    assert not traceable(flow, flow).any()


def test_a_motion_boundary_lies_where_the_flow_jumps() -> None:
    flow = np.zeros((20, 30, 2), np.float32)
    flow[:, 15:, 1] = 3.0
    boundary = motion_boundary(flow)
    assert boundary[:, 14].all() and boundary.sum() == 20
