"""How long a film takes on many machines: a formula, and a simulation to check it.

``python -m rtstyle.benchmark.cluster_model`` prints both side by side.
"""

import heapq
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

FRAME_RATE: Final = 25
CORES_PER_SLOT: Final = 2
"""Cores of each segment, as `rtstyle.offline.ray_connection` asks for."""


@dataclass(frozen=True, slots=True)
class Film:
    """A film and what its frames cost, from recorded stage times."""

    num_frames: int = 180_000
    """Two hours at 25 frames a second."""
    frames_per_segment: int = 250
    """Ten seconds."""
    core_seconds_per_frame: float = 0.0788
    """Decoding, network, smoothing and encoding of 1280x720 in int8."""
    shot_seconds: float = 4.0
    """From scene cut to scene cut, the mean; lengths are exponential."""
    bytes_per_frame: int = 40_000
    """Of the encoded film."""

    @property
    def num_segments(self) -> int:
        """Return how many segments there are."""
        return math.ceil(self.num_frames / self.frames_per_segment)

    @property
    def shots_per_segment(self) -> float:
        """Return how long a segment is in mean shots."""
        return self.frames_per_segment / (self.shot_seconds * FRAME_RATE)

    @property
    def handed_over_share(self) -> float:
        """Return which segments wait for the one before: no cut in as many frames."""
        return math.exp(-self.shots_per_segment)

    @property
    def warm_up_share(self) -> float:
        """Return the frames that are stylized twice, of all: mean way to the cut."""
        ratio = self.shots_per_segment
        return (1 - math.exp(-ratio) * (1 + ratio)) / ratio

    @property
    def slot_seconds_per_frame(self) -> float:
        """Return how long a frame takes on the cores of its segment."""
        return self.core_seconds_per_frame / CORES_PER_SLOT

    @property
    def segment_seconds(self) -> float:
        """Return how long one segment takes on its cores, its warm-up included."""
        frames = self.frames_per_segment * (1 + self.warm_up_share)
        return frames * self.slot_seconds_per_frame


@dataclass(frozen=True, slots=True)
class Cluster:
    """Machines, and what the head and its disk can do."""

    num_machines: int
    """Beside the head."""
    cores: int = 16
    """Of each."""
    start_seconds: float = 15.0
    """Until workers run and have the networks."""
    head_seconds_per_segment: float = 0.005
    """For the journal, beside the bytes."""
    head_bytes_per_second: float = 110e6
    """What the head takes in: its disk, as measured, or a network of 1 Gbit/s."""
    join_bytes_per_second: float = 147e6
    """At which the segments become the film, as measured."""

    @property
    def num_slots(self) -> int:
        """Return how many segments are made at once."""
        return max(1, self.num_machines * self.cores // CORES_PER_SLOT)


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a film takes, in seconds."""

    make_seconds: float
    """Until the last segment is at the head, the start included."""
    join_seconds: float
    """To join them."""

    @property
    def seconds(self) -> float:
        """Return all of it."""
        return self.make_seconds + self.join_seconds


def predict(film: Film, cluster: Cluster) -> Forecast:
    """Return the formula: whichever is slowest, all workers, the head, or one shot.

    The segments of a long shot are made one after the other; the longest of n shots is
    about ln(n) mean ones long.
    """
    shot_frames = film.shot_seconds * FRAME_RATE
    longest = shot_frames * math.log(film.num_frames / shot_frames)
    one_shot = longest * film.slot_seconds_per_frame + film.segment_seconds
    slots = min(cluster.num_slots, film.num_segments)
    work = film.num_segments * film.segment_seconds / slots
    tail = 0.5 * film.segment_seconds * (slots < film.num_segments)
    head = film.num_segments * _head_seconds(film, cluster) + film.segment_seconds
    make = cluster.start_seconds + max(work + tail, head, one_shot)
    return Forecast(make, _join_seconds(film, cluster))


def simulate(film: Film, cluster: Cluster, *, seed: int = 0) -> Forecast:
    """Play a run event by event, with shots that are drawn.

    A segment without a cut in as many frames before it begins when the one before is
    done; the others warm up from their cut. The head takes one after another.
    """
    chance = random.Random(seed)
    tasks = _drawn_tasks(film, chance)
    ends: dict[int, float] = {}
    able = [number for number, (_, waits) in enumerate(tasks) if not waits]  # a heap
    to_come: list[tuple[float, int]] = []  # when a segment that waits can begin
    free = [cluster.start_seconds] * cluster.num_slots  # when each slot is free
    while able or to_come:
        now = heapq.heappop(free)
        if not able:
            now = max(now, to_come[0][0])
        while to_come and to_come[0][0] <= now:
            heapq.heappush(able, heapq.heappop(to_come)[1])
        number = heapq.heappop(able)
        ends[number] = now + tasks[number][0] * chance.uniform(0.8, 1.2)
        heapq.heappush(free, ends[number])
        if number + 1 < len(tasks) and tasks[number + 1][1]:
            heapq.heappush(to_come, (ends[number], number + 1))
    head_free = cluster.start_seconds
    for arrival in sorted(ends.values()):
        head_free = max(head_free, arrival) + _head_seconds(film, cluster)
    return Forecast(head_free, _join_seconds(film, cluster))


def _drawn_tasks(film: Film, chance: random.Random) -> list[tuple[float, bool]]:
    """Return how long each segment takes, and whether it waits for the one before."""
    tasks = []
    cut, next_cut = 0.0, 0.0
    for first in range(0, film.num_frames, film.frames_per_segment):
        while next_cut <= first:
            cut = next_cut
            next_cut += chance.expovariate(1 / (film.shot_seconds * FRAME_RATE))
        frames = min(film.frames_per_segment, film.num_frames - first)
        waits = first - cut > film.frames_per_segment
        frames += 0 if waits else round(first - cut)
        tasks.append((frames * film.slot_seconds_per_frame, waits))
    return tasks


def table(films: Sequence[Film], machines: Sequence[int]) -> list[str]:
    """Return rows: machines, formula and simulation, the join, and the gain."""
    rows = [
        "| segments | warm-up | wait | machines | formula | simulation | join | gain |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for film in films:
        alone = simulate(film, Cluster(1)).seconds
        for number in machines:
            cluster = Cluster(number)
            told, played = predict(film, cluster), simulate(film, cluster)
            rows.append(
                f"| {film.frames_per_segment // FRAME_RATE} s | "
                f"{100 * film.warm_up_share:.0f} % | "
                f"{100 * film.handed_over_share:.0f} % | {number} | "
                f"{told.seconds:.0f} s | {played.seconds:.0f} s | "
                f"{played.join_seconds:.0f} s | {alone / played.seconds:.1f} x |"
            )
    return rows


def _head_seconds(film: Film, cluster: Cluster) -> float:
    """Return for how long one segment keeps the head busy."""
    size = film.bytes_per_frame * film.frames_per_segment
    return cluster.head_seconds_per_segment + size / cluster.head_bytes_per_second


def _join_seconds(film: Film, cluster: Cluster) -> float:
    return film.num_frames * film.bytes_per_frame / cluster.join_bytes_per_second


def films() -> list[Film]:
    """Return the film cut into segments of 2, 10 and 60 seconds."""
    ten = Film()
    return [replace(ten, frames_per_segment=frames) for frames in (50, 250, 1500)]


if __name__ == "__main__":
    import sys

    sys.stdout.write("\n".join(table(films(), (1, 2, 10, 100))) + "\n")
