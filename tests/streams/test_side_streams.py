from fractions import Fraction
from pathlib import Path

import av
import pytest
from av.container import OutputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from rtstyle_streams.video.reader import VideoReader
from rtstyle_streams.video.writer import VideoWriter
from tests.streams.clips import frame_times, numbered, packets, write_clip
from tests.streams.reports import carried, sound_of, with_sound
from tests.streams.rich import CHAPTERS, NUM_FRAMES, kinds, write_rich_clip


def copy(source: Path, target: Path) -> list[str]:
    """Carry a video through unchanged pixels; return the writer's notices."""
    with (
        VideoReader(source) as reader,
        VideoWriter(target, reader.info, template=reader) as writer,
    ):
        for frame in reader:
            writer.write(frame)
    return writer.notices


@pytest.fixture(scope="module", params=[".mkv", ".mp4"])
def copied(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path, list[str]]:
    """Return a rich clip, its copy in the same container, and the notices."""
    folder = tmp_path_factory.mktemp("rich")
    source = write_rich_clip(folder / f"rich{request.param}")
    target = folder / f"copy{request.param}"
    return source, target, copy(source, target)


def test_a_copy_in_the_same_container_loses_nothing(
    copied: tuple[Path, Path, list[str]],
) -> None:
    source, target, notices = copied
    assert notices == []
    assert kinds(target) == kinds(source)
    assert len(kinds(source)) == 7
    assert frame_times(target) == frame_times(source)


def test_packets_of_all_other_streams_are_identical(
    copied: tuple[Path, Path, list[str]],
) -> None:
    source, target, _ = copied
    for index in range(1, 7):
        assert packets(target, index) == packets(source, index), index


def test_chapters_and_tags_are_carried(copied: tuple[Path, Path, list[str]]) -> None:
    _, target, _ = copied
    with av.open(str(target)) as container:
        chapters = [
            (
                chapter["metadata"]["title"],
                chapter["start"] * (chapter["time_base"] or 0) * 1000,
                chapter["end"] * (chapter["time_base"] or 0) * 1000,
            )
            for chapter in container.chapters()
        ]
        tags = {key.lower(): value for key, value in container.metadata.items()}
    assert chapters == CHAPTERS
    assert tags["title"] == "A title"
    assert tags["artist"] == "Nobody"


def test_the_attachment_keeps_name_type_and_bytes(tmp_path: Path) -> None:
    source = write_rich_clip(tmp_path / "rich.mkv")
    copy(source, tmp_path / "copy.mkv")
    with av.open(str(tmp_path / "copy.mkv")) as container:
        attachment = container.streams.attachments[0]
        assert attachment.data == b"not really a font"
        assert attachment.metadata["filename"] == "font.ttf"
        assert attachment.mimetype == "font/ttf"


def test_what_the_container_cannot_hold_is_named(tmp_path: Path) -> None:
    source = write_rich_clip(tmp_path / "rich.mkv")
    notices = copy(source, tmp_path / "copy.mp4")
    assert notices == [
        "rich.mkv: stream 3 (subtitle, srt, fra) is left out: mp4 cannot hold it",
        "rich.mkv: stream 5 (attachment, font.ttf) is left out: mp4 cannot hold it",
    ]
    assert packets(tmp_path / "copy.mp4", 1) == packets(source, 1)
    assert frame_times(tmp_path / "copy.mp4") == frame_times(source)


def test_the_order_of_streams_is_kept(tmp_path: Path) -> None:
    rich = write_rich_clip(tmp_path / "rich.mkv", cover=False, second_video=False)
    swapped = tmp_path / "swapped.mkv"
    with av.open(str(rich)) as source, av.open(str(swapped), "w") as target:
        order = [1, 0]
        copies = {
            i: target.add_stream_from_template(source.streams[i], opaque=True)
            for i in order
        }
        for packet in source.demux([source.streams[i] for i in order]):
            if packet.size:
                packet.stream = copies[packet.stream.index]
                target.mux(packet)
    copy(swapped, tmp_path / "copy.mkv")
    assert [kind.split()[0] for kind in kinds(tmp_path / "copy.mkv")] == [
        "audio",
        "video",
    ]


def test_sound_that_is_longer_than_the_video_is_copied_whole(tmp_path: Path) -> None:
    source = write_rich_clip(tmp_path / "rich.mkv")
    with (
        VideoReader(source) as reader,
        VideoWriter(tmp_path / "cut.mkv", reader.info, template=reader) as writer,
    ):
        for frame, _ in zip(reader, range(3), strict=False):
            writer.write(frame)
    assert len(frame_times(tmp_path / "cut.mkv")) == 3
    assert packets(tmp_path / "cut.mkv", 1) == packets(source, 1)


def test_side_packets_are_read_no_faster_than_the_video(tmp_path: Path) -> None:
    source = write_rich_clip(tmp_path / "rich.mkv")
    with (
        VideoReader(source) as reader,
        VideoWriter(tmp_path / "copy.mkv", reader.info, template=reader) as writer,
    ):
        side = writer._side
        assert side is not None
        early = list(side.until(Fraction(1, 5)))
        times = [p.dts * p.time_base for p in early if p.dts is not None]
        assert 0 < len(early) < len(list(side.until(None)))
        assert max(times) <= Fraction(1, 5)
        writer.write(next(iter(reader)))
    assert NUM_FRAMES == 25


@pytest.mark.parametrize("suffix", [".ts", ".mp4"])
def test_data_streams_are_copied_or_named(tmp_path: Path, suffix: str) -> None:
    streams: list[Stream] = []
    codec = {".ts": "klv", ".mp4": "bin_data"}[suffix]

    def prepare(container: OutputContainer, _: VideoStream) -> None:
        streams.append(container.add_data_stream(codec))
        streams[0].time_base = Fraction(1, 90000)

    def write_data(container: OutputContainer) -> None:
        for index in range(4):
            packet = av.Packet(b"\x06\x0e\x2b\x34" + bytes([index]) * 20)
            packet.stream = streams[0]
            packet.time_base = Fraction(1, 25)
            packet.pts = packet.dts = index
            packet.duration = 1
            container.mux(packet)

    source = write_clip(
        tmp_path / f"clip{suffix}",
        [numbered(i) for i in range(10)],
        prepare=prepare,
        before_end=write_data,
    )
    assert copy(source, tmp_path / f"copy{suffix}") == []
    assert len(packets(source, 1)) == 4
    assert packets(tmp_path / f"copy{suffix}", 1) == packets(source, 1)
    notices = copy(source, tmp_path / "copy.mkv")
    assert [f"(data, {codec}" in line for line in notices] == [True]


def test_custom_tags_of_an_mp4_survive(tmp_path: Path) -> None:
    source = write_clip(
        tmp_path / "clip.mp4",
        [numbered(i) for i in range(3)],
        container_options={"movflags": "use_metadata_tags"},
        prepare=lambda container, _: container.metadata.update({"my_key": "mine"}),
    )
    copy(source, tmp_path / "copy.mp4")
    with av.open(str(tmp_path / "copy.mp4")) as container:
        assert container.metadata["my_key"] == "mine"


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
@pytest.mark.parametrize("rate", [48000, 8000])
def test_the_last_packet_of_a_sound_without_durations_is_heard(
    tmp_path: Path, rate: int, suffix: str
) -> None:
    source = with_sound(tmp_path / "a.mkv", "alac", rate=rate)
    with av.open(str(source)) as film:
        packets = [packet for packet in film.demux(audio=0) if packet.size]
    assert not packets[-1].duration, "nothing says how long it sounds"
    assert (len(packets) == 1) == (rate == 8000)
    assert carried(source, tmp_path / f"out{suffix}") == []
    assert sound_of(tmp_path / f"out{suffix}") == sound_of(source)


@pytest.mark.parametrize("codec", ["adpcm_ms", "adpcm_ima_wav", "adpcm_yamaha"])
def test_packets_that_a_container_gives_one_time_are_all_copied(
    tmp_path: Path, codec: str
) -> None:
    source = with_sound(tmp_path / "a.avi", codec, rate=44100)
    assert carried(source, tmp_path / "out.avi") == []
    assert sound_of(tmp_path / "out.avi") == sound_of(source)
    assert len(packets(tmp_path / "out.avi", 1)) == len(packets(source, 1)) > 8


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".mov"])
def test_broken_sound_is_told_and_ends_no_film(tmp_path: Path, suffix: str) -> None:
    source = with_sound(tmp_path / "a.ts", "aac")
    data = bytearray(source.read_bytes())
    places = [k for k in range(len(data) - 1) if data[k : k + 2] == b"\xff\xf1"]
    data[places[6] + 1] = 0xF9  # another kind of frame than its neighbours'
    data[places[6] + 3 : places[6] + 6] = b"\0\0\0"  # and of no length
    source.write_bytes(data)
    with (
        VideoReader(source) as reader,
        VideoWriter(tmp_path / f"out{suffix}", reader.info, template=reader) as writer,
    ):
        num_frames = 0
        for frame in reader:
            writer.write(frame)
            num_frames += 1
    assert num_frames == len(frame_times(tmp_path / f"out{suffix}")) == 10
    assert writer.num_decode_errors > 0
    assert any("packets of the other streams are" in line for line in writer.notices)
    assert len(sound_of(tmp_path / f"out{suffix}")[1]) > 10_000


def test_sound_that_a_muxer_refuses_at_its_end_is_named(tmp_path: Path) -> None:
    source = with_sound(tmp_path / "a.nut", "eac3")  # its tag says AC-3
    lines = carried(source, tmp_path / "out.mp4")
    assert lines == ["a.nut: stream 1 (audio, ac3) is left out: mp4 cannot hold it"]
    assert len(frame_times(tmp_path / "out.mp4")) == 10
    assert carried(source, tmp_path / "out.mkv") == []


@pytest.mark.parametrize("broken", [(3,), (3, 7, -1)])
def test_a_packet_that_a_muxer_refuses_late_costs_no_frame(
    tmp_path: Path, broken: tuple[int, ...]
) -> None:
    whole = with_sound(tmp_path / "whole.mkv", "eac3")
    with (
        av.open(str(whole)) as source,
        av.open(str(tmp_path / "a.mkv"), "w") as target,
    ):
        copies = [
            target.add_stream_from_template(stream, opaque=True)
            for stream in source.streams
        ]
        places = [index % len(packets(whole, 1)) for index in broken]
        count = 0
        for packet in source.demux():
            if not packet.size:
                continue
            index, is_sound = packet.stream.index, packet.stream.type == "audio"
            if is_sound and count in places:
                other: av.Packet[Stream] = av.Packet(b"\x0f" + bytes(packet)[1:])
                other.pts, other.dts = packet.pts, packet.dts
                other.time_base = packet.time_base
                packet = other
            count += is_sound
            packet.stream = copies[index]
            target.mux_one(packet)
    with (
        VideoReader(tmp_path / "a.mkv") as reader,
        VideoWriter(tmp_path / "out.mp4", reader.info, template=reader) as writer,
    ):
        for frame in reader:
            writer.write(frame)
    assert len(frame_times(tmp_path / "out.mp4")) == 10
    assert writer.num_decode_errors == len(broken)
    assert len(packets(tmp_path / "out.mp4", 1)) == count - len(broken)
