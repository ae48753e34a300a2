"""The queue of jobs: shared by processes, and nothing in it is lost or done twice."""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from rtstyle.cli import main
from rtstyle.errors import UsageError
from rtstyle.look import Look
from rtstyle.offline.job import FileJob
from rtstyle.offline.queue import MOST_ATTEMPTS, JobQueue
from rtstyle.offline.queue_runner import run_queue
from rtstyle.offline.queue_worker import work
from rtstyle.offline.queued_job import CancelledError, job_of, text_of
from tests.rtstyle.long_film import write_film

JOB = FileJob("in.mp4", "out.mp4", "scream", look=Look(strength=0.5, height=64))
TAKER = """
import sys
from pathlib import Path
from rtstyle.offline.queue import JobQueue
with JobQueue(Path(sys.argv[1])) as queue:
    while (job := queue.take()) is not None:
        print(job.id)
        queue.finish(job.id)
"""
ADDER = """
import sys
from pathlib import Path
from rtstyle.offline.job import FileJob
from rtstyle.offline.queue import JobQueue
with JobQueue(Path(sys.argv[1])) as queue:
    for number in range(40):
        print(queue.add(FileJob(f"{sys.argv[2]}-{number}", "out.mp4"), kind="video"))
"""


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[JobQueue]:
    with JobQueue(tmp_path / "jobs.sqlite") as made:
        yield made


def started(code: str, *words: str) -> "subprocess.Popen[str]":
    from tests.rtstyle.long_film import environment

    return subprocess.Popen(
        [sys.executable, "-c", code, *words],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    )


def numbers_of(process: "subprocess.Popen[str]") -> list[int]:
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return [int(line) for line in out.split()]


def test_a_job_keeps_all_its_options(queue: JobQueue, tmp_path: Path) -> None:
    number = queue.add(JOB, kind="video", folder=tmp_path)
    row = queue.get(number)
    assert row.job == JOB and job_of(text_of(JOB)) == JOB
    assert (row.state, row.kind, row.folder) == ("waiting", "video", str(tmp_path))
    assert (row.source, row.target, row.progress) == ("in.mp4", "out.mp4", 0.0)


def test_a_job_goes_through_its_states(queue: JobQueue) -> None:
    first, second = queue.add_many([JOB, JOB], kind="video")
    taken = queue.take()
    assert taken is not None and (taken.id, taken.state) == (first, "running")
    queue.report(first, num_done=5, num_frames=20, rate=2.5)
    assert queue.get(first).progress == 0.25
    queue.say(first, "a line")
    queue.say(first, "another")
    assert queue.log(first) == "a line\nanother"
    queue.fail(first, "broken")
    assert queue.get(first).error == "broken"
    assert queue.retry() == 1 and queue.get(first).state == "waiting"
    assert queue.cancel([first, second]) == 2
    assert queue.take() is None
    assert queue.counts()["cancelled"] == 2
    assert queue.clear() == 2 and queue.jobs() == []
    with pytest.raises(UsageError, match="job 1: expected a number"):
        queue.get(first)


def test_a_running_job_that_is_cancelled_is_told(queue: JobQueue) -> None:
    number = queue.add(JOB, kind="video")
    queue.take()
    assert queue.cancel([number]) == 1
    with pytest.raises(CancelledError, match="cancelled"):
        queue.report(number, num_done=1, num_frames=2, rate=1.0)
    assert queue.clear(["running"]) == 0


def test_a_job_whose_process_died_is_taken_up_again(queue: JobQueue) -> None:
    number = queue.add(JOB, kind="video")
    for attempt in range(1, MOST_ATTEMPTS + 1):
        taken = queue.take()
        assert taken is not None and taken.attempts == attempt
        sleeper = subprocess.Popen([sys.executable, "-c", "input()"], stdin=-1)
        queue.hand_over(number, pid=sleeper.pid)
        assert queue.take() is None
        sleeper.kill()
        sleeper.communicate()
    assert queue.take() is None
    assert "died 5 times" in queue.get(number).error


def test_a_number_of_a_process_that_is_used_again_is_no_sign_of_life(
    queue: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue.add(JOB, kind="video")
    assert queue.take() is not None and queue.take() is None
    real = psutil.Process.create_time
    monkeypatch.setattr(psutil.Process, "create_time", lambda p: real(p) + 60)
    assert queue.take() is not None


@pytest.mark.slow
def test_two_runners_never_take_the_same_job(queue: JobQueue) -> None:
    queue.add_many([JOB] * 150, kind="video")
    runners = [started(TAKER, str(queue.path)) for _ in range(3)]
    taken = Counter(number for runner in runners for number in numbers_of(runner))
    assert sorted(taken) == list(range(1, 151)) and set(taken.values()) == {1}
    assert queue.counts()["done"] == 150


@pytest.mark.slow
def test_several_processes_add_while_one_runs(queue: JobQueue) -> None:
    adders = [started(ADDER, str(queue.path), str(k)) for k in range(2)]
    numbers = [number for adder in adders for number in numbers_of(adder)]
    assert len(set(numbers)) == 80
    sources = {job.source for job in queue.jobs()}
    assert sources == {f"{k}-{n}" for k in range(2) for n in range(40)}


@pytest.mark.slow
def test_ten_thousand_jobs_are_listed_and_added_to_in_50_ms(queue: JobQueue) -> None:
    queue.add_many([JOB] * 10_000, kind="video")
    times = []
    acts = (
        lambda: queue.jobs(limit=1000, newest_first=True),
        lambda: queue.jobs(states=["waiting"], limit=1000),
        lambda: queue.add(JOB, kind="video"),
        queue.counts,
    )
    for act in acts:
        best = 9.0
        for _ in range(5):
            began = time.perf_counter()
            act()
            best = min(best, time.perf_counter() - began)
        times.append(1000 * best)
    assert all(ms < 50 for ms in times), times


def test_a_file_that_is_no_queue_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite"
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(UsageError, match="expected a queue of jobs"):
        JobQueue(path)


def test_options_of_another_version_are_refused() -> None:
    with pytest.raises(UsageError, match="add it again"):
        job_of(json.dumps({**json.loads(text_of(JOB)), "unheard_of": 1}))


def test_work_notes_what_became_of_a_job(queue: JobQueue, tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mp4", 30)
    good = FileJob(str(film), str(tmp_path / "new" / "out.mp4"), device="cpu")
    bad = FileJob(str(tmp_path / "none.mp4"), str(tmp_path / "out.mp4"))
    for job in (good, bad):
        queue.add(job, kind="video")
        taken = queue.take()
        assert taken is not None
        work(queue, taken.id)
    done, failed = queue.jobs()
    assert (done.state, done.num_done, done.progress) == ("done", 30, 1.0)
    assert done.rate > 0 and (tmp_path / "new" / "out.mp4").exists()
    assert failed.state == "failed" and "expected a file, found none" in failed.error


@pytest.mark.slow
def test_jobs_are_added_run_and_listed_by_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_film(tmp_path / "a.mp4", 20)
    (tmp_path / "b.mp4").write_bytes(b"no film")

    def rtstyle(*words: str) -> int:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main(list(words))
        return int(str(stop.value.code))

    words = ("--out-dir", "out", "--style", "scream", "--device", "cpu")
    assert rtstyle("jobs", "add", "video", "a.mp4", "b.mp4", *words) == 0
    assert "a.mp4 -> out/a.mp4" in capsys.readouterr().out
    assert rtstyle("jobs", "add", "video", "a.mp4") == 2
    assert "Missing argument 'OUT'" in capsys.readouterr().err
    assert rtstyle("jobs", "run") == 4
    assert rtstyle("jobs", "list", "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["state"] for row in rows] == ["done", "failed"]
    assert rows[0]["options"]["style"] == "scream"
    assert rtstyle("jobs", "list", "--log", "1") == 0
    assert "style The Scream" in capsys.readouterr().out
    assert (tmp_path / "out" / "a.mp4").exists()
    assert rtstyle("jobs", "retry") == 0
    assert rtstyle("jobs", "cancel", "2") == 0
    assert rtstyle("jobs", "clear") == 0
    assert capsys.readouterr().out == "2 removed\n"


@pytest.mark.slow
def test_a_job_whose_process_breaks_ends_the_job_and_not_the_runner(
    queue: JobQueue, tmp_path: Path
) -> None:
    queue.add(JOB, kind="video", folder=tmp_path)
    queue.add(JOB, kind="video", folder=tmp_path / "gone")
    done = run_queue(queue)
    assert [job.state for job in done] == ["failed", "failed"]
    assert "found none" in done[0].error and "No such file" in done[1].error
