"""What a container can hold is copied, what it cannot is named, by its own word."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.container import OutputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from rtstyle_streams.errors import SinkError
from rtstyle_streams.video.muxer import can_hold_codec, can_hold_time_code
from rtstyle_streams.video.reader import VideoReader
from rtstyle_streams.video.side_data import side_data
from rtstyle_streams.video.writer import VideoWriter
from tests.streams.clips import frame_times, numbered_clip, packets, write_clip
from tests.streams.reports import (
    carried,
    codecs,
    moving,
    raw_dv,
    read,
    sound_of,
    with_matrix,
    with_sound,
    with_sphere,
    with_telephone_sound,
)
from tests.streams.rich import write_rich_clip


@pytest.mark.parametrize("codec", ["flac", "alac", "pcm_s16le"])
def test_sound_that_a_transport_stream_cannot_hold_is_named(
    tmp_path: Path, codec: str
) -> None:
    source = with_sound(tmp_path / "a.mkv", codec)
    lines = carried(source, tmp_path / "out.ts")
    assert lines == [
        f"a.mkv: stream 1 (audio, {codec}) is left out: mpegts cannot hold it"
    ]
    assert codecs(tmp_path / "out.ts") == ["video h264"]


@pytest.mark.parametrize("codec", ["aac", "mp2", "ac3", "libopus"])
def test_sound_that_a_transport_stream_can_hold_is_copied(
    tmp_path: Path, codec: str
) -> None:
    source = with_sound(tmp_path / "a.mkv", codec)
    assert carried(source, tmp_path / "out.ts") == []
    assert sound_of(tmp_path / "out.ts")[0] == sound_of(source)[0]


def test_subtitles_and_a_cover_do_not_vanish_in_a_transport_stream(
    tmp_path: Path,
) -> None:
    source = write_rich_clip(tmp_path / "rich.mkv", second_video=False)
    lines = carried(source, tmp_path / "out.ts")
    assert sum("(subtitle" in line for line in lines) == 1
    assert sum("is left out: mpegts cannot hold it" in line for line in lines) >= 2
    assert codecs(tmp_path / "out.ts") == ["video h264", "audio aac", "audio aac"]


@pytest.mark.parametrize(
    "codec",
    ["wmav2", "wmav1", "adpcm_ms", "adpcm_ima_wav", "pcm_mulaw", "pcm_alaw", "g726"],
)
def test_matroska_holds_the_sound_of_windows_to_the_bit(
    tmp_path: Path, codec: str
) -> None:
    source = with_sound(tmp_path / "a.avi", codec, rate=8000)
    assert carried(source, tmp_path / "out.mkv") == []
    name, samples = sound_of(tmp_path / "out.mkv")
    assert (name, samples) == sound_of(source)
    assert len(samples) > 1000


def test_a_cover_is_named_where_a_container_loses_it(tmp_path: Path) -> None:
    source = write_rich_clip(tmp_path / "rich.mp4", second_video=False)
    lines = carried(source, tmp_path / "out.mov")
    assert any("(video, png" in line and "mov cannot hold" in line for line in lines)
    assert "video png" not in codecs(tmp_path / "out.mov")
    assert not any("(video" in line for line in carried(source, tmp_path / "out.mp4"))
    with av.open(str(tmp_path / "out.mp4")) as film:
        assert any(s.disposition & Disposition.attached_pic for s in film.streams.video)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["unknown_audio.mkv", "0358_head.mkv"])
@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".ts"])
def test_a_stream_of_an_unknown_codec_is_named_and_left_out(
    tmp_path: Path, shared: Path, name: str, suffix: str
) -> None:
    source = shared / "data" / "faults" / "video" / name
    lines = carried(source, tmp_path / f"out{suffix}")
    assert any("stream 1 (audio, unknown codec) is left out" in line for line in lines)
    assert len(frame_times(tmp_path / f"out{suffix}")) == 15


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".avi", ".ts", ".gif"])
def test_raw_dv_goes_into_every_container(tmp_path: Path, suffix: str) -> None:
    rate = Fraction(30000, 1001)
    source = raw_dv(tmp_path / "tape.dv", width=720, height=480, rate=rate)
    carried(source, tmp_path / f"out{suffix}")
    times = frame_times(tmp_path / f"out{suffix}")
    assert len(times) == 2
    assert abs(times[1] - times[0] - 1 / rate) <= Fraction(1, 100)


@pytest.mark.parametrize(
    ("time_code", "rate", "is_held"),
    [("01:00:00:00", Fraction(25), True), ("1 h 2 min", Fraction(25), False)],
)
def test_a_time_code_that_cannot_be_written_is_named(
    tmp_path: Path, time_code: str, rate: Fraction, is_held: bool
) -> None:
    def prepare(_: OutputContainer, video: VideoStream) -> None:
        video.metadata["TIMECODE"] = time_code

    pictures = [moving(k) for k in range(3)]
    source = write_clip(tmp_path / "a.mkv", pictures, prepare=prepare)
    assert can_hold_time_code("mov", time_code, rate) == is_held
    with VideoReader(source) as reader:
        tags = {key.lower(): value for key, value in reader._stream.metadata.items()}
    assert tags["timecode"] == time_code
    lines = carried(source, tmp_path / "out.mov")
    assert any(f"the time code {time_code}" in line for line in lines) != is_held
    assert len(frame_times(tmp_path / "out.mov")) == 3


@pytest.mark.parametrize(
    ("numbers", "size"),
    [
        ((0.0000153, 1, -1, 0.0000153), (48, 64)),
        ((0.01, -1, 1, 0.01), (48, 64)),
        ((-1, 0.0000153, 0.0000153, -1), (64, 48)),
        ((0.7, 0.7, -0.7, 0.7), (64, 48)),
    ],
)
def test_a_film_a_hair_off_a_right_angle_is_turned(
    tmp_path: Path, numbers: tuple[float, ...], size: tuple[int, int]
) -> None:
    path = with_matrix(numbered_clip(tmp_path / "a.mp4"), numbers)
    with VideoReader(path) as reader:
        assert (reader.info.width, reader.info.height) == size
        assert bool(reader.notices) == (0.7 in numbers)


def test_what_says_that_a_film_is_a_sphere_is_not_lost_in_silence(
    tmp_path: Path,
) -> None:
    path = with_sphere(numbered_clip(tmp_path / "a.mp4"))
    assert any("360-degree" in line for line in carried(path, tmp_path / "o.mp4"))


def test_two_views_are_kept_by_matroska_and_named_elsewhere(tmp_path: Path) -> None:
    def prepare(_: OutputContainer, video: VideoStream) -> None:
        video.metadata["stereo_mode"] = "left_right"

    pictures = [moving(k) for k in range(3)]
    path = write_clip(tmp_path / "a.mkv", pictures, prepare=prepare)
    assert carried(path, tmp_path / "o.mkv") == []
    with av.open(str(tmp_path / "o.mkv")) as film:
        assert side_data(next(film.decode(video=0)), "STEREO3D")
    assert any("3-D" in line for line in carried(path, tmp_path / "o.mp4"))


@pytest.mark.parametrize("codec", ["libvpx-vp9", "libvpx"])
def test_alpha_beside_the_video_is_named_and_its_tag_goes(
    tmp_path: Path, codec: str
) -> None:
    path = tmp_path / "a.webm"
    with av.open(str(path), "w") as film:
        stream = film.add_stream(codec, rate=25, width=64, height=48)
        assert isinstance(stream, VideoStream)
        stream.pix_fmt = "yuva420p"
        stream.codec_context.options = {"auto-alt-ref": "0"}
        for index in range(3):
            pixels = np.dstack([moving(index), np.full((48, 64), 99, np.uint8)])
            frame = av.VideoFrame.from_ndarray(pixels, "rgba")
            frame = frame.reformat(format="yuva420p")
            frame.pts = index
            film.mux(stream.encode(frame))
        film.mux(stream.encode())
    assert "a.webm: the alpha channel is left out" in carried(path, tmp_path / "o.mkv")
    with av.open(str(tmp_path / "o.mkv")) as film:
        tags = {key.lower() for key in film.streams.video[0].metadata}
    assert "alpha_mode" not in tags


def test_tags_about_the_old_stream_go_and_others_stay(tmp_path: Path) -> None:
    stale = {"BPS-eng": "1", "NUMBER_OF_FRAMES-eng": "99", "NUMBER_OF_BYTES": "7"}

    def prepare(_: OutputContainer, video: VideoStream) -> None:
        video.metadata.update(stale | {"title": "Left eye", "language": "deu"})

    pictures = [moving(k) for k in range(3)]
    path = write_clip(tmp_path / "a.mkv", pictures, prepare=prepare)
    assert carried(path, tmp_path / "o.mkv") == []
    with av.open(str(tmp_path / "o.mkv")) as film:
        tags = film.streams.video[0].metadata
    assert not stale.keys() & tags.keys()
    assert (tags["title"], tags["language"]) == ("Left eye", "deu")


def test_tags_of_old_programs_are_read_in_their_letters(tmp_path: Path) -> None:
    def prepare(container: OutputContainer, _: VideoStream) -> None:
        container.metadata["title"] = "M__rchen"

    pictures = [moving(k) for k in range(3)]
    path = write_clip(tmp_path / "a.avi", pictures, codec="mpeg4", prepare=prepare)
    path.write_bytes(path.read_bytes().replace(b"M__rchen", b"M\xe4\xdfrchen"))
    carried(path, tmp_path / "o.mkv")
    with av.open(str(tmp_path / "o.mkv")) as film:
        assert film.metadata["title"] == "Mäßrchen"


@pytest.mark.parametrize(
    ("name", "codec", "expected"),
    [
        ("o.webm", None, "vp9"),
        ("o.gif", None, "gif"),
        ("o.avi", None, "h264"),
        ("o.apng", None, "apng"),
        ("o.avi", "mpeg4", "mpeg4"),
        ("o.avi", "mjpeg", "mjpeg"),
        ("o.mkv", "mjpeg", "mjpeg"),
        ("o.mov", "prores", "prores"),
        ("o.mov", "prores_ks", "prores"),
        ("o.mkv", "ffv1", "ffv1"),
        ("o.webm", "vp8", "vp8"),
        ("o.mp4", "libx265", "hevc"),
    ],
)
def test_each_container_takes_the_encoder_it_needs(
    tmp_path: Path, name: str, codec: str | None, expected: str
) -> None:
    pictures = [moving(k) for k in range(6)]
    source = write_clip(tmp_path / "a.mkv", pictures)
    assert carried(source, tmp_path / name, codec=codec) == []
    assert codecs(tmp_path / name) == [f"video {expected}"]
    with VideoReader(tmp_path / name) as reader:
        frames = [frame.pixels.astype(int) for frame in reader]
    assert len(frames) == 6
    for frame, picture in zip(frames, pictures, strict=True):
        assert np.abs(frame - picture).mean() < 14, "the colours are right"


def test_odd_sizes_go_into_encoders_of_halved_chroma(tmp_path: Path) -> None:
    pictures = [moving(k, width=61, height=45) for k in range(3)]
    source = write_clip(tmp_path / "a.mkv", pictures, pixel_format="yuv444p")
    for name, codec in (("o.avi", "mpeg4"), ("o.mov", "prores_ks"), ("o.gif", None)):
        carried(source, tmp_path / name, codec=codec)
        with VideoReader(tmp_path / name) as reader:
            assert (reader.info.width, reader.info.height) == (61, 45)
            assert (
                np.abs(next(iter(reader)).pixels - pictures[0].astype(int)).mean() < 30
            )


@pytest.mark.parametrize(
    ("name", "codec", "message"),
    [
        ("o.webm", "libx264", "webm can hold, libvpx-vp9 for example, got libx264"),
        ("o.ts", "prores", "mpegts can hold, libx264 for example, got prores"),
        ("o.mov", "vp9", "mov can hold"),
        ("o.gif", "libx264", "gif can hold, gif for example"),
    ],
)
def test_a_codec_that_a_container_cannot_hold_is_said(
    tmp_path: Path, name: str, codec: str, message: str
) -> None:
    source = numbered_clip(tmp_path / "a.mp4", 2)
    with VideoReader(source) as reader, pytest.raises(SinkError, match=message):
        VideoWriter(tmp_path / name, reader.info, template=reader, codec=codec)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.mp4"]


def test_what_a_muxer_holds_is_asked_of_itself() -> None:
    assert can_hold_codec("mp4", "libx264") and can_hold_codec("mpegts", "libx264")
    assert not can_hold_codec("mp4", "prores_ks")
    assert not can_hold_codec("mpegts", "mjpeg")


def test_an_encoder_without_fine_times_gets_those_it_can_tell(tmp_path: Path) -> None:
    source = write_clip(
        tmp_path / "a.ts", [moving(k) for k in range(5)], pts=[0, 1, 3, 4, 9]
    )
    carried(source, tmp_path / "o.mp4", codec="mpeg4")
    times = frame_times(tmp_path / "o.mp4")
    wanted = [Fraction(k, 25) for k in (0, 1, 3, 4, 9)]
    moved = [times[k] - times[0] - wanted[k] for k in range(5)]
    assert max(map(abs, moved)) < Fraction(1, 1000)


def test_a_container_with_one_rate_says_how_far_frames_are_off(tmp_path: Path) -> None:
    pictures = [moving(k) for k in range(6)]
    steady = write_clip(tmp_path / "a.mkv", pictures)
    assert carried(steady, tmp_path / "a.avi") == []
    times = [0, 1, 2, 3, 4, 5]
    bunched = write_clip(
        tmp_path / "b.mp4", pictures, pts=times, time_base=Fraction(1, 1000)
    )
    with VideoReader(bunched) as reader:
        info = replace(reader.info, frame_rate=Fraction(25))
        with VideoWriter(tmp_path / "b.avi", info) as writer:
            for frame in reader:
                writer.write(frame)
    (line,) = writer.notices
    assert "avi keeps times only in steps of 0.04 s; frames are shown up to 0.2" in line


def test_text_of_a_file_reaches_no_terminal_as_it_is(tmp_path: Path) -> None:
    source = with_sound(tmp_path / "a.mkv", "flac")
    odd = tmp_path / "b.mkv"
    with av.open(str(source)) as film, av.open(str(odd), "w") as copy:
        pairs = {s.index: copy.add_stream_from_template(s) for s in film.streams}
        pairs[1].metadata["language"] = "e\x1b[31m"
        for packet in film.demux():
            if packet.size:
                packet.stream = pairs[packet.stream.index]
                copy.mux(packet)
    (line,) = carried(odd, tmp_path / "o.ts")
    assert "\x1b" not in line and "(audio, flac" in line


def test_a_film_whose_first_video_is_of_an_unknown_codec_has_another(
    tmp_path: Path,
) -> None:
    path = write_rich_clip(tmp_path / "a.mkv", cover=False)
    data = bytearray(path.read_bytes())
    at = data.index(b"V_MPEG4/ISO/AVC")
    data[at : at + 15] = b"V_UNKNOWN/CODEC"
    path.write_bytes(data)
    lines = carried(path, tmp_path / "o.mkv")
    assert any("(video, unknown codec" in line for line in lines)
    assert len(frame_times(tmp_path / "o.mkv")) == 12, "those of the second one"


def test_a_film_whose_first_track_is_empty_has_another(tmp_path: Path) -> None:
    with av.open(
        str(write_clip(tmp_path / "a.mp4", [moving(k) for k in range(5)]))
    ) as a:
        template = a.streams.video[0]
        with av.open(str(tmp_path / "b.mkv"), "w") as film:
            empty = film.add_stream_from_template(template, opaque=True)
            full = film.add_stream_from_template(template, opaque=True)
            for packet in a.demux(template):
                if packet.size:
                    packet.stream = full
                    film.mux_one(packet)
        assert empty.index == 0
    assert read(tmp_path / "b.mkv")[0] == 5


@pytest.mark.parametrize(
    ("kind", "source_suffix", "holds"),
    [
        ("gsm_ms", ".avi", {".mkv", ".avi"}),
        ("gsm_ms", ".mkv", {".mkv", ".avi"}),
        ("speex", ".mkv", {".mkv", ".avi", ".mov"}),
        ("speex", ".avi", {".mkv", ".avi", ".mov"}),
    ],
)
@pytest.mark.parametrize("suffix", [".mkv", ".avi", ".mov", ".mp4", ".ts", ".webm"])
def test_sound_of_old_telephones_is_copied_or_named(
    tmp_path: Path, kind: str, source_suffix: str, holds: set[str], suffix: str
) -> None:
    source = with_telephone_sound(tmp_path / "a.avi", kind)
    if source_suffix != ".avi":
        assert carried(source, tmp_path / f"b{source_suffix}") == []
        source = tmp_path / f"b{source_suffix}"
    assert f"audio {kind}" in codecs(source)
    target = tmp_path / f"out{suffix}"
    lines = carried(source, target)
    assert len(frame_times(target)) == 10
    if suffix not in holds:
        assert len(lines) == 1
        assert f"(audio, {kind}) is left out: " in lines[0]
        assert "audio" not in " ".join(codecs(target))
        return
    assert lines == []
    sound = [data for data, _ in packets(source, 1)]
    assert len(sound) == 20
    assert [data for data, _ in packets(target, 1)] == sound
