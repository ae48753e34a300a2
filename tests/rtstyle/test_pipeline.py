"""Files: every frame once, in order, whatever breaks."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from rtstyle.offline.pipeline import READ_AHEAD, Pipeline, read_ahead
from rtstyle.stylizer.stylizer import Stylizer
from rtstyle_streams.errors import SinkError, SourceError
from rtstyle_streams.memory import ListSink, ListSource
from tests.tiny_styles import write_negative


def pictures(count: int) -> list[np.ndarray]:
    return [np.full((16, 24, 3), (10 + k) % 256, np.uint8) for k in range(count)]


@pytest.fixture(params=[1, 2])
def stylizer(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Stylizer]:
    path = str(write_negative(tmp_path))
    with Stylizer(path, device="cpu", workers=request.param) as made:
        yield made


def test_run_keeps_count_order_and_time(stylizer: Stylizer) -> None:
    source, sink = ListSource(pictures(20)), ListSink()
    seen: list[int] = []
    summary = Pipeline(source, stylizer, sink).run(lambda f: seen.append(f.index))
    assert summary.num_frames == 20 and summary.frames_per_second > 0
    assert seen == [f.index for f in sink.frames] == list(range(20))
    assert [f.pts for f in sink.frames] == list(range(20))
    for k, frame in enumerate(sink.frames):
        assert (frame.pixels == 245 - k).all()


def test_an_error_of_the_source_reaches_the_caller(stylizer: Stylizer) -> None:
    source, sink = ListSource(pictures(9), fail_at=5), ListSink()
    with pytest.raises(SourceError, match="failed at frame 5"):
        Pipeline(source, stylizer, sink).run()
    assert no_threads_left()


def test_an_error_of_the_sink_stops_everything(stylizer: Stylizer) -> None:
    source, sink = ListSource(pictures(500)), ListSink(fail_at=3)
    began = time.monotonic()
    with pytest.raises(SinkError, match="frame 3"):
        Pipeline(source, stylizer, sink).run()
    assert time.monotonic() - began < 20.0
    assert no_threads_left()


def test_an_error_of_the_network_stops_everything(stylizer: Stylizer) -> None:
    def fail(inputs: object) -> dict[str, np.ndarray]:
        raise RuntimeError("the network broke, as asked")

    stylizer.sessions[0].run = fail  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="the network broke, as asked"):
        Pipeline(ListSource(pictures(50)), stylizer, ListSink()).run()
    assert no_threads_left()


def test_reading_ahead_is_bounded() -> None:
    taken: list[int] = []

    class Counting(ListSource):
        def __iter__(self):  # type: ignore[no-untyped-def]
            for frame in super().__iter__():
                taken.append(frame.index)
                yield frame

    with read_ahead(Counting(pictures(100))) as frames:
        next(frames)
        time.sleep(0.2)
        assert len(taken) <= READ_AHEAD + 2


def no_threads_left() -> bool:
    """Tell whether the pipeline's threads end within half a minute."""
    for _ in range(600):
        names = {thread.name for thread in threading.enumerate()}
        if not any(name.startswith(("network", "source")) for name in names):
            return True
        time.sleep(0.05)
    return False
