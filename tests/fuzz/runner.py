"""Feeds malformed files to the program, each in a process of its own, and counts.

A `Target` says what is fed to what: it makes seeds by code, changes them, runs one file
and judges by other means whether something was lost in silence. Each input is made from
its number alone, so that it can be made again: ``python -m tests.fuzz --target films
--first 4711 --inputs 1 --keep folder``.

For each slot there is a worker, ``python -m tests.fuzz.worker``, that imports all once
and forks a child for each input: a crash or an endless loop ends that child alone.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Protocol

TARGETS: Mapping[str, str] = {
    "checkpoints": "tests.fuzz.checkpoints:Checkpoints",
    "films": "tests.fuzz.films:Films",
    "pictures": "tests.fuzz.pictures:Pictures",
    "playlists": "tests.fuzz.playlists:Playlists",
    "recipes": "tests.fuzz.texts:Recipes",
    "specs": "tests.fuzz.texts:Specs",
    "styles": "tests.fuzz.styles:Styles",
}
"""Where each target is: ``module:class``; a new one needs a line here and no more."""
ROOT = Path(__file__).parents[2]
HANG_SECONDS = 20.0
"""After this an input counts as a hang, and its process is ended."""
KEPT = Path(__file__).parent / "kept"
"""Inputs that failed once, a folder for each target; they are seeds from then on."""


class Outcome(StrEnum):
    """How a run over one input ended."""

    CLEAN_ERROR = "clean error"
    """Refused in one line of ours."""
    PARTIAL = "partial"
    """What can be read was read, and it was said that something is missing."""
    SUCCESS = "success"
    """All was read, and the judge agrees."""
    TRACEBACK = "traceback"
    """An exception that is none of ours."""
    CRASH = "crash"
    """The process was ended by a signal."""
    HANG = "hang"
    """It did not end within `HANG_SECONDS`."""
    SILENT_LOSS = "silent loss"
    """It was called a success or refused, and the judge found what was lost."""


FAILURES = (Outcome.TRACEBACK, Outcome.CRASH, Outcome.HANG, Outcome.SILENT_LOSS)
"""What must never happen."""


@dataclass(frozen=True, slots=True)
class Seed:
    """A file that is right, or that once was wrong in an interesting way."""

    name: str
    """With its suffix."""
    data: bytes
    """The whole file."""


@dataclass(frozen=True, slots=True)
class Run:
    """What the program made of one file."""

    outcome: Outcome
    """`CLEAN_ERROR`, `PARTIAL` or `SUCCESS`; the runner finds out about the others."""
    text: str = ""
    """What was said, a line."""
    facts: Mapping[str, int] = field(default_factory=dict)
    """What the judge compares: counts of frames, of errors; a refusal with some is
    judged too."""

    @property
    def is_judged(self) -> bool:
        """Return whether something may be lost that nobody was told of."""
        is_refused = self.outcome is Outcome.CLEAN_ERROR and bool(self.facts)
        return self.outcome is Outcome.SUCCESS or is_refused


class Target(Protocol):
    """What is fed to what."""

    def seeds(self) -> list[Seed]:
        """Make the seeds; called once, in a process of its own."""
        ...

    def mutated(self, seed: Seed, other: Seed, random: Random) -> bytes:
        """Return a changed copy of `seed`, perhaps with parts of `other`."""
        ...

    def run(self, path: Path, folder: Path) -> Run:
        """Run the program over `path`; what it writes goes into the empty `folder`.

        Exceptions that the program calls its own are a `CLEAN_ERROR`; all others may
        pass and count as a traceback.
        """
        ...

    def loss(self, path: Path, run: Run) -> str:
        """Return what was lost although `run` is a success; nothing: no loss.

        A refusal is judged too, if it has facts.
        """
        ...


@dataclass(frozen=True, slots=True)
class Result:
    """How one input ended."""

    number: int
    """From which it can be made again."""
    seed: str
    """The seed's name."""
    outcome: Outcome
    """How it ended."""
    text: str
    """What was said: an error, the end of a traceback, a loss."""
    seconds: float
    """How long it took."""
    peak_mb: float
    """Peak memory of its process, that of the imports included."""


@dataclass(frozen=True, slots=True)
class Report:
    """How many inputs ended how."""

    target: str
    """Name of the target."""
    results: Sequence[Result]
    """One for each input."""

    @property
    def counts(self) -> dict[Outcome, int]:
        """Return how many inputs ended how, zeros included."""
        found = Counter(result.outcome for result in self.results)
        return {outcome: found[outcome] for outcome in Outcome}

    @property
    def failures(self) -> list[Result]:
        """Return the results that must not be."""
        return [result for result in self.results if result.outcome in FAILURES]

    def as_text(self) -> str:
        """Return the counts, the slowest, the largest and each failure."""
        counts = ", ".join(f"{self.counts[outcome]} {outcome}" for outcome in Outcome)
        slowest = max((result.seconds for result in self.results), default=0.0)
        largest = max((result.peak_mb for result in self.results), default=0.0)
        lines = [
            f"{self.target}: {len(self.results)} inputs: {counts}; "
            f"at most {slowest:.1f} s and {largest:.0f} MB"
        ]
        lines += [
            f"  {result.number} ({result.seed}): {result.outcome}: {result.text}"
            for result in self.failures
        ]
        return "\n".join(lines)


def load_target(name: str) -> Target:
    """Return the target of that name."""
    module, _, attribute = TARGETS[name].partition(":")
    target: Target = getattr(import_module(module), attribute)()
    return target


def fuzz(
    name: str,
    *,
    num_inputs: int,
    first: int = 0,
    processes: int | None = None,
    keep: Path | None = None,
) -> Report:
    """Run a target over `num_inputs` malformed files.

    Args:
        name: One of `TARGETS`.
        num_inputs: How many.
        first: Number of the first; the same numbers are the same inputs.
        processes: How many run at once; None is one a core.
        keep: Where each input that fails is written, as a seed for later.
    """
    slots = min(num_inputs, processes or os.cpu_count() or 1)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        _write_seeds(name, Path(folder))
        ranges = [range(first + k, first + num_inputs, slots) for k in range(slots)]
        with ThreadPoolExecutor(slots) as pool:
            parts = pool.map(lambda part: _work(name, Path(folder), part, keep), ranges)
            results = [result for part in parts for result in part]
    return Report(name, sorted(results, key=lambda result: result.number))


def make_input(target: Target, seeds: Sequence[Seed], number: int) -> Seed:
    """Return input `number`: the seeds in turn as they are, then changed ones."""
    random = Random(number)
    seed = seeds[number % len(seeds)]
    if number < len(seeds):
        return seed
    return Seed(seed.name, target.mutated(seed, random.choice(seeds), random))


def read_seeds(folder: Path) -> list[Seed]:
    """Return the seeds in a folder, in the order of their names."""
    return [Seed(path.name, path.read_bytes()) for path in sorted(folder.iterdir())]


def _write_seeds(name: str, folder: Path) -> None:
    """Make the seeds in a process that has nothing else to do, and add those kept."""
    code = (
        "import sys; from pathlib import Path; from tests.fuzz.runner import *\n"
        f"for seed in load_target({name!r}).seeds():\n"
        "    (Path(sys.argv[1]) / seed.name).write_bytes(seed.data)"
    )
    subprocess.run(
        [sys.executable, "-c", code, folder], check=True, env=_environment(), cwd=ROOT
    )
    for seed in read_seeds(KEPT / name) if (KEPT / name).is_dir() else ():
        (folder / f"kept_{seed.name}").write_bytes(seed.data)


def _work(name: str, seeds: Path, numbers: range, keep: Path | None) -> list[Result]:
    """Run one worker over `numbers`; one that ends early is started again."""
    results: list[Result] = []
    while len(results) < len(numbers):
        done = len(results)
        results += _one_worker(name, seeds, numbers[done:], keep)
        if len(results) == done:
            raise RuntimeError(f"{name}: the worker ended at input {numbers[done]}")
    return results


def _one_worker(
    name: str, seeds: Path, numbers: range, keep: Path | None
) -> Iterator[Result]:
    task = {
        "target": name,
        "seeds": str(seeds),
        "numbers": [numbers.start, numbers.stop, numbers.step],
        "keep": str(keep or ""),
    }
    command = [sys.executable, "-m", "tests.fuzz.worker", json.dumps(task)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=_environment(), cwd=ROOT
    ) as worker:
        assert worker.stdout is not None
        for line in worker.stdout:
            row = json.loads(line)
            yield Result(**row | {"outcome": Outcome(row["outcome"])})


def _environment() -> dict[str, str]:
    """Return an environment in which no library starts threads before the fork."""
    folders = [ROOT, ROOT / "streams", ROOT / "train", ROOT / "export"]
    quiet = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    return os.environ | quiet | {"PYTHONPATH": os.pathsep.join(map(str, folders))}
