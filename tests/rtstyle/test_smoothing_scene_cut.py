"""A cut is told from motion, fades, dissolves and flashes; live as offline."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pytest

from rtstyle.smoothing import SceneCutDetector
from rtstyle_streams.frame import Pixels


def scene(seed: int, *, height: int = 90, width: int = 160, block: int = 15) -> Pixels:
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(20, 235, (height // block + 1, width // block + 1, 3))
    blocks: npt.NDArray[np.float64] = coarse.repeat(block, 0).repeat(block, 1)[
        :height, :width
    ]
    return np.asarray(blocks.astype(np.uint8))


def to_frame(values: npt.NDArray[np.floating]) -> Pixels:
    return np.asarray(np.clip(np.rint(values), 0, 255), dtype=np.uint8)


def cuts(frames: Iterable[Pixels]) -> list[int]:
    detector = SceneCutDetector()
    return [index for index, frame in enumerate(frames) if detector(frame)]


def test_a_hard_cut_is_found_at_its_first_frame() -> None:
    frames = [scene(1)] * 4 + [scene(2)] * 4 + [scene(3)] * 2
    assert cuts(frames) == [4, 8]


@pytest.mark.parametrize(
    "size", [(90, 160), (160, 90), (31, 57), (40, 30), (720, 1280)]
)
def test_a_cut_is_found_in_every_format(size: tuple[int, int]) -> None:
    height, width = size
    first = scene(1, height=height, width=width)
    assert cuts([first, first, 255 - first]) == [2]


def test_a_fade_to_black_and_back_is_no_cut() -> None:
    levels = [1.0 - step / 12 for step in range(13)]
    frames = [to_frame(scene(1) * level) for level in levels + levels[::-1]]
    assert cuts(frames) == []


def test_a_dissolve_is_no_cut() -> None:
    shares = np.linspace(0, 1, 13)
    one, other = scene(1).astype(float), scene(2).astype(float)
    assert cuts(to_frame((1 - s) * one + s * other) for s in shares) == []


@pytest.mark.parametrize("gain, offset", [(1.6, 40.0), (1.0, 90.0), (0.4, 0.0)])
def test_a_flash_is_no_cut(gain: float, offset: float) -> None:
    flash = to_frame(scene(1) * gain + offset)
    assert cuts([scene(1)] * 3 + [flash] + [scene(1)] * 3) == []


@pytest.mark.parametrize("level", [0, 255])
def test_one_empty_frame_is_no_cut(level: int) -> None:
    empty = np.full_like(scene(1), level)
    assert cuts([scene(1)] * 3 + [empty] + [scene(1)] * 3) == []


def test_another_scene_after_black_is_a_cut() -> None:
    black = np.zeros_like(scene(1))
    assert cuts([scene(1), black, black, scene(2), scene(2)]) == [3]


def test_motion_and_noise_are_no_cuts() -> None:
    rng = np.random.default_rng(0)
    wide = scene(1, width=400, block=40)
    pan = [wide[:, 8 * step : 8 * step + 160] for step in range(20)]
    assert cuts(to_frame(frame + rng.normal(0, 12, frame.shape)) for frame in pan) == []


def test_reset_forgets_the_scene() -> None:
    detector = SceneCutDetector()
    detector(scene(1))
    detector.reset()
    assert not detector(scene(2))
