"""Files whose times start over in the middle: joined with `cat`, or broken."""

import io
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.stream import VideoStream

from rtstyle_streams.video.reader import VideoReader
from rtstyle_streams.video.timing import Timing
from rtstyle_streams.video.writer import VideoWriter
from tests.streams.clips import frame_times, numbered, packets, write_clip

SOUND_RATE = 48000
FRAME = Fraction(1, 25)


def clip_with_sound(path: Path, *, num_frames: int, sound_seconds: float) -> Path:
    """Write a clip whose sound is a tone that rises from first to last sample."""
    streams: list[AudioStream] = []

    def prepare(container: OutputContainer, _: VideoStream) -> None:
        stream = container.add_stream("aac", rate=SOUND_RATE)
        assert isinstance(stream, AudioStream)
        stream.layout = "mono"
        streams.append(stream)

    def write_sound(container: OutputContainer) -> None:
        steps = np.linspace(0.01, 0.3, round(sound_seconds * SOUND_RATE))
        tone = 0.3 * np.sin(np.cumsum(steps))[None].astype(np.float32)
        frame = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
        frame.sample_rate, frame.pts = SOUND_RATE, 0
        for packet in streams[0].encode(frame) + streams[0].encode():
            container.mux(packet)

    pictures = [numbered(i) for i in range(num_frames)]
    return write_clip(path, pictures, prepare=prepare, before_end=write_sound)


def joined(folder: Path, *parts: Path) -> Path:
    """Write the parts one behind the other into a file, as `cat` does."""
    path = folder / "joined.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def copy(source: Path, target: Path) -> tuple[VideoReader, VideoWriter]:
    """Carry a video through unchanged pixels."""
    with (
        VideoReader(source) as reader,
        VideoWriter(target, reader.info, template=reader) as writer,
    ):
        for frame in reader:
            writer.write(frame)
    return reader, writer


def sound(path: Path) -> tuple[list[bytes], list[Fraction]]:
    """Return bytes without their ADTS header, and time, of the packets of sound."""
    found = packets(path, 1)
    is_adts = path.suffix == ".ts"
    return (
        [data[7:] if is_adts else data for data, _ in found],
        [seconds for _, seconds in found if seconds is not None],
    )


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
@pytest.mark.parametrize("num_parts", [2, 3])
@pytest.mark.parametrize("sound_seconds", [1.7, 2.0])
def test_the_parts_of_a_joined_file_follow_each_other_with_their_sound(
    tmp_path: Path, suffix: str, num_parts: int, sound_seconds: float
) -> None:
    part = clip_with_sound(
        tmp_path / "part.ts", num_frames=50, sound_seconds=sound_seconds
    )
    target = tmp_path / f"out{suffix}"
    reader, writer = copy(joined(tmp_path, *[part] * num_parts), target)
    times = frame_times(target)
    assert len(times) == 50 * num_parts
    worst = max(abs(t - times[0] - i * FRAME) for i, t in enumerate(times))
    assert worst <= Fraction(1, 1000)
    data, heard = sound(target)
    assert data == sound(part)[0] * num_parts
    assert heard == sorted(set(heard))
    length = len(sound(part)[0])
    for k in range(1, num_parts):
        late = [
            heard[k * length + i] - heard[i] - (times[50 * k] - times[0])
            for i in range(length)
        ]
        assert max(map(abs, late)) < Fraction(1, 10)
        assert abs(late[5]) <= Fraction(2, 1000), "what overlaps is over by then"
    assert [line.split(" at ")[1] for line in reader.notices] == [
        f"{float(frame_times(part)[0]) + 2 * k:.2f} s, as in joined files; "
        "they go on there"
        for k in range(1, num_parts)
    ]
    assert reader.num_decode_errors == 0
    assert not any("broken" in line for line in writer.notices)


def test_sound_behind_a_jump_waits_for_the_video(tmp_path: Path) -> None:
    part = clip_with_sound(tmp_path / "part.ts", num_frames=50, sound_seconds=1.7)
    with (
        VideoReader(joined(tmp_path, part, part)) as reader,
        VideoWriter(tmp_path / "out.mkv", reader.info, template=reader) as writer,
    ):
        side = writer._side
        assert side is not None
        length = len(sound(part)[0])
        assert len(list(side.until(Fraction(4)))) == length
        for _, _ in zip(reader, range(60), strict=False):
            pass
        assert not list(side.until(Fraction(19, 10)))
        assert len(list(side.until(Fraction(60)))) == length
        writer.close()


def test_sound_whose_times_alone_start_over_follows_itself(tmp_path: Path) -> None:
    part = clip_with_sound(tmp_path / "part.ts", num_frames=50, sound_seconds=2.0)
    with (
        VideoReader(joined(tmp_path, part, part)) as reader,
        VideoWriter(tmp_path / "out.mkv", reader.info, template=reader) as writer,
    ):
        for frame, _ in zip(reader, range(20), strict=False):
            writer.write(frame)
    data, heard = sound(tmp_path / "out.mkv")
    assert data == sound(part)[0] * 2
    steps = np.diff([float(seconds) for seconds in heard])
    assert np.abs(steps - 1024 / SOUND_RATE).max() < 0.0015


def shifted(path: Path, pid: int, *, which: int, seconds: int) -> Path:
    """Move the times of one PES packet of a transport stream, in its bytes."""
    data, count = bytearray(path.read_bytes()), 0
    for start in range(0, len(data), 188):
        found = (data[start + 1] & 0x1F) << 8 | data[start + 2]
        if found != pid or not data[start + 1] & 0x40:
            continue
        head = start + 4 + (data[start + 4] + 1 if data[start + 3] & 0x20 else 0)
        if count == which:
            for at in range(head + 9, head + 9 + data[head + 8] // 5 * 5, 5):
                move_clock(data, at, 90_000 * seconds)
        count += 1
    assert count > which
    path.write_bytes(data)
    return path


def move_clock(data: bytearray, at: int, ticks: int) -> None:
    """Add to the 33 bits of a PES time in its five bytes."""
    a, b, c, d, e = data[at : at + 5]
    now = (a >> 1 & 7) << 30 | b << 22 | c >> 1 << 15 | d << 7 | e >> 1
    now += ticks
    parts = (a & 0xF0 | now >> 29 & 0xE | 1, now >> 22, now >> 14 | 1, now >> 7)
    data[at : at + 5] = bytes(x & 0xFF for x in (*parts, now << 1 | 1))


@pytest.mark.parametrize("pid", [0x100, 0x101])
def test_one_time_far_ahead_does_not_put_picture_and_sound_out_of_step(
    tmp_path: Path, pid: int
) -> None:
    part = clip_with_sound(tmp_path / "part.ts", num_frames=250, sound_seconds=10.0)
    is_video = pid == 0x100
    shifted(part, pid, which=60 if is_video else 4, seconds=4)
    reader, _ = copy(part, tmp_path / "out.mkv")
    assert not reader.restarts
    ends = [frame_times(tmp_path / "out.mkv")[-1], sound(tmp_path / "out.mkv")[1][-1]]
    assert abs(float(ends[0] - ends[1])) < 0.1
    assert float(ends[0]) == pytest.approx(10.0, abs=0.15)


def times_given(ticks: Sequence[int]) -> tuple[list[int], Timing]:
    """Return what `Timing` makes of frames at these milliseconds, at 25 a second."""
    millisecond = Fraction(1, 1000)
    with av.open(io.BytesIO(), "w", format="matroska") as container:
        stream = container.add_stream("rawvideo", rate=25, width=2, height=2)
        assert isinstance(stream, VideoStream)
        stream.time_base = millisecond
        timing = Timing(stream)
        given = []
        for tick in ticks:
            frame = av.VideoFrame(2, 2, "gray")
            frame.pts, frame.time_base = tick, millisecond
            given.append(timing.next(frame)[0])
    return given, timing


def test_a_little_disorder_is_one_tick_and_no_new_start() -> None:
    given, timing = times_given([2000, 2040, 1100, 2080, 2120])
    assert given == [2000, 2040, 2041, 2080, 2120]
    assert not timing.restarts


def test_one_broken_time_alone_is_no_new_start() -> None:
    given, timing = times_given([5000, 5040, 0, 5120, 0, 5200])
    assert given == [5000, 5040, 5080, 5120, 5160, 5200]
    assert not timing.restarts


def test_one_broken_time_ahead_is_no_new_start() -> None:
    given, timing = times_given([1000, 1040, 3000, 1120, 1160, 3000, 3040])
    assert given == [1000, 1040, 3000, 3001, 3002, 3003, 3040]
    assert not timing.restarts


def test_times_beyond_all_clocks_are_none() -> None:
    given, timing = times_given([1 << 60, (1 << 60) + 40, 80, 120])
    assert given == [0, 40, 80, 120]
    assert not timing.restarts


def test_times_that_start_over_twice_go_on_twice() -> None:
    given, timing = times_given([3000, 3040, 0, 40, 1500, 1540, 200, 240])
    assert given == [3000, 3040, 3080, 3120, 4580, 4620, 4660, 4700]
    assert [restart.pts for restart in timing.restarts] == [3080, 4660]
    assert [restart.offset for restart in timing.restarts] == [3080, 4460]
