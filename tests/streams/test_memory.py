from fractions import Fraction

import numpy as np
import pytest

from rtstyle_streams.errors import SinkError, SourceError
from rtstyle_streams.memory import ListSink, ListSource, NullSink
from rtstyle_streams.protocols import Sink, Source

PICTURES = [np.full((4, 6, 3), i, np.uint8) for i in range(5)]


def test_the_doubles_keep_their_promises() -> None:
    assert isinstance(ListSource(PICTURES), Source)
    assert isinstance(ListSink(), Sink)
    assert isinstance(NullSink(), Sink)


def test_frames_go_through_unchanged_and_in_order() -> None:
    with ListSource(PICTURES, frame_rate=Fraction(25)) as source, ListSink() as sink:
        for frame in source:
            sink.write(frame)
    assert [frame.index for frame in sink.frames] == list(range(5))
    assert [frame.pts_seconds for frame in sink.frames] == [i / 25 for i in range(5)]
    assert all((f.pixels == PICTURES[f.index]).all() for f in sink.frames)
    assert sink.is_finished and sink.is_closed and source.is_closed
    assert (source.info.width, source.info.height) == (6, 4)
    assert source.info.num_frames == 5


def test_the_list_sink_keeps_copies() -> None:
    sink = ListSink()
    pixels = PICTURES[0].copy()
    sink.write(next(iter(ListSource([pixels]))))
    pixels[:] = 99
    assert (sink.frames[0].pixels == 0).all()


def test_a_live_source_says_when_a_frame_was_taken() -> None:
    frames = list(ListSource(PICTURES, is_live=True))
    taken = [frame.captured_ns or 0 for frame in frames]
    assert taken == sorted(taken)
    assert taken[0] > 0
    assert next(iter(ListSource(PICTURES))).captured_ns is None


def test_a_source_fails_where_it_is_told_to() -> None:
    seen: list[int] = []
    with pytest.raises(SourceError, match="failed at frame 3"):
        seen.extend(frame.index for frame in ListSource(PICTURES, fail_at=3))
    frames = iter(ListSource(PICTURES, fail_at=3))
    assert [next(frames).index for _ in range(3)] == [0, 1, 2]


def test_a_sink_fails_where_it_is_told_to_and_is_not_finished() -> None:
    sink = ListSink(fail_at=2)

    def run() -> None:
        with sink:
            for frame in ListSource(PICTURES):
                sink.write(frame)

    with pytest.raises(SinkError, match="failed at frame 2"):
        run()
    assert len(sink.frames) == 2
    assert sink.is_closed
    assert not sink.is_finished


def test_no_pictures_are_refused() -> None:
    with pytest.raises(SourceError, match="expected at least one"):
        ListSource([])
