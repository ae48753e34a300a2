"""The picture with the statistics of photographs."""

import numpy as np

from rtstyle_streams.sample.leaves import dead_leaves


def test_a_seed_gives_one_picture_and_another_seed_another() -> None:
    first, again, other = (dead_leaves(n, width=96, height=64) for n in (1, 1, 2))
    assert first.shape == (64, 96, 3) and first.dtype == np.uint8
    assert (first == again).all()
    assert np.mean(first != other) > 0.5


def test_its_spectrum_falls_as_that_of_photographs_does() -> None:
    slopes = []
    for seed in range(4):
        grey = dead_leaves(seed, width=256, height=256).mean(axis=2)
        power = np.abs(np.fft.fft2(grey - grey.mean())) ** 2
        line, column = np.meshgrid(*[np.fft.fftfreq(256) * 256] * 2)
        radius = np.hypot(line, column)
        bands = [(4, 8), (8, 16), (16, 32), (32, 64)]
        means = [power[(radius >= a) & (radius < b)].mean() for a, b in bands]
        slopes.append(np.polyfit(np.arange(len(bands)), np.log2(means), 1)[0])
    assert -3.5 < np.mean(slopes) < -1.5  # photographs: about 1 / f ** 2
