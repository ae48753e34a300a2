"""Short runs of frames from all over a source, without reading all of it."""

from collections.abc import Iterator
from itertools import islice

from rtstyle_streams.frame import Frame
from rtstyle_streams.protocols import Source
from rtstyle_streams.video.reader import VideoReader

READ_THROUGH = 600
"""A film of no more frames is read from end to end: quicker than to look for places."""
LIVE_SECONDS = 0.5
"""Between two runs of a camera's frames."""


def excerpts(source: Source, count: int, *, length: int = 2) -> Iterator[list[Frame]]:
    """Yield runs of consecutive frames, spread evenly over a source.

    A long film is opened at its key frames, so that hours cost no more than minutes;
    the runs then lie where those are. Of a camera there is a run every half second.

    Args:
        source: One that has not been read from.
        count: How many runs at most; fewer where there are not as many frames.
        length: Frames of a run at most; fewer at the end.

    Raises:
        SourceError: the source broke.
    """
    info = source.info
    if info.is_live:
        yield from _of_camera(source, count, length)
    elif isinstance(source, VideoReader) and _is_long(info.num_frames):
        yield from _at_key_frames(source, count, length)
    else:
        total = info.num_frames or READ_THROUGH
        yield from _read_through(source, max(length, total // count), count, length)


def _is_long(num_frames: int | None) -> bool:
    return num_frames is not None and num_frames > READ_THROUGH


def _read_through(
    source: Source, every: int, count: int, length: int
) -> Iterator[list[Frame]]:
    frames = iter(source)
    for _ in range(count):
        run = list(islice(frames, length))
        if not run:
            return
        yield run
        next(islice(frames, every - length, every - length), None)


def _at_key_frames(
    source: VideoReader, count: int, length: int
) -> Iterator[list[Frame]]:
    rate, total = source.info.frame_rate or 25, source.info.num_frames or 0
    seen: set[int] = set()
    for number in range(count):
        if not source.go_near(float(total * number / count / rate)):
            return
        run = list(islice(source, length))
        if run and run[0].pts not in seen:
            seen.add(run[0].pts)
            yield run


def _of_camera(source: Source, count: int, length: int) -> Iterator[list[Frame]]:
    run: list[Frame] = []
    given, due = 0, 0.0
    for frame in source:
        if not run and frame.pts_seconds < due:
            continue
        run.append(frame)
        if len(run) == length:
            yield run
            given, due, run = given + 1, frame.pts_seconds + LIVE_SECONDS, []
            if given == count:
                return
