"""What every smoother promises, on scenes drawn here."""

import numpy as np
import numpy.typing as npt
import pytest

from rtstyle.errors import UsageError
from rtstyle.smoothing import GateSmoother, Smoother, SmoothMode, make_smoother
from rtstyle_streams.errors import FrameError
from rtstyle_streams.frame import Pixels
from tests.rtstyle.long_film import picture

MODES: list[SmoothMode] = ["gate", "flow"]
HEIGHT, WIDTH = 90, 134


def scene(seed: int = 0, *, height: int = HEIGHT, width: int = WIDTH) -> Pixels:
    """Smooth random blobs: texture for the flow, no two seeds alike."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(20, 235, (height // 12 + 2, width // 12 + 2, 3))
    fine = coarse.repeat(12, axis=0).repeat(12, axis=1)
    return fine[:height, :width].astype(np.uint8)


def noisy(pixels: Pixels, rng: np.random.Generator, sigma: float = 4.0) -> Pixels:
    noise = rng.normal(0, sigma, pixels.shape)
    return np.clip(np.rint(pixels + noise), 0, 255).astype(np.uint8)


def error(first: Pixels, second: Pixels) -> npt.NDArray[np.int64]:
    return np.asarray(np.abs(first.astype(np.int64) - second))


def feed(smoother: Smoother, content: Pixels, stylized: Pixels, times: int) -> Pixels:
    out = stylized
    for _ in range(times):
        out = smoother(content, stylized)
    return out


def test_off_hands_the_same_object_on() -> None:
    stylized = scene(1)
    smoother = make_smoother("off")
    assert smoother(scene(), stylized) is stylized
    assert smoother(scene(), stylized) is stylized


def test_an_unknown_mode_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match="expected one of off, gate, flow, got 'soft'"):
        make_smoother("soft")  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", MODES)
def test_the_first_frame_is_unchanged(mode: SmoothMode) -> None:
    assert (make_smoother(mode)(scene(), scene(1)) == scene(1)).all()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [(90, 134), (17, 33), (5, 3), (64, 64)])
def test_a_smoother_leaves_its_inputs_as_they_were(
    mode: SmoothMode, size: tuple[int, int]
) -> None:
    height, width = size
    content = scene(height=height, width=width)
    first = scene(1, height=height, width=width)
    second = scene(2, height=height, width=width)
    smoother = make_smoother(mode)
    out = smoother(content, first)
    later = smoother(content, second)
    assert later.shape == second.shape and later.dtype == np.uint8
    assert (content == scene(height=height, width=width)).all()
    assert (out == first).all() and (
        first == scene(1, height=height, width=width)
    ).all()
    assert (second == scene(2, height=height, width=width)).all()


@pytest.mark.parametrize("mode", MODES)
def test_a_frame_given_out_is_not_changed_by_later_ones(mode: SmoothMode) -> None:
    smoother = make_smoother(mode)
    smoother(scene(), scene(1))
    out = smoother(scene(), scene(2))
    before = out.copy()
    smoother(scene(), scene(3))
    assert (out == before).all()


@pytest.mark.parametrize("mode", MODES)
def test_a_still_scene_converges_to_within_one_of_255(mode: SmoothMode) -> None:
    smoother = make_smoother(mode)
    content = scene()
    smoother(content, np.full_like(content, 100))
    last = feed(smoother, content, np.full_like(content, 110), 60)
    assert error(last, np.full_like(last, 110)).max() <= 1


@pytest.mark.parametrize("mode", MODES)
def test_noise_of_a_still_scene_falls_to_a_third(mode: SmoothMode) -> None:
    rng = np.random.default_rng(3)
    smoother = make_smoother(mode)
    frames = [noisy(scene(), rng, 5.0) for _ in range(60)]
    outs = [smoother(frame, frame) for frame in frames]
    before = np.stack(frames[30:]).astype(np.float64).std(axis=0).mean()
    after = np.stack(outs[30:]).astype(np.float64).std(axis=0).mean()
    assert after < before / 3


@pytest.mark.parametrize("mode", MODES)
def test_drift_is_bounded_over_a_thousand_still_noisy_frames(mode: SmoothMode) -> None:
    rng = np.random.default_rng(4)
    smoother = make_smoother(mode)
    content = scene(height=48, width=64)
    stylized = scene(5, height=48, width=64)
    for index in range(1000):
        out = smoother(noisy(content, rng), noisy(stylized, rng))
        if index == 10:
            early = out.astype(np.float64)
    late = out.astype(np.float64)
    assert np.abs(late.mean((0, 1)) - early.mean((0, 1))).max() < 0.5
    assert abs(np.diff(late, axis=1).std() - np.diff(early, axis=1).std()) < 0.5
    assert np.abs(late - stylized).mean() < 2.0


@pytest.mark.parametrize("mode", MODES)
def test_a_slow_fade_is_followed_within_a_few_levels(mode: SmoothMode) -> None:
    smoother = make_smoother(mode)
    lags = []
    for step in range(60):
        frame = (scene() // 2 + step).astype(np.uint8)
        lags.append(int(error(smoother(frame, frame), frame).max()))
    assert max(lags) <= 10


@pytest.mark.parametrize("mode", MODES)
def test_nothing_is_left_behind_a_fast_object(mode: SmoothMode) -> None:
    rng = np.random.default_rng(6)
    smoother = make_smoother(mode)
    background = scene(height=96, width=240)
    residues = []
    for step in range(16):
        frame = background.copy()
        frame[30:60, 12 * step : 12 * step + 24] = (250, 240, 10)
        noisy_frame = noisy(frame, rng, 2.0)
        out = smoother(noisy_frame, noisy_frame)
        behind = np.s_[28:62, max(0, 12 * step - 60) : max(1, 12 * step - 8)]
        residues.append(error(out[behind], background[behind]).mean())
    assert max(residues[2:]) < 2.5, "the noise itself is 1.6"


@pytest.mark.parametrize("mode, fringe_px", [("gate", 1), ("flow", 6)])
def test_a_thin_dim_bar_leaves_no_trail(mode: SmoothMode, fringe_px: int) -> None:
    smoother = make_smoother(mode)
    grey = np.full((96, 240, 3), 100, np.uint8)
    smoother(grey, grey)
    for step in range(1, 20):
        frame = grey.copy()
        frame[20:80, 10 * step : 10 * step + 3] = 140
        out = smoother(frame, frame)
        assert error(out, grey)[:, : 10 * step - fringe_px].max() <= 1


@pytest.mark.parametrize("mode", MODES)
def test_reset_starts_afresh(mode: SmoothMode) -> None:
    smoother = make_smoother(mode)
    feed(smoother, scene(), scene(1), 3)
    assert (smoother(scene(), scene(2)) != scene(2)).any()
    smoother.reset()
    assert (smoother(scene(), scene(2)) == scene(2)).all()


@pytest.mark.parametrize("mode", MODES)
def test_a_scene_cut_starts_afresh(mode: SmoothMode) -> None:
    smoother = make_smoother(mode)
    feed(smoother, scene(), scene(1), 3)
    assert (smoother(scene(7), scene(2)) == scene(2)).all()


@pytest.mark.parametrize("mode", MODES)
def test_a_new_size_starts_afresh(mode: SmoothMode) -> None:
    smoother = make_smoother(mode)
    feed(smoother, scene(), scene(1), 3)
    small = scene(2, height=40, width=72)
    assert (smoother(scene(height=40, width=72), small) == small).all()


@pytest.mark.parametrize("mode", MODES)
def test_a_red_picture_stays_red(mode: SmoothMode) -> None:
    red = np.zeros((40, 72, 3), np.uint8)
    red[..., 0] = 255
    assert (feed(make_smoother(mode), red, red, 30) == red).all()


@pytest.mark.parametrize("mode", MODES)
def test_frames_that_do_not_belong_together_are_refused(mode: SmoothMode) -> None:
    smoother = make_smoother(mode)
    with pytest.raises(FrameError, match="expected the content frame's shape"):
        smoother(scene(), scene(height=80))
    with pytest.raises(FrameError, match=r"expected uint8 RGB .* got float64"):
        smoother(scene(), scene().astype(np.float64))


def test_flow_keeps_a_moving_picture_steadier_than_the_gate() -> None:
    rng = np.random.default_rng(8)
    wide = scene(height=120, width=400)
    wide = wide[:, :-2] // 3 + wide[:, 1:-1] // 3 + wide[:, 2:] // 3
    errors = {}
    for mode in MODES:
        smoother = make_smoother(mode)
        for step in range(30):
            content = wide[:, 4 * step : 4 * step + 200]
            out = smoother(content, noisy(content, rng, 8.0))
        errors[mode] = error(out, content)[20:-20, 20:-20].mean()
    assert errors["flow"] < 0.75 * errors["gate"]


def test_the_gate_passes_a_moving_picture_unchanged() -> None:
    smoother = GateSmoother()
    wide = scene(height=120, width=400)
    for step in range(8):
        content = np.ascontiguousarray(wide[:, 9 * step : 9 * step + 200])
        out = smoother(content, content)
    assert error(out, content).mean() < 0.5


@pytest.mark.parametrize("mode", ["gate", "flow"])
def test_a_smoother_that_goes_on_is_one_that_never_stopped(mode: SmoothMode) -> None:
    pictures = [picture(index, shot_frames=25) for index in range(40)]
    whole = make_smoother(mode)
    steady = [whole(p, 255 - p) for p in pictures]
    for stop in (1, 17, 25, 33):
        first, second = make_smoother(mode), make_smoother(mode)
        for p in pictures[:stop]:
            first(p, 255 - p)
        second.restore(first.state())
        for p, expected in zip(pictures[stop:], steady[stop:], strict=True):
            assert (second(p, 255 - p) == expected).all()
        left, right = second.state(), whole.state()
        assert left.keys() == right.keys()
        for name, array in left.items():
            assert array.tobytes() == right[name].tobytes(), name
