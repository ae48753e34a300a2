"""Compare a benchmark with the JSON of an earlier one, the noise beside each change."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from rtstyle.benchmark.candidate import BASELINE
from rtstyle.benchmark.fresh import BenchError

Document = Mapping[str, Any]
"""What `Report.as_json` writes, read again."""
LEAST_NOISE: Final = 0.03
"""Share below which no change is believed: two runs on one machine differ by it."""
NO_RESULTS: Final = (
    ArithmeticError,
    AttributeError,
    KeyError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What reading another file ends in."""
HEADING: Final = (
    f"{'compared with before':40}{'before':>9}{'now':>9}{'time':>8}"
    f"{'x Johnson':>17}{'change':>8}{'noise':>7}"
)
"""Header of the table; times in milliseconds of a frame."""


@dataclass(frozen=True, slots=True)
class Change:
    """One row of two benchmarks."""

    name: str
    """Style, precision and runtime; or the whole video that was measured."""
    before_ms: float
    """Time of a frame then."""
    now_ms: float
    """Time of a frame now."""
    before_ratio: float
    """Times as fast as the Johnson network in that run."""
    now_ratio: float
    """The same in this run."""
    noise: float
    """Share by which the ratio may differ by chance alone."""
    is_baseline: bool = False
    """Whether it is the Johnson network itself, which is judged by its time."""

    @property
    def change(self) -> float:
        """Return how much faster it became, as a share; negative is slower."""
        if self.is_baseline:
            return self.before_ms / self.now_ms - 1.0
        return self.now_ratio / self.before_ratio - 1.0

    @property
    def verdict(self) -> str:
        """Return ``faster``, ``slower`` or, within the noise, ``same``."""
        if abs(math.log1p(self.change)) <= math.log1p(self.noise):
            return "same"
        return "faster" if self.change > 0 else "slower"


@dataclass(frozen=True, slots=True)
class Comparison:
    """All rows that both benchmarks have."""

    changes: tuple[Change, ...]
    """In the order of the later one."""
    only_before: tuple[str, ...]
    """Names of rows that the later one lacks."""
    only_now: tuple[str, ...]
    """Names of rows that the earlier one lacks."""
    notes: tuple[str, ...]
    """What else differs: processor, versions."""

    def as_dict(self) -> dict[str, Any]:
        """Return fields and properties for JSON."""
        rows = [
            asdict(row) | {"change": row.change, "verdict": row.verdict}
            for row in self.changes
        ]
        return asdict(self) | {"changes": rows}

    def as_text(self) -> str:
        """Return a table, and a line for everything that it leaves out."""
        lines = [HEADING, *(_line(row) for row in self.changes)]
        for title, names in (
            ("measured only before", self.only_before),
            ("measured only now", self.only_now),
            ("differs", self.notes),
        ):
            lines += [f"{title}: {name}" for name in names]
        return "\n".join(lines)


def read_results(path: Path, *, size: str) -> Document:
    """Read what an earlier ``rtstyle bench --json`` wrote.

    Args:
        path: Of the file.
        size: Of the frames of the later benchmark, like ``1280x720``.

    Raises:
        BenchError: it cannot be read, holds something else, or has another size.
    """
    try:
        found = json.loads(path.read_text("utf-8"))
        _measured(found)
    except OSError as error:
        raise BenchError(
            f"{path}: expected results of rtstyle bench --json, got a file that cannot "
            f"be read ({error.strerror})"
        ) from error
    except NO_RESULTS as error:
        raise BenchError(
            f"{path}: expected results of rtstyle bench --json, got another file "
            f"({type(error).__name__})"
        ) from error
    if found.get("size") != size:
        raise BenchError(
            f"{path}: expected results for {size}, got "
            f"{str(found.get('size'))[:20]!r}; name that with --size"
        )
    return dict(found)


def compare_results(before: Document, now: Document) -> Comparison:
    """Return what became faster or slower.

    Rows are judged by their ratio to the Johnson network of the same run, which holds
    where a machine is busier than it was.

    Args:
        before: From `read_results`.
        now: Of the same size.
    """
    old, new = _measured(before), _measured(now)
    one, two = old[BASELINE], new[BASELINE]
    changes = []
    for name in (name for name in new if name in old):
        (old_ms, old_noise), (new_ms, new_noise) = old[name], new[name]
        is_baseline = name == BASELINE
        parts = [old_noise, new_noise]
        if not is_baseline:
            parts += [one[1], two[1]]
        changes.append(
            Change(
                name=name,
                before_ms=old_ms,
                now_ms=new_ms,
                before_ratio=one[0] / old_ms,
                now_ratio=two[0] / new_ms,
                noise=max(LEAST_NOISE, math.hypot(*parts)),
                is_baseline=is_baseline,
            )
        )
    return Comparison(
        changes=tuple(changes),
        only_before=tuple(name for name in old if name not in new),
        only_now=tuple(name for name in new if name not in old),
        notes=_notes(before, now),
    )


def _measured(document: Document) -> dict[str, tuple[float, float]]:
    """Return milliseconds of a frame and their noise, by a row's name.

    Raises:
        KeyError, TypeError, ValueError: it is not what `Report.as_json` writes.
    """
    found: dict[str, tuple[float, float]] = {}
    for row in document["rows"]:
        name = BASELINE
        if row["name"] != BASELINE:
            name = f"{row['name']} {row['precision']} {row['runtime']}"
        spread = float(row["p95_ms"]) / float(row["median_ms"]) - 1.0
        found[name] = _checked(row["median_ms"], row.get("noise", spread))
    for entry in document["end_to_end"]:
        name = f"video, {entry['style']} {entry['precision']}, {entry['smooth']}"
        name += "" if entry.get("every", 1) == 1 else f", every {entry['every']}"
        noise = entry.get("noise", LEAST_NOISE)
        found[name] = _checked(1e3 / float(entry["fps"]), noise)
    if BASELINE not in found:
        raise KeyError(BASELINE)
    return found


def _checked(ms: object, noise: object) -> tuple[float, float]:
    if not isinstance(ms, int | float) or not isinstance(noise, int | float):
        raise TypeError(ms, noise)
    if not (0.0 < ms < math.inf and 0.0 <= noise < math.inf):
        raise ValueError(ms, noise)
    return float(ms), float(noise)


def _notes(before: Document, now: Document) -> tuple[str, ...]:
    """Return which facts about the machine are not what they were."""
    old, new = (dict(document.get("machine") or {}) for document in (before, now))
    return tuple(
        f"{key} {old.get(key)} before, {new.get(key)} now"
        for key in new
        if old.get(key) != new.get(key)
    )


def _line(row: Change) -> str:
    ratio = f"{row.before_ratio:.1f} -> {row.now_ratio:.1f}"
    if row.is_baseline:
        ratio = ""
    return (
        f"{row.name:40.39}{row.before_ms:9.1f}{row.now_ms:9.1f}"
        f"{row.now_ms / row.before_ms - 1.0:+8.1%}{ratio:>17}"
        f"{row.change:+8.1%}{row.noise:7.1%}  {row.verdict}"
    )
