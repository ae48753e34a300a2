"""What is broken is said with its place, and what is whole is not called broken."""

from fractions import Fraction
from pathlib import Path

import av
import pytest

from rtstyle_streams.video.damage import Damage, listening
from rtstyle_streams.video.h264 import begins_anew
from tests.streams.clips import frame_times, write_clip
from tests.streams.reports import (
    cut,
    key_packets,
    moving,
    noise,
    overwritten,
    raw_dv,
    read,
)

OPEN_GOP = {
    "libx264": {
        "preset": "medium",
        "x264-params": "keyint=25:min-keyint=25:scenecut=0:open-gop=1:bframes=4",
    },
    "libx265": {
        "x265-params": "keyint=25:min-keyint=25:scenecut=0:open-gop=1:bframes=4"
        ":log-level=error"
    },
    "mpeg2video": {"g": "12", "bf": "2"},
    "libvpx-vp9": {"g": "25", "lag-in-frames": "16", "deadline": "realtime"},
}


@pytest.mark.parametrize("suffix", [".mkv", ".ts", ".mp4", ".avi"])
@pytest.mark.parametrize("fill", ["zeros", "noise", "nothing"])
@pytest.mark.parametrize("share", [(0.5, 0.55), (0.2, 0.6), (0.5, 0.9)])
def test_damage_in_the_middle_is_never_told_as_success(
    tmp_path: Path, suffix: str, fill: str, share: tuple[float, float]
) -> None:
    codec = "mpeg4" if suffix == ".avi" else "libx264"
    options = {"movflags": "faststart"} if suffix == ".mp4" else {}
    path = write_clip(
        tmp_path / f"clip{suffix}",
        [noise(k) for k in range(60)],
        options={"g": "10"},
        codec=codec,
        container_options=options,
    )
    num_frames, reader = read(overwritten(path, *share, fill=fill))
    assert 0 < num_frames <= 60
    assert reader.num_decode_errors > 0
    assert any(line.startswith(f"clip{suffix}: ") for line in reader.notices)


def test_what_is_missing_is_said_with_its_place(tmp_path: Path) -> None:
    path = write_clip(
        tmp_path / "clip.ts", [noise(k) for k in range(100)], options={"g": "10"}
    )
    num_frames, reader = read(overwritten(path, 0.5, 0.75))
    (line,) = [line for line in reader.notices if "broken" in line]
    assert 60 <= num_frames < 90
    assert "s of pictures are missing there" in line
    seconds = float(line.split(" at ")[1].split(" s")[0])
    assert 1.5 <= seconds <= 2.5, "half of four seconds"


@pytest.mark.shared
def test_a_hole_in_a_transport_stream_does_not_end_the_reading(shared: Path) -> None:
    num_frames, reader = read(shared / "data" / "faults" / "video" / "hole.ts")
    assert num_frames == 139
    assert reader.num_decode_errors > 0
    assert "6.00 s of pictures are missing there" in " ".join(reader.notices)


@pytest.mark.parametrize("suffix", [".mkv", ".ts", ".mp4"])
@pytest.mark.parametrize("codec", ["libx264", "libx265", "mpeg2video"])
def test_leading_pictures_after_a_cut_are_no_damage(
    tmp_path: Path, codec: str, suffix: str
) -> None:
    whole = write_clip(
        tmp_path / f"whole{suffix}",
        [moving(k) for k in range(60)],
        codec=codec,
        options=OPEN_GOP[codec],
    )
    first = key_packets(whole)[1]
    num_frames, reader = read(cut(whole, tmp_path / f"cut{suffix}", first=first))
    assert num_frames >= 25
    assert reader.num_decode_errors == 0, reader.notices
    assert not reader.notices


@pytest.mark.parametrize(
    ("codec", "suffix"),
    [("libvpx-vp9", ".webm"), ("libvpx-vp9", ".mp4"), ("mpeg4", ".avi")],
)
def test_pictures_that_code_nothing_are_no_damage(
    tmp_path: Path, codec: str, suffix: str
) -> None:
    path = write_clip(
        tmp_path / f"clip{suffix}",
        [moving(k) for k in range(40)],
        codec=codec,
        options=OPEN_GOP.get(codec, {"bf": "2"}),
    )
    num_frames, reader = read(path)
    assert num_frames == 40
    assert reader.num_decode_errors == 0 and not reader.notices


@pytest.mark.parametrize("suffix", [".mkv", ".ts", ".mp4", ".webm"])
@pytest.mark.parametrize("seconds", [2, 5])
def test_a_slow_film_is_whole(tmp_path: Path, suffix: str, seconds: int) -> None:
    path = write_clip(
        tmp_path / f"slow{suffix}",
        [moving(k) for k in range(6)],
        rate=Fraction(1, seconds),
        time_base=Fraction(1, 1000),
        pts=[k * 1000 * seconds for k in range(6)],
        codec="libvpx-vp9" if suffix == ".webm" else "libx264",
    )
    num_frames, reader = read(path)
    assert num_frames == 6
    assert reader.num_decode_errors == 0 and not reader.notices


@pytest.mark.parametrize("suffix", [".mkv", ".ts", ".mp4"])
@pytest.mark.parametrize("codec", ["libx264", "mpeg2video"])
def test_a_pause_in_a_film_of_varying_rate_is_no_damage(
    tmp_path: Path, suffix: str, codec: str
) -> None:
    pts = [*range(20), *range(60, 90)]
    path = write_clip(
        tmp_path / f"pause{suffix}",
        [moving(k) for k in pts],
        pts=pts,
        codec=codec,
        options={"bf": "2"},
    )
    num_frames, reader = read(path)
    assert num_frames == 50
    assert reader.num_decode_errors == 0 and not reader.notices


@pytest.mark.parametrize(
    ("size", "rate"),
    [((720, 480), Fraction(30000, 1001)), ((720, 576), Fraction(25))],
    ids=["ntsc", "pal"],
)
def test_raw_dv_has_the_rate_of_its_system(
    tmp_path: Path, size: tuple[int, int], rate: Fraction
) -> None:
    path = raw_dv(tmp_path / "tape.dv", width=size[0], height=size[1], rate=rate)
    num_frames, reader = read(path)
    assert num_frames == 2
    assert reader.info.frame_rate == rate
    assert reader.info.num_frames == 2, "progress counts to what comes"
    assert reader.num_decode_errors == 0


def test_two_gaps_are_counted_only_near_damage() -> None:
    damage = Damage("a.mkv")
    damage.count_gap(1.0, 3.0)
    assert damage.notices() == [] and damage.num_broken == 0
    damage.count(10.0, "bad cluster")
    damage.count_gap(10.2, 11.0)
    damage.count_gap(50.0, 60.0)
    for place in (20.0, 30.0, 40.0):
        damage.count(place)
    assert damage.num_broken == 4
    assert damage.notices() == [
        "a.mkv: 4 packets or frames are broken, at 10.00 s, 20.00 s, 30.00 s and 1 "
        "more places; 0.80 s of pictures are missing there (FFmpeg: bad cluster)"
    ]


def test_listening_hears_errors_of_this_thread_and_nothing_less() -> None:
    with listening() as said:
        av.logging.log(av.logging.ERROR, "demuxer", "a hole\n at 5")
        av.logging.log(av.logging.WARNING, "demuxer", "a scratch")
        av.logging.log(av.logging.ERROR, "demuxer", "a hole\n at 5")
    assert said == [("demuxer", "a hole at 5"), ("demuxer", "a hole at 5")]


def test_idr_pictures_are_known_in_both_forms_of_packets() -> None:
    sizes = b"\x01\x64\x00\x1f\xff"  # avcC: units begin with their size in 4 bytes
    unit = bytes([0x65, 1, 2, 3])
    assert begins_anew(b"\0\0\0\1" + unit, None)
    assert begins_anew(len(unit).to_bytes(4, "big") + unit, sizes)
    other = bytes([0x41, 1, 2, 3])
    assert not begins_anew(b"\0\0\1" + other, None)
    assert not begins_anew(len(other).to_bytes(4, "big") + other, sizes)
    assert not begins_anew(b"", sizes)


def test_times_stay_where_damage_was(tmp_path: Path) -> None:
    path = write_clip(
        tmp_path / "clip.mkv", [noise(k) for k in range(60)], options={"g": "10"}
    )
    whole = frame_times(path)
    num_frames, _ = read(overwritten(path, 0.4, 0.6))
    assert num_frames < 60
    assert frame_times(path)[-1] == whole[-1]
