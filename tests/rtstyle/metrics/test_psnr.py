"""Decibels of a squared error."""

import pytest

from rtstyle.metrics.psnr import psnr_db


@pytest.mark.parametrize(
    ("error", "wanted"), [(1.0, 48.13), (255.0**2, 0.0), (0.0, 108.13)]
)
def test_one_level_is_48_db_and_equal_pictures_stay_finite(
    error: float, wanted: float
) -> None:
    assert psnr_db(error) == pytest.approx(wanted, abs=0.01)
