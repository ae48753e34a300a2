import struct

import numpy as np
import pytest

from rtstyle_streams.video.rotation import Orientation, read_display_matrix

PICTURE = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
ONE = 1 << 16


def matrix(a: int, b: int, c: int, d: int) -> bytes:
    return struct.pack("=9i", a * ONE, b * ONE, 0, c * ONE, d * ONE, 0, 0, 0, 1 << 30)


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ((1, 0, 0, 1), PICTURE),
        ((-1, 0, 0, 1), PICTURE[:, ::-1]),
        ((1, 0, 0, -1), PICTURE[::-1]),
        ((-1, 0, 0, -1), PICTURE[::-1, ::-1]),
        ((0, 1, -1, 0), np.rot90(PICTURE, -1)),
        ((0, -1, 1, 0), np.rot90(PICTURE)),
        ((0, 1, 1, 0), PICTURE.transpose(1, 0, 2)),
        ((0, -1, -1, 0), np.rot90(PICTURE, 2).transpose(1, 0, 2)),
    ],
)
def test_all_eight_orientations_are_turned_upright(
    entries: tuple[int, int, int, int], expected: "np.ndarray[tuple[int, int, int]]"
) -> None:
    orientation = read_display_matrix(matrix(*entries))
    assert orientation is not None
    before = PICTURE.copy()
    turned = orientation.apply(PICTURE)
    assert turned.shape == expected.shape
    assert (turned == expected).all()
    assert turned.flags.c_contiguous
    assert (before == PICTURE).all(), "the input was changed in place"
    assert (orientation == Orientation()) is (entries == (1, 0, 0, 1))


def test_an_upright_picture_is_not_copied() -> None:
    assert Orientation().apply(PICTURE) is PICTURE


def test_a_slanted_matrix_is_none() -> None:
    assert read_display_matrix(struct.pack("=9i", *[46341] * 9)) is None
