"""``python -m tests.fuzz --inputs 10000``: fuzz every target and print the counts."""

import argparse
import sys
from pathlib import Path

from tests.fuzz.runner import TARGETS, fuzz


def main() -> int:
    """Return 1 if any input ended as none may end."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=10_000, help="for all targets")
    parser.add_argument("--target", choices=sorted(TARGETS), action="append")
    parser.add_argument("--first", type=int, default=0, help="number of the first")
    parser.add_argument("--processes", type=int, help="one a core if not given")
    parser.add_argument("--keep", type=Path, help="where failing inputs are written")
    given = parser.parse_args()
    names = given.target or sorted(TARGETS)
    has_failed = False
    for position, name in enumerate(names):
        share = given.inputs // len(names) + (position < given.inputs % len(names))
        report = fuzz(
            name,
            num_inputs=share,
            first=given.first,
            processes=given.processes,
            keep=given.keep / name if given.keep else None,
        )
        print(report.as_text(), flush=True)
        has_failed = has_failed or bool(report.failures)
    return int(has_failed)


if __name__ == "__main__":
    sys.exit(main())
