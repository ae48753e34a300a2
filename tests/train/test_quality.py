"""Every figure on pictures whose figure is known."""

import colorsys
import math

import numpy as np
import pytest
import torch

from rtstyle.metrics.structure import C1, C2, ssim
from rtstyle_streams.frame import Pixels
from rtstyle_train.evaluation.quality.border import border_colour, border_energy
from rtstyle_train.evaluation.quality.colour import Palette, to_lab
from rtstyle_train.evaluation.quality.features import FeatureJudge
from rtstyle_train.evaluation.quality.grid import grid_db
from rtstyle_train.evaluation.quality.speed import frames_per_second
from rtstyle_train.evaluation.quality.stability import noise_gain, shift_gain
from tests.train.tiny_vgg import tiny_vgg

HEIGHT, WIDTH = 256, 320


def noise(*, low: int = 60, high: int = 200, seed: int = 0) -> Pixels:
    shape = (HEIGHT, WIDTH, 3)
    return np.random.default_rng(seed).integers(low, high, shape).astype(np.uint8)


def flat(*colour: int) -> Pixels:
    picture = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    picture[:] = colour
    return picture


def keep(pixels: Pixels) -> Pixels:
    return pixels


# structure


def test_ssim_of_equal_pictures_is_one() -> None:
    assert ssim(noise(), noise()) == pytest.approx(1.0)


def test_ssim_of_two_grey_pictures_is_the_first_quotient_alone() -> None:
    wanted = (2 * 100 * 150 + C1) / (100**2 + 150**2 + C1)
    found = ssim(flat(100, 100, 100), flat(150, 150, 150))
    assert found == pytest.approx(wanted, abs=1e-6)


def test_ssim_of_one_window_is_the_formula_of_the_paper() -> None:
    x, y = noise(seed=1)[:11, :11], noise(seed=2)[:11, :11]
    x, y = (np.repeat(p[..., :1], 3, axis=2) for p in (x, y))
    bell = np.exp(-((np.arange(11) - 5) ** 2) / (2 * 1.5**2))
    weight = np.outer(bell, bell) / np.outer(bell, bell).sum()
    a, b = x[..., 0].astype(np.float64), y[..., 0].astype(np.float64)
    mean_a, mean_b = (weight * a).sum(), (weight * b).sum()
    var_a = (weight * (a - mean_a) ** 2).sum()
    var_b = (weight * (b - mean_b) ** 2).sum()
    both = (weight * (a - mean_a) * (b - mean_b)).sum()
    wanted = (2 * mean_a * mean_b + C1) * (2 * both + C2)
    wanted /= (mean_a**2 + mean_b**2 + C1) * (var_a + var_b + C2)
    assert ssim(x, y) == pytest.approx(wanted, abs=1e-9)


def test_ssim_of_a_negative_is_below_zero() -> None:
    assert ssim(255 - noise(), noise()) < -0.5


# colour


def test_the_colours_of_a_shuffled_picture_have_no_distance() -> None:
    picture = noise()
    shuffled = picture.reshape(-1, 3).copy()
    np.random.default_rng(3).shuffle(shuffled)
    assert Palette(picture).distance(Palette(shuffled.reshape(picture.shape))) == 0.0


def test_a_lighter_picture_is_as_far_as_its_lightness_moved() -> None:
    dark, light = flat(90, 90, 90), flat(140, 140, 140)
    moved = float(to_lab(light)[0, 0, 0] - to_lab(dark)[0, 0, 0])
    assert Palette(dark).distance(Palette(light)) == pytest.approx(moved, rel=0.01)


def test_a_tinted_picture_is_about_as_far_as_its_hue_moved() -> None:
    first, second = flat(180, 120, 120), flat(120, 150, 190)
    moved = np.linalg.norm(to_lab(first)[0, 0] - to_lab(second)[0, 0])
    assert Palette(first).distance(Palette(second)) == pytest.approx(moved, rel=0.1)


def test_a_collapsed_palette_shows_as_one_hue() -> None:
    shades = np.linspace(0.2, 1.0, WIDTH)[None, :, None]
    blue = (np.ones((HEIGHT, 1, 1)) * shades * (40, 80, 200)).astype(np.uint8)
    wheel = np.array(
        [[colorsys.hsv_to_rgb(x / WIDTH, 0.8, 0.9) for x in range(WIDTH)]] * HEIGHT
    )
    colourful = (wheel * 255).astype(np.uint8)
    assert Palette(blue).variety < 2.5
    assert Palette(colourful).variety > 12


def test_one_tone_has_one_hue_and_grey_has_none() -> None:
    assert Palette(flat(200, 60, 40)).variety == pytest.approx(1.0)
    grey = Palette(flat(128, 128, 128))
    assert grey.variety == 0.0
    assert grey.chroma < 0.1


def test_equal_amounts_of_two_far_hues_count_as_two() -> None:
    both = flat(40, 60, 200)
    blue = Palette(both)
    both[:, : WIDTH // 2] = (220, 200, 30)
    palette = Palette(both)
    assert palette.variety == pytest.approx(2.0, abs=0.1)
    yellow = Palette(flat(220, 200, 30))
    assert blue.hue_overlap(yellow) == 0.0
    shared = blue.hue_overlap(palette) + yellow.hue_overlap(palette)
    assert shared == pytest.approx(1.0)


# stability


class Amplify:
    """Multiplies contrast; adds its own noise when asked to."""

    def __init__(self, factor: float, *, own_noise: float = 0.0) -> None:
        self.factor, self.own_noise = factor, own_noise
        self.random = np.random.default_rng(5)

    def __call__(self, pixels: Pixels) -> Pixels:
        values = 128 + self.factor * (pixels.astype(np.float64) - 128)
        values += self.random.normal(0, self.own_noise or 1e-9, pixels.shape)
        return np.clip(np.rint(values), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("factor", [0.0, 1.0, 3.0])
def test_noise_grows_as_contrast_does(factor: float) -> None:
    grey = noise(low=115, high=140)
    assert noise_gain(Amplify(factor), grey) == pytest.approx(factor, rel=0.02)


def test_noise_that_a_network_adds_is_counted() -> None:
    grey = noise(low=115, high=140)
    found = noise_gain(Amplify(1.0, own_noise=6.0), grey)
    # rounding adds 1/12 to the variance of each copy
    assert found == pytest.approx(math.sqrt(1 + 36.1 / (4 + 1 / 12)), rel=0.03)


def test_a_network_that_moves_with_its_picture_is_steady() -> None:
    assert shift_gain(keep, noise()) == 0.0
    assert shift_gain(lambda pixels: 255 - pixels, noise()) == 0.0


def test_a_pattern_that_stays_on_the_screen_is_not_steady() -> None:
    content = noise(low=100, high=150)

    def chequer(pixels: Pixels) -> Pixels:
        lines, columns = np.indices(pixels.shape[:2])
        sign = np.where((lines + columns) % 2, 10, -10)[..., None]
        return (pixels + sign).astype(np.uint8)

    own = np.diff(content.astype(np.float64), axis=1)
    wanted = 20 / np.sqrt(np.square(own).mean())
    assert shift_gain(chequer, content) == pytest.approx(wanted, rel=0.03)


# grid


def wave(period: int, amplitude: float, *, axis: int) -> Pixels:
    places = np.indices((HEIGHT, WIDTH))[axis]
    value = amplitude * np.cos(2 * np.pi * places / period)
    grey = np.rint(128 + value)[..., None]
    return np.repeat(grey, 3, axis=2).astype(np.uint8)


@pytest.mark.parametrize("period", [2, 4, 8])
def test_noise_and_flat_pictures_have_no_grid(period: int) -> None:
    assert abs(grid_db(noise(), period=period)) < 0.5
    assert grid_db(flat(90, 120, 60), period=period) == pytest.approx(0.0)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("period", [2, 4, 8])
def test_a_painted_grid_is_found_at_its_period(period: int, axis: int) -> None:
    picture = wave(period, 8, axis=axis)
    assert grid_db(picture, period=period) > 25
    others = {2, 4, 8} - {period, period // 2}  # rounding makes harmonics
    assert all(grid_db(picture, period=other) < 1 for other in others)


def test_a_wave_of_known_height_has_the_energy_of_the_formula() -> None:
    # cos(pi n / 2) takes whole values only: no rounding
    window = np.hanning(65)[:64]
    power = (8 * window.sum() / 2) ** 2
    floor = np.square(window).sum() / 12
    wanted = 10 * math.log10((power + floor) / floor)
    found = grid_db(wave(4, 8, axis=1), period=4)
    assert found == pytest.approx(wanted, abs=0.1)


def test_a_grid_of_less_than_rounding_is_no_grid() -> None:
    assert grid_db(wave(4, 0.3, axis=1), period=4) == pytest.approx(0.0)


def test_a_grid_shows_on_a_full_picture_too() -> None:
    picture = (noise(low=100, high=150).astype(np.int64) + wave(4, 12, axis=1)) - 128
    assert grid_db(picture.astype(np.uint8), period=4) > 5


def test_too_small_a_picture_for_a_grid_is_refused() -> None:
    with pytest.raises(ValueError, match="expected at least 64 pixels"):
        grid_db(noise()[:40], period=4)


# border


def framed(content: Pixels, *colour: int, width: int = 16) -> Pixels:
    picture = content.copy()
    inner = np.zeros(picture.shape[:2], bool)
    inner[width:-width, width:-width] = True
    picture[~inner] = colour
    return picture


def test_an_unchanged_picture_has_no_border() -> None:
    assert border_colour(noise(), noise()) == 0.0
    assert border_energy(noise(), noise()) == 0.0


@pytest.mark.parametrize("width", [16, 32, 48])
def test_a_painted_frame_is_as_strong_as_its_colour_is_off(width: int) -> None:
    content = flat(120, 120, 120)
    picture = framed(content, 120, 120, 160, width=width)
    wanted = np.linalg.norm(to_lab(picture)[0, 0] - to_lab(content)[0, 0])
    assert border_colour(picture, content) == pytest.approx(wanted, rel=1e-4)


def test_a_change_of_all_colours_is_no_border() -> None:
    assert border_colour(flat(200, 100, 40), flat(90, 120, 60)) == pytest.approx(0.0)


def test_a_smooth_frame_around_rough_strokes_shows_in_the_energy() -> None:
    content = noise()
    picture = framed(content, 130, 130, 130)
    assert border_energy(picture, content) > 10
    assert border_energy(255 - content, content) == pytest.approx(0.0, abs=0.1)


def test_too_small_a_picture_for_a_border_is_refused() -> None:
    with pytest.raises(ValueError, match="expected at least 224 pixels"):
        border_colour(noise()[:200], noise()[:200])


# features


def judge() -> FeatureJudge:
    layers = ("relu1_1", "relu2_1", "relu3_1")
    return FeatureJudge(tiny_vgg(), content_layer="relu2_1", style_layers=layers)


def test_a_picture_has_its_own_content_and_style() -> None:
    seen = judge().see(noise())
    assert judge().content(seen, seen) == 0.0
    assert judge().style(seen, seen) == 0.0


def test_a_black_picture_has_style_loss_one() -> None:
    found = judge().style(judge().see(flat(0, 0, 0)), judge().see(noise()))
    assert found == pytest.approx(1.0)


def test_style_loss_is_the_mean_of_the_formula_over_the_layers() -> None:
    first, second = noise(seed=1), noise(seed=2, high=120)
    vgg = tiny_vgg()
    losses = []
    for layer in ("relu1_1", "relu2_1", "relu3_1"):
        grams = []
        for pixels in (first, second):
            x = torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255
            features = vgg(x, [layer])[layer][0].flatten(1).double()
            grams.append(features @ features.T / features.shape[1])
        gap = (grams[0] - grams[1]).square().sum() / grams[1].square().sum()
        losses.append(float(gap))
    found = judge().style(judge().see(first), judge().see(second))
    assert found == pytest.approx(sum(losses) / 3, rel=1e-4)


def test_darkening_costs_no_content_and_other_pictures_do() -> None:
    content = noise(low=0, high=120)
    seen = judge().see(content)
    brighter = judge().see((content * 2).astype(np.uint8))
    assert judge().content(brighter, seen) < 0.01
    assert judge().content(judge().see(noise(seed=9)), seen) > 0.5


# speed


class Clock:
    """Every frame takes 20 ms, but the first two (warming up) and one more."""

    def __init__(self) -> None:
        self.now = 0.0
        self.count = 0

    def __call__(self) -> float:
        return self.now

    def stylize(self, pixels: Pixels) -> Pixels:
        self.now += 1.0 if self.count in (0, 1, 5) else 0.02
        self.count += 1
        return pixels


def test_speed_is_the_median_without_warming_up() -> None:
    clock = Clock()
    fps = frames_per_second(clock.stylize, content=noise(), clock=clock)
    assert fps == pytest.approx(50.0)
    assert clock.count == 32


def test_a_slow_network_is_timed_three_times() -> None:
    clock = Clock()

    def slow(pixels: Pixels) -> Pixels:
        clock.now += 4.0
        clock.count += 1
        return pixels

    fps = frames_per_second(slow, content=noise(), clock=clock)
    assert fps == pytest.approx(0.25)
    assert clock.count == 5


def test_no_figure_changes_its_pictures() -> None:
    stylized, content = noise(seed=1), noise(seed=2)
    before = stylized.copy(), content.copy()
    Palette(stylized)
    judge().see(stylized)
    ssim(stylized, content)
    grid_db(stylized, period=2)
    border_colour(stylized, content)
    border_energy(stylized, content)
    noise_gain(keep, content)
    shift_gain(keep, content)
    assert (stylized == before[0]).all() and (content == before[1]).all()
