"""The first frame is looked at and given out all the same."""

import numpy as np
import pytest

from rtstyle_streams.errors import SourceError
from rtstyle_streams.first_frame import PeekedSource
from rtstyle_streams.memory import ListSource


def pictures(count: int) -> list[np.ndarray]:
    return [np.full((8, 9, 3), value, np.uint8) for value in range(count)]


def test_every_frame_is_given_out_once_and_in_order() -> None:
    source = PeekedSource(ListSource(pictures(5)))
    assert (source.pixels == 0).all()
    assert [frame.index for frame in source] == [0, 1, 2, 3, 4]
    assert (source.info.width, source.info.height) == (9, 8)


def test_a_cameras_dark_frames_pass_before() -> None:
    source = PeekedSource(ListSource(pictures(5)), after=3)
    assert (source.pixels == 3).all()
    assert [frame.index for frame in source] == [3, 4]


@pytest.mark.parametrize(("count", "after"), [(0, 0), (3, 3)])
def test_a_source_without_a_first_frame_is_one_line(count: int, after: int) -> None:
    with pytest.raises(SourceError, match="expected a first frame, got none"):
        PeekedSource(_Short(pictures(count)), after=after)


def test_an_error_of_the_source_comes_where_its_frame_would_be() -> None:
    source = PeekedSource(ListSource(pictures(5), fail_at=2))
    frames = iter(source)
    assert [next(frames).index for _ in range(2)] == [0, 1]
    with pytest.raises(SourceError, match="frame 2"):
        next(frames)


class _Short(ListSource):
    """May be empty, other than its base, which takes its size from a picture."""

    def __init__(self, given: list[np.ndarray]) -> None:
        super().__init__(given or pictures(1))
        self._given = len(given)

    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter(list(super().__iter__())[: self._given])
