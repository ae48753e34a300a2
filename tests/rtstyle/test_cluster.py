"""One film on two nodes of a cluster: the same film as on one, whoever dies."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rtstyle.choices import SmoothMode
from rtstyle.errors import RuntimeUnavailableError
from rtstyle.gallery.mixture import load_mixture
from rtstyle.offline.cluster import run_cluster_job
from rtstyle.offline.job import FileJob, JobResult, run_file_job
from rtstyle.offline.segment_maker import SegmentMaker, parts_of
from rtstyle_streams.errors import SourceError
from rtstyle_streams.video.packet_times import packet_times
from rtstyle_streams.video.packets import unpack
from tests.rtstyle.long_film import check_same_film, write_film
from tests.streams.clips import numbered, write_clip

NUM_FRAMES = 160
SEGMENT_FRAMES = 25


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_film(tmp_path_factory.mktemp("film") / "film.mp4", NUM_FRAMES)


@pytest.fixture
def job(film: Path, tmp_path: Path) -> FileJob:
    target = str(tmp_path / "painted.mp4")
    seconds = SEGMENT_FRAMES / 25
    return FileJob(
        str(film), target, "starry_night", device="cpu", segment_seconds=seconds
    )


@pytest.fixture
def whole(job: FileJob, tmp_path: Path) -> Path:
    path = tmp_path / "whole.mp4"
    run_file_job(replace(job, target=str(path)), on_frame=lambda done, total: None)
    return path


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head without cores, and two nodes with one each."""
    ray: Any = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    nodes = {"num_cpus": 0, "include_dashboard": False}
    made: Any = Cluster(initialize_head=True, head_node_args=nodes)
    for _ in range(2):
        made.add_node(num_cpus=1)
    ray.init(address=made.address, logging_level="ERROR", log_to_driver=False)
    yield made
    ray.shutdown()
    made.shutdown()


def run(job: FileJob, cluster: Any) -> JobResult:
    made = replace(job, cluster=cluster.address)
    return run_file_job(made, on_frame=lambda done, total: None)


@pytest.mark.parametrize(("smooth", "every"), [("flow", 1), ("off", 2), ("flow", 3)])
def test_segments_made_by_themselves_are_those_of_one_run(
    job: FileJob, smooth: SmoothMode, every: int
) -> None:
    path = Path(job.source)
    job = replace(job, smooth=smooth, every=every)
    times = packet_times(path)
    assert len(times) == NUM_FRAMES
    parts = parts_of(times, frames_per_segment=40, look_back=40)
    maker = SegmentMaker(
        job, load_mixture("starry_night"), path, frames_per_segment=40, workers=2
    )
    states: dict[int, Any] = {}
    in_order = []
    for part in parts:
        made = maker.make(part, states.get(part.number))
        assert made is not None
        in_order.append(made[0])
        states[part.number + 1] = made[1]
    assert [part.num_frames for part in in_order] == [40, 40, 40, 40]
    alone = [maker.make(part, None) for part in parts]
    # shots of 70 frames: cuts at 70 and 140, none in the 40 frames before 120 + 1 - 40
    assert [made and made[0].num_warm_up for made in alone] == [0, 40, 10, None]
    for made, like in zip(alone, in_order, strict=True):
        if made is not None:
            assert made[0].data == like.data
            assert unpack(made[0].data, what="segment")[0].is_keyframe
            for name, array in made[1].items():
                assert (array == states[made[0].number + 1][name]).all()
    maker.close()


def test_films_whose_packets_have_no_times_are_refused(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "raw.h264", [numbered(i) for i in range(9)])
    with pytest.raises(SourceError, match="each with a time of its own"):
        packet_times(path)


@pytest.mark.slow
def test_a_cluster_that_is_not_there_is_told(job: FileJob) -> None:
    ray = pytest.importorskip("ray")
    if ray.is_initialized():
        pytest.skip("connected to a cluster already")
    began = time.monotonic()
    with pytest.raises(RuntimeUnavailableError, match="expected the address"):
        run_file_job(replace(job, cluster="127.0.0.1:1"))
    assert time.monotonic() - began < 120


@pytest.mark.slow
def test_a_cluster_makes_the_film_of_one_machine(
    job: FileJob, whole: Path, cluster: Any
) -> None:
    result = run(job, cluster)
    assert result.summary.num_frames == NUM_FRAMES
    check_same_film(Path(job.target), whole)


@pytest.mark.slow
def test_a_shipped_input_gives_the_same(
    job: FileJob, whole: Path, cluster: Any
) -> None:
    run(replace(job, ship=True), cluster)
    check_same_film(Path(job.target), whole)


@pytest.mark.slow
def test_a_cluster_goes_on_with_the_segments_that_are_there(
    job: FileJob, whole: Path, cluster: Any
) -> None:
    def stop(done: int, total: int | None) -> None:
        if done >= 75:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_cluster_job(replace(job, cluster=cluster.address), on_frame=stop)
    result = run(job, cluster)
    assert result.num_kept >= 75
    assert result.num_kept + result.summary.num_frames == NUM_FRAMES
    check_same_film(Path(job.target), whole)


@pytest.mark.slow
def test_a_node_that_is_killed_in_the_middle_costs_only_time(
    job: FileJob, whole: Path, cluster: Any
) -> None:
    node = cluster.add_node(num_cpus=1)
    killers: list[threading.Thread] = []

    def kill_once(done: int, total: int | None) -> None:
        if done >= 50 and not killers:
            killers.append(
                threading.Thread(
                    target=cluster.remove_node,
                    args=(node,),
                    kwargs={"allow_graceful": False},
                )
            )
            killers[0].start()

    made = replace(job, cluster=cluster.address)
    result = run_file_job(made, on_frame=kill_once)
    killers[0].join()
    assert result.summary.num_frames == NUM_FRAMES
    check_same_film(Path(job.target), whole)


@pytest.mark.slow
def test_a_file_that_is_another_on_the_workers_is_refused(
    job: FileJob, tmp_path: Path, cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "rtstyle.offline.cluster.input_identity", lambda path: "other, 1 bytes, 2"
    )
    with pytest.raises(RuntimeUnavailableError, match="pass --ship"):
        run(job, cluster)
    assert not Path(job.target).exists()
