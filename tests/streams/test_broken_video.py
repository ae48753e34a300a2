"""What no video file is, and what broke within one."""

import os
from fractions import Fraction
from pathlib import Path
from threading import Thread

import av
import numpy as np
import pytest

from rtstyle_streams.errors import SourceError
from rtstyle_streams.video.reader import VideoReader
from rtstyle_streams.video.writer import VideoWriter
from tests.streams.clips import (
    HEIGHT,
    WIDTH,
    Picture,
    frame_times,
    numbered_clip,
    packets,
    write_clip,
)
from tests.streams.rich import write_rich_clip


def noise(index: int) -> Picture:
    return np.random.default_rng(index).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)


def refusal(path: Path) -> str:
    with pytest.raises(SourceError) as caught:
        VideoReader(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    assert "expected a file, found none" in refusal(tmp_path / "none.mp4")


def test_an_empty_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    assert "got an empty file" in refusal(tmp_path / "empty.mp4")


def test_a_directory_is_said(tmp_path: Path) -> None:
    assert "got a directory" in refusal(tmp_path)


@pytest.mark.parametrize("name", ["text.txt", "text.mp4", "text", "text.srt", "a.m3u8"])
@pytest.mark.parametrize(
    "text",
    [
        "Hello, this is text.\n" * 50,
        "1\n00:00:01,000 --> 00:00:02,000\nHello\n",
        "#EXTM3U\n#EXTINF:1,\nhttp://localhost/a.ts\n",
        "ffconcat version 1.0\nfile /etc/passwd\n",
    ],
)
def test_text_is_no_video(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert "expected a" in refusal(tmp_path / name)


@pytest.mark.parametrize("name", ["list.m3u8", "list.mp4", "list.ts"])
@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\npipe.ts\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile pipe.ts\n",
    ],
)
def test_a_playlist_opens_nothing_that_lies_beside_it(
    tmp_path: Path, name: str, text: str
) -> None:
    os.mkfifo(tmp_path / "pipe.ts")  # whoever opens it hangs
    (tmp_path / name).write_text(text)
    assert "expected a" in refusal(tmp_path / name)


def test_random_bytes_are_no_video(tmp_path: Path) -> None:
    path = tmp_path / "random.mp4"
    path.write_bytes(np.random.default_rng(3).bytes(100_000))
    assert "expected a" in refusal(path)


def test_a_picture_is_no_video(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.png", [noise(0)], codec="png", pixel_format="rgb24")
    assert "still picture" in refusal(path)


def test_an_mp4_without_its_index_is_said_to_be_cut_off(tmp_path: Path) -> None:
    path = numbered_clip(tmp_path / "clip.mp4", 30)
    path.write_bytes(path.read_bytes()[:-400])
    assert "cut off" in refusal(path)


def test_a_file_with_an_odd_name_is_opened_as_a_file(tmp_path: Path) -> None:
    path = numbered_clip(tmp_path / "clip.mp4")
    for name in ("concat:x.mp4", "a b %03d 'ü'.mp4", "http:", "-i"):
        os.link(path, tmp_path / name)
        with VideoReader(tmp_path / name) as reader:
            assert sum(1 for _ in reader) == 10


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".ts"])
def test_errors_in_the_middle_are_counted_and_reading_goes_on(
    tmp_path: Path, suffix: str
) -> None:
    path = write_clip(
        tmp_path / f"clip{suffix}",
        [noise(i) for i in range(60)],
        options={"g": "10", "crf": "20"},
    )
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = np.random.default_rng(1).bytes(3000)
    path.write_bytes(data)
    with VideoReader(path) as reader:
        frames = list(reader)
    assert reader.num_decode_errors > 0
    assert 40 <= len(frames) <= 61
    times = [frame.pts * frame.time_base for frame in frames]
    assert times == sorted(set(times))
    assert times[-1] - times[0] == Fraction(59, 25)


def test_a_cut_off_matroska_gives_what_is_there(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mkv", [noise(i) for i in range(60)])
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with VideoReader(path) as reader:
        num_frames = sum(1 for _ in reader)
    assert 20 <= num_frames <= 40


def test_an_mp4_cut_behind_its_index_is_counted_as_broken(tmp_path: Path) -> None:
    path = write_clip(
        tmp_path / "clip.mp4",
        [noise(i) for i in range(60)],
        container_options={"movflags": "faststart"},
    )
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    with VideoReader(path) as reader:
        num_frames = sum(1 for _ in reader)
    assert 30 <= num_frames <= 50
    assert reader.num_decode_errors > 0


def test_a_pipe_is_refused_and_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    assert "got a device or a pipe" in refusal(tmp_path / "pipe.mp4")


def test_a_broken_file_is_still_written_whole_with_its_sound(tmp_path: Path) -> None:
    path = write_rich_clip(tmp_path / "rich.mkv", cover=False, second_video=False)
    data = bytearray(path.read_bytes())
    middle = data.rindex(b"Bonjour") - 300
    data[middle : middle + 600] = np.random.default_rng(1).bytes(600)
    path.write_bytes(data)
    with (
        VideoReader(path) as reader,
        VideoWriter(tmp_path / "out.mkv", reader.info, template=reader) as writer,
    ):
        for frame in reader:
            writer.write(frame)
    assert len(frame_times(tmp_path / "out.mkv")) >= 1
    assert packets(tmp_path / "out.mkv", 1) == packets(path, 1)


def test_reading_twice_gives_nothing_the_second_time(tmp_path: Path) -> None:
    with VideoReader(numbered_clip(tmp_path / "clip.mp4")) as reader:
        assert sum(1 for _ in reader) == 10
        assert list(reader) == []


def test_closing_while_another_thread_reads_ends_the_reading(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", [noise(i) for i in range(200)])
    for _ in range(10):
        reader = VideoReader(path)
        seen: list[int] = []
        thread = Thread(target=lambda r=reader, s=seen: s.extend(f.index for f in r))
        thread.start()
        reader.close()
        thread.join(5)
        assert not thread.is_alive()
        assert seen == list(range(len(seen)))


def test_close_may_be_called_twice(tmp_path: Path) -> None:
    reader = VideoReader(numbered_clip(tmp_path / "clip.mp4"))
    reader.close()
    reader.close()
    assert list(reader) == [], "a closed reader has no frames"


@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_a_hole_in_the_middle_is_counted(tmp_path: Path, suffix: str) -> None:
    whole, broken = tmp_path / f"whole.{suffix}", tmp_path / f"broken.{suffix}"
    write_clip(whole, [noise(k) for k in range(90)])
    data = bytearray(whole.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 4000] = bytes(4000)
    broken.write_bytes(data)
    with VideoReader(broken) as reader:
        num_frames = sum(1 for _ in reader)
        assert 0 < num_frames <= 90
        assert reader.num_decode_errors > 0


def test_a_whole_video_has_no_early_end(tmp_path: Path) -> None:
    path = tmp_path / "whole.mkv"
    write_clip(path, [noise(k) for k in range(40)])
    with VideoReader(path) as reader:
        assert sum(1 for _ in reader) == 40
        assert reader.num_decode_errors == 0 and not reader.notices


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "ts"])
def test_a_slow_video_is_whole_when_its_last_frame_is_there(
    tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"lapse.{suffix}"
    pictures = [noise(k) for k in range(6)]
    write_clip(path, pictures, rate=Fraction(1), time_base=Fraction(1))
    with VideoReader(path) as reader:
        assert sum(1 for _ in reader) == 6
        assert reader.num_decode_errors == 0 and not reader.notices


def test_a_last_frame_that_stands_long_is_no_early_end(tmp_path: Path) -> None:
    path = tmp_path / "stands.mp4"
    with (
        av.open(str(numbered_clip(tmp_path / "clip.mp4"))) as source,
        av.open(str(path), "w") as target,
    ):
        copied = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                if packet.pts == Fraction(9, 25) / packet.time_base:
                    packet.duration = 3 // packet.time_base
                packet.stream = copied
                target.mux(packet)
    with VideoReader(path) as reader:
        assert sum(1 for _ in reader) == 10
        assert reader.num_decode_errors == 0 and not reader.notices
