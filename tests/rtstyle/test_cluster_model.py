"""The cost model of a cluster: the formula says what the simulation plays."""

from dataclasses import replace

import pytest

from rtstyle.benchmark.cluster_model import (
    Cluster,
    Film,
    films,
    predict,
    simulate,
    table,
)


@pytest.mark.parametrize("film", films(), ids=lambda film: film.frames_per_segment)
@pytest.mark.parametrize("num_machines", [1, 2, 10, 100])
def test_the_formula_is_near_the_simulation(film: Film, num_machines: int) -> None:
    cluster = Cluster(num_machines)
    played = [simulate(film, cluster, seed=seed).seconds for seed in range(5)]
    told = predict(film, cluster).seconds
    assert told == pytest.approx(sum(played) / len(played), rel=0.15)


def test_all_work_is_done_and_more_machines_are_never_slower() -> None:
    film = Film()
    times = [simulate(film, Cluster(n)).seconds for n in (1, 2, 4, 8, 16)]
    assert times == sorted(times, reverse=True)
    slots = Cluster(1).num_slots
    work = film.num_frames * film.slot_seconds_per_frame
    assert times[0] > work / slots


def test_a_film_of_one_shot_is_made_one_segment_after_the_other() -> None:
    film = replace(Film(), num_frames=10_000, shot_seconds=1e6)
    serial = film.num_frames * film.slot_seconds_per_frame
    played = simulate(film, Cluster(100)).make_seconds
    assert played == pytest.approx(Cluster(100).start_seconds + serial, rel=0.1)


def test_the_head_ends_the_gain() -> None:
    slow = replace(Cluster(1000), head_bytes_per_second=1e6)
    film = Film()
    told = predict(film, slow)
    assert told.make_seconds > film.num_frames * film.bytes_per_frame / 1e6
    assert len(table([film], [1, 2])) == 4
