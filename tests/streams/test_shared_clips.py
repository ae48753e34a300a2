"""Every shared clip, carried through unchanged pixels."""

from fractions import Fraction
from pathlib import Path

import av
import pytest

from rtstyle_streams.video.reader import VideoReader
from rtstyle_streams.video.writer import VideoWriter
from tests.streams.clips import frame_times, packets

CLIPS = [
    *("bigbuckbunny.mp4", "cockatoo.mp4", "realshort.mp4"),
    *("solidwhiteright.mp4", "udacity_test_video.mp4"),
    *("intel_book.mkv", "intel_night.mkv", "intel_sister.mkv", "intel_walk.mkv"),
]
TICKS = {".mp4": Fraction(0), ".mkv": Fraction(1, 2000)}


def carry(source: Path, target: Path) -> VideoReader:
    with (
        VideoReader(source) as reader,
        VideoWriter(target, reader.info, template=reader) as writer,
    ):
        for frame in reader:
            writer.write(frame)
    return reader


def audio_packets(path: Path) -> list[list[tuple[bytes, Fraction | None]]]:
    with av.open(str(path)) as container:
        indices = [stream.index for stream in container.streams.audio]
    return [packets(path, index) for index in indices]


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("name", CLIPS)
def test_a_shared_clip_keeps_its_frames_times_and_sound(
    shared: Path, tmp_path: Path, name: str, suffix: str
) -> None:
    source, target = shared / "data" / "clips" / name, tmp_path / f"out{suffix}"
    reader = carry(source, target)
    assert reader.num_decode_errors == 0
    before, after = frame_times(source), frame_times(target)
    assert len(after) == len(before)
    worst = max(abs(a - b) for a, b in zip(after, before, strict=True))
    assert worst <= TICKS[suffix]
    sound = zip(audio_packets(source), audio_packets(target), strict=True)
    for old, new in sound:
        assert [data for data, _ in new] == [data for data, _ in old]
        for (_, now), (_, then) in zip(new, old, strict=True):
            assert now is not None and then is not None
            assert abs(now - then) <= TICKS[suffix]
    with av.open(str(target)) as container:
        frame = next(container.decode(video=0))
        assert frame.colorspace == reader.colour.colorspace
        assert (frame.color_range == 2) is reader.colour.full_range
        assert frame.rotation == 0
