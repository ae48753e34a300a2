"""Long films: nothing is done twice, whatever ends a run."""

import errno
import os
import random
import shutil
import sys
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtstyle.choices import SMOOTH_MODES, SmoothMode
from rtstyle.doctor.checks import check_unfinished_films
from rtstyle.look import Look
from rtstyle.masks.steady import SteadyMask
from rtstyle.offline.job import FileJob, JobResult, run_file_job
from rtstyle.offline.journal import Journal, difference
from rtstyle.offline.resume import frames_per_segment
from rtstyle.offline.unfinished import OLD_SECONDS, forgotten
from rtstyle.offline.work_folder import WorkFolder
from rtstyle_streams.errors import SinkError
from rtstyle_streams.protocols import StreamInfo
from rtstyle_streams.video import segmented_writer
from rtstyle_streams.video.reader import VideoReader
from tests.rtstyle.long_film import (
    check_same_film,
    frame_hashes,
    kill_when,
    run,
    start,
    video_packet_times,
    write_film,
)
from tests.streams.clips import frame_times, packets

NUM_FRAMES = 110
SEGMENT_FRAMES = 25


class Stop(RuntimeError):
    """What ends a run in the middle here."""


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_film(tmp_path_factory.mktemp("film") / "film.mp4", NUM_FRAMES)


@pytest.fixture
def job(film: Path, tmp_path: Path) -> FileJob:
    return FileJob(
        source=str(film),
        target=str(tmp_path / "painted.mp4"),
        style="starry_night",
        device="cpu",
        segment_seconds=SEGMENT_FRAMES / 25,
    )


@pytest.fixture(scope="module")
def whole(film: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The film as a run without an end in the middle makes it."""
    path = tmp_path_factory.mktemp("whole") / "painted.mp4"
    seconds = SEGMENT_FRAMES / 25
    run_file_job(
        FileJob(
            str(film), str(path), "starry_night", device="cpu", segment_seconds=seconds
        ),
        on_frame=lambda done, total: None,
    )
    return path


def run_up_to(job: FileJob, num_frames: int) -> None:
    """Run, and break off after so many frames."""

    def stop(done: int, total: int | None) -> None:
        if done == num_frames:
            raise Stop

    with pytest.raises(Stop):
        run_file_job(job, on_frame=stop)


def go_on(job: FileJob) -> JobResult:
    return run_file_job(job, on_frame=lambda done, total: None)


def work_folder(job: FileJob) -> Path:
    target = Path(job.target)
    return target.with_name(f".{target.name}.rtstyle")


@pytest.mark.parametrize("num_frames", [30, 50, 109])
def test_a_run_goes_on_behind_the_last_whole_segment(
    job: FileJob, whole: Path, num_frames: int
) -> None:
    run_up_to(job, num_frames)
    result = go_on(job)
    assert result.num_kept == num_frames // SEGMENT_FRAMES * SEGMENT_FRAMES
    assert result.num_kept + result.summary.num_frames == NUM_FRAMES
    check_same_film(Path(job.target), whole)
    assert not work_folder(job).exists()


@pytest.mark.slow
@pytest.mark.parametrize("every", [1, 3])
@pytest.mark.parametrize("smooth", SMOOTH_MODES)
def test_frames_at_the_joins_are_those_of_a_run_in_one_piece(
    job: FileJob, tmp_path: Path, smooth: SmoothMode, every: int
) -> None:
    target = str(tmp_path / "joined.mkv")
    joined = replace(job, target=target, codec="ffv1", smooth=smooth, every=every)
    one_piece = str(tmp_path / "one_piece.mkv")
    run_up_to(joined, 40)
    run_up_to(joined, 30)  # 25 + 30 = 55
    go_on(joined)
    go_on(replace(joined, target=one_piece, resume=False))
    assert frame_hashes(Path(target)) == frame_hashes(Path(one_piece))
    assert frame_times(Path(target)) == frame_times(Path(one_piece))


def test_a_mask_goes_on_where_it_was(tmp_path: Path) -> None:
    mask, again = SteadyMask(), SteadyMask()
    rows = np.random.default_rng(3).random((20, 18, 32), np.float32)
    rows[8:] *= 0.1  # the person is lost
    for row in rows[:12]:
        mask(row, row * 255)
    again.restore(mask.state())
    for row in rows[12:]:
        assert (again(row, row * 255) == mask(row, row * 255)).all()


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["ultrafast", "medium"])
def test_times_of_a_variable_rate_are_those_of_one_encoder(
    tmp_path: Path, preset: str
) -> None:
    steps = random.Random(5).choices([1, 2, 3, 40], k=80)
    pts = [9 + sum(steps[:i]) for i in range(80)]
    film = write_film(tmp_path / "film.mkv", 80, pts=pts, time_base=Fraction(1, 1000))
    job = FileJob(
        str(film),
        str(tmp_path / "joined.mp4"),
        "starry_night",
        device="cpu",
        preset=preset,
        segment_seconds=0.01,
    )
    with VideoReader(film) as reader:
        rate = float(reader.info.frame_rate or 25)
    job = replace(job, segment_seconds=15 / rate)
    run_up_to(job, 40)
    assert go_on(job).num_kept == 30
    one_piece = tmp_path / "one_piece.mp4"
    go_on(replace(job, target=str(one_piece), resume=False))
    assert frame_times(Path(job.target)) == frame_times(one_piece)
    assert frame_times(one_piece) == [Fraction(t, 1000) for t in pts]
    decoded = [
        sorted(dts or 0 for _, dts in video_packet_times(path))
        for path in (Path(job.target), one_piece)
    ]
    assert decoded[0] == decoded[1]


def test_short_films_are_the_same_file_with_and_without(
    film: Path, tmp_path: Path
) -> None:
    for name, is_on in (("with.mp4", True), ("without.mp4", False)):
        target = str(tmp_path / name)
        job = FileJob(str(film), target, "starry_night", device="cpu", resume=is_on)
        go_on(job)
    first, second = tmp_path / "with.mp4", tmp_path / "without.mp4"
    check_same_film(first, second)
    assert first.stat().st_size == second.stat().st_size


@pytest.mark.slow
def test_a_joined_film_is_at_most_two_percent_larger(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mp4", 400, shot_frames=150)
    job = FileJob(str(film), str(tmp_path / "joined.mp4"), "starry_night", device="cpu")
    go_on(job)
    one_piece = tmp_path / "one_piece.mp4"
    go_on(replace(job, target=str(one_piece), resume=False))
    joined = Path(job.target)
    assert joined.stat().st_size <= 1.02 * one_piece.stat().st_size
    assert key_frames(joined) >= key_frames(one_piece)
    assert packets(joined, 1) == packets(one_piece, 1) == packets(film, 1)


def key_frames(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(p.is_keyframe for p in container.demux(video=0))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"style": "scream"}, "another style"),
        ({"look": Look(strength=0.5)}, "another look"),
        ({"smooth": "off"}, "another --smooth"),
        ({"every": 2}, "another --every"),
        ({"crf": 30}, "another encoder"),
        ({"bits": "10"}, "another encoder"),
        ({"segment_seconds": 2.0}, "another segment length"),
    ],
)
def test_another_option_starts_anew_and_says_which(
    job: FileJob,
    caplog: pytest.LogCaptureFixture,
    change: dict[str, Any],
    said: str,
) -> None:
    run_up_to(job, 60)
    result = go_on(replace(job, **change))
    assert result.num_kept == 0 and result.summary.num_frames == NUM_FRAMES
    assert said in caplog.text and "starting anew" in caplog.text
    assert len(frame_times(Path(job.target))) == NUM_FRAMES


def test_another_input_starts_anew(
    job: FileJob, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = tmp_path / "film.mp4"
    source.write_bytes(Path(job.source).read_bytes())
    own = replace(job, source=str(source))
    run_up_to(own, 60)
    write_film(source, 60)
    assert go_on(own).num_kept == 0
    assert "another input" in caplog.text


@pytest.mark.slow
def test_a_damaged_journal_never_makes_a_wrong_film(
    job: FileJob, whole: Path, tmp_path: Path
) -> None:
    run_up_to(job, 80)
    folder = work_folder(job)
    kept = {path.name: path.read_bytes() for path in folder.iterdir()}
    chance = random.Random(11)
    seen = set()
    for _ in range(10):
        shutil.rmtree(folder, ignore_errors=True)
        Path(job.target).unlink(missing_ok=True)
        folder.mkdir()
        for name, data in kept.items():
            damaged = bytearray(data)
            if name == "journal":
                place = chance.randrange(8 * len(data))
                damaged[place // 8] ^= 1 << place % 8
            (folder / name).write_bytes(damaged)
        seen.add(go_on(job).num_kept)
        check_same_film(Path(job.target), whole)
    assert len(seen) > 1


@pytest.mark.slow
@pytest.mark.parametrize("name", ["segment-000001.packets", "state-000002.npz"])
def test_a_damaged_segment_or_state_is_made_again(
    job: FileJob, whole: Path, name: str
) -> None:
    run_up_to(job, 80)
    path = work_folder(job) / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)
    assert go_on(job).num_kept == (50 if name.startswith("state") else 25)
    check_same_film(Path(job.target), whole)


@settings(max_examples=25)
@given(flips=st.lists(st.integers(0, 10**6), min_size=1, max_size=50))
def test_no_line_behind_a_damaged_one_is_believed(
    tmp_path_factory: pytest.TempPathFactory, flips: list[int]
) -> None:
    journal = Journal(tmp_path_factory.mktemp("journal") / "journal")
    journal.begin({"style": "a"})
    for number in range(8):
        journal.append({"number": number})
    data = bytearray(journal.path.read_bytes())
    for flip in flips:
        data[flip // 8 % len(data)] ^= 1 << flip % 8
    journal.path.write_bytes(data)
    identity, rows = journal.read()
    assert identity in (None, {"style": "a"})
    assert [row["number"] for row in rows] == list(range(len(rows)))
    if identity is not None:  # and it goes on from there
        journal.append({"number": len(rows)})
        assert len(Journal(journal.path).read()[1]) == len(rows) + 1


def test_what_differs_is_named() -> None:
    assert difference({"a": "1"}, {"a": "1"}) == ""
    assert difference({"a": "1"}, {"a": "2"}) == "another a (1 before, 2 now)"
    assert "none before" in difference({}, {"b": "x"})


def test_the_second_of_two_runs_is_told(job: FileJob) -> None:
    with WorkFolder(Path(job.target)):
        with pytest.raises(SinkError, match=f"found process {os.getpid()}"):
            go_on(job)
    go_on(job)


def test_a_full_disk_in_the_middle_is_gone_on_from(
    job: FileJob, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = 0
    real = segmented_writer._SegmentFile.write

    def full(self: Any, data: bytes) -> None:
        nonlocal written
        written += len(data)
        if written > 200_000:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(self, data)

    monkeypatch.setattr(segmented_writer._SegmentFile, "write", full)
    with pytest.raises(SinkError, match="No space left"):
        go_on(job)
    monkeypatch.undo()
    assert not Path(job.target).exists()
    assert go_on(job).num_kept >= SEGMENT_FRAMES
    check_same_film(Path(job.target), whole)


def test_an_output_that_exists_is_refused_before_anything_is_made(
    job: FileJob,
) -> None:
    Path(job.target).write_bytes(b"mine")
    with pytest.raises(SinkError, match="pass --overwrite"):
        go_on(job)
    assert not work_folder(job).exists()


def test_segments_are_ten_seconds_or_one_key_frame_interval() -> None:
    def frames(rate: int, seconds: float | None = None) -> int:
        info = StreamInfo(16, 16, Fraction(1, 1000), frame_rate=Fraction(rate))
        return frames_per_segment(info, seconds)

    assert [frames(rate) for rate in (1, 12, 24, 25, 60)] == [100, 120, 240, 250, 250]
    assert [frames(25, 2.0), frames(25, 60.0)] == [50, 1500]


def test_forgotten_films_are_told_and_left(
    job: FileJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_up_to(job, 60)
    assert forgotten() == []
    late = time.time() + OLD_SECONDS + 60
    (found,) = forgotten(now=late)
    assert found.folder == work_folder(job) and found.num_bytes > 0
    assert "painted.mp4" in str(found.folder) and found.folder.exists()
    monkeypatch.setattr("rtstyle.offline.unfinished.OLD_SECONDS", -1)
    check = check_unfinished_films()
    assert check.status == "note" and str(found.folder) in check.found
    go_on(job)
    assert forgotten(now=late) == []
    assert check_unfinished_films().status == "ok"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_killed_run_goes_on(film: Path, whole: Path, tmp_path: Path) -> None:
    words = ["video", str(film), "painted.mp4", "--style", "starry_night"]
    words += ["--device", "cpu", "--segment-seconds", "1"]
    folder = tmp_path / ".painted.mp4.rtstyle"
    for number in (0, 2):
        segment = folder / f"segment-{number:06}.packets"
        process = start(words, folder=tmp_path)
        assert kill_when(process, segment.exists)
    code, said = run(words, folder=tmp_path)
    assert code == 0 and "going on behind" in said
    check_same_film(tmp_path / "painted.mp4", whole)
    assert not folder.exists()
